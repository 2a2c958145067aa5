"""An output folder belongs to one run: it may be taken up again by the same run and by no other."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .errors import FairTuneError
from .record import write_atomically

FILE_NAME = "run.json"
TRACES = ("fairtune.json", "config.json", "search.db", "adapter_config.json", "model.safetensors")


def claim(folder: str | Path, run: Mapping[str, Any]) -> Path:
    """Make `folder` and write down whose it is, or check that it is this run's.

    Raises:
        FairTuneError: it holds another run, or a model that no run of ours wrote; nothing was touched.
    """
    path = Path(folder)
    path.mkdir(parents=True, exist_ok=True)
    mark = path / FILE_NAME
    wanted = json.loads(json.dumps(dict(run)))
    if mark.is_file():
        known = json.loads(mark.read_text(encoding="utf-8"))
        changed = sorted(key for key in {*known, *wanted} if known.get(key) != wanted.get(key))
        if changed:
            raise FairTuneError(
                f"`{path}` holds another run (other {', '.join(changed)}); choose another output_dir, or delete it."
            )
        return path
    found = [name for name in TRACES if (path / name).exists()]
    if found:
        raise FairTuneError(f"`{path}` already holds {', '.join(found)}; choose another output_dir.")
    write_atomically(mark, json.dumps(wanted, indent=2) + "\n")
    return path
