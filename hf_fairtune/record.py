"""What a run was and what it scored: `Record` <-> `fairtune.json`."""

from __future__ import annotations

import json
import math
import os
import platform
import subprocess
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from typing import Any

from .errors import FairTuneError
from .folder import write_atomically

FILE_NAME = "fairtune.json"
SCHEMA_VERSION = 1
LIBRARIES = ("torch", "transformers", "accelerate", "peft", "optuna", "datasets", "numpy", "scipy")


@dataclass
class Record:
    """One run, complete enough to print its card and figures without the run itself.

    The fields and their types are those of `record.schema.json`; undefined numbers are `null` there and
    carry a `reason`.
    """

    job: str
    seed: int
    model: dict[str, Any]
    data: dict[str, Any]
    method: str
    arguments: dict[str, Any] = field(default_factory=dict)
    learning_rate: float | None = None
    space: str | None = None
    mask: list[int] | None = None
    search: dict[str, Any] | None = None
    trials: list[dict[str, Any]] = field(default_factory=list)
    training: list[dict[str, Any]] = field(default_factory=list)
    evaluations: list[dict[str, Any]] = field(default_factory=list)
    comparisons: list[dict[str, Any]] = field(default_factory=list)
    repair: dict[str, Any] | None = None
    versions: dict[str, str] = field(default_factory=lambda: library_versions())
    hardware: dict[str, Any] = field(default_factory=lambda: hardware())
    git: str | None = field(default_factory=lambda: git_commit())
    created: str = field(default_factory=lambda: datetime.now(timezone.utc).isoformat(timespec="seconds"))
    schema_version: int = SCHEMA_VERSION

    def save(self, folder: str | Path) -> Path:
        """Write `fairtune.json` into `folder` (whole or not at all: rename over the old one)."""
        text = json.dumps(finite(asdict(self)), indent=2, ensure_ascii=False, allow_nan=False)
        return write_atomically(Path(folder) / FILE_NAME, text + "\n")

    @classmethod
    def load(cls, folder: str | Path) -> Record:
        """Read the record of a run's folder, or of the file itself.

        Raises:
            FairTuneError: there is none, or it is not a record of this schema version.
        """
        path = Path(folder)
        path = path / FILE_NAME if path.is_dir() else path
        if not path.is_file():
            raise FairTuneError(f"`{path}` does not exist; pass the output folder of a fairtune run.")
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            version = content["schema_version"]
        except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError) as error:
            raise FairTuneError(f"`{path}` is not a fairtune record ({error}); run the job again.") from None
        if version != SCHEMA_VERSION:
            raise FairTuneError(f"`{path}` has schema version {version}; this fairtune reads {SCHEMA_VERSION}.")
        return cls(**content)

    def evaluation(self, model: str, split: str = "test") -> dict[str, Any] | None:
        """Return the audit of `model` ("fairtune", "full", ...) on `split`, or None."""
        for entry in self.evaluations:
            if entry["model"] == model and entry["split"] == split:
                audit: dict[str, Any] = entry["audit"]
                return audit
        return None

    def comparison(self, model: str, reference: str, split: str = "test") -> dict[str, Any] | None:
        """Return the paired changes `model` minus `reference` on `split`, or None where they were not taken."""
        asked = (model, reference, split)
        found = (c for c in self.comparisons if (c["model"], c["reference"], c["split"]) == asked)
        return next(found, None)


def finite(value: Any) -> Any:
    """Replace every non-finite float by None, as JSON has no NaN."""
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def library_versions() -> dict[str, str]:
    """Return the versions of Python, hf_fairtune and the libraries a result depends on."""
    names = ("hf-fairtune", *LIBRARIES)
    return {"python": platform.python_version()} | {name: metadata.version(name) for name in names}


def hardware() -> dict[str, Any]:
    """Return the processor, its cores and the accelerators torch sees."""
    import torch

    gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return {"platform": platform.platform(), "cpu_count": os.cpu_count(), "gpus": gpus}


def git_commit() -> str | None:
    """Return the commit of the working directory's repository, or None outside one."""
    command = ["git", "rev-parse", "HEAD"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None
