"""Where a document was made: versions, machine, code, time."""

import os
import platform
import subprocess
from dataclasses import dataclass, field
from datetime import datetime, timezone
from importlib import metadata

LIBRARIES = ("hf-fairtune", "torch", "transformers", "accelerate", "peft", "optuna", "datasets", "numpy", "scipy")


@dataclass(frozen=True)
class Hardware:
    """Processor, its cores and the accelerators."""

    platform: str
    cpu_count: int | None
    gpus: list[str]


def library_versions() -> dict[str, str]:
    """Return the versions of Python, hf_fairtune and the libraries that a result depends on."""
    return {"python": platform.python_version(), **dict(zip(LIBRARIES, map(metadata.version, LIBRARIES), strict=True))}


def git_commit() -> str | None:
    """Return the commit of the working directory's repository, or None outside one."""
    command = ["git", "rev-parse", "HEAD"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None


def now() -> str:
    """Return the time, UTC, to the second."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def hardware() -> Hardware:
    """Return this machine."""
    import torch  # takes seconds, and an audit of a table needs no torch

    gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return Hardware(platform.platform(), os.cpu_count(), gpus)


@dataclass(frozen=True)
class Provenance:
    """Where a document was made; `hardware` is None where nothing was trained."""

    versions: dict[str, str] = field(default_factory=library_versions)
    hardware: Hardware | None = None
    git: str | None = field(default_factory=git_commit)
    created: str = field(default_factory=now)
