"""The checkpoints of a training: which were written whole, and how weights and a method's state come back."""

import json
from pathlib import Path
from typing import Any

from peft import PeftModel
from transformers import PreTrainedModel, Trainer, TrainerCallback, TrainerState
from transformers.trainer_callback import ExportableState

from ..methods.method import Method


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


def load_whole(trainer: Trainer, model: Any, folder: str | Path) -> bool:
    """Load the weights of a checkpoint, unless it holds an adapter; return whether."""
    plain = trainer.accelerator.unwrap_model(model)
    if not isinstance(plain, PreTrainedModel) or isinstance(plain, PeftModel):
        return False
    load_weights(plain, folder)
    return True


class MethodState(TrainerCallback, ExportableState):
    """Keep a method's state in the `trainer_state.json` of every checkpoint, and take it up from there."""

    def __init__(self, method: Method) -> None:
        self.method = method

    def state(self) -> dict[str, Any]:
        """Return what the Trainer writes."""
        return {"args": {}, "attributes": self.method.state()}

    def on_train_begin(self, args: Any, state: TrainerState, *_: Any, **__: Any) -> None:
        """Take up the checkpoint's state, where one is resumed; else this is the method's own."""
        self.method.load_state(state.stateful_callbacks.get(type(self).__name__, self.state())["attributes"])
