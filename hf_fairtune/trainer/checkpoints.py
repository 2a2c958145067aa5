"""The checkpoints of a training: which were written whole, and how their weights come back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def last_checkpoint(folder: Path) -> str | None:
    """Return the newest checkpoint that was written whole: its state is its last file."""
    whole = []
    for path in folder.glob("checkpoint-*"):
        try:
            json.loads((path / "trainer_state.json").read_text(encoding="utf-8"))
            whole.append((int(path.name.rpartition("-")[2]), str(path)))
        except (OSError, ValueError):
            continue
    return max(whole, default=(0, None))[1]


def load_weights(model: Any, folder: str | Path) -> None:
    """Load every weight of a checkpoint into the model that wrote it, in place.

    Files keep the names that parameters had in earlier versions of transformers. `from_pretrained` knows them; the
    Trainer's own reading leaves out, in silence, whatever has been renamed since.
    """
    model.load_state_dict(type(model).from_pretrained(folder).state_dict())
