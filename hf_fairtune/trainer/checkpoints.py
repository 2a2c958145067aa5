"""The checkpoints of a training: which were written whole, and how weights and a method's state come back."""

import json
import shutil
from collections.abc import Mapping, Set
from pathlib import Path
from typing import Any

from accelerate.utils import broadcast_object_list
from peft import PeftModel
from safetensors import safe_open
from torch import Tensor
from transformers import PreTrainedModel, Trainer, TrainerCallback, TrainerState
from transformers.trainer_callback import ExportableState

from ..methods.attached import NAME as ATTACHED
from ..methods.method import Method

STATE = "trainer_state.json"


def settings_of(trainer: Trainer, method: Method) -> Mapping[str, object]:
    """Return, as JSON, what a checkpoint must have been trained by: method, mask, teacher and learning rate."""
    rate, known = trainer.args.learning_rate, {"name": method.name, "stage": method.stage, **method.hyperparameters()}
    teacher = None if method.teacher is None else list(getattr(method.teacher, "trials", ()))
    mask = getattr(trainer.args, "under_mask", None)
    known |= {} if mask is None else {"under_mask": mask}
    settings: Mapping[str, object] = json.loads(
        json.dumps({"method": known, "teacher": teacher, "learning_rate": rate})
    )
    return settings


def own_checkpoint(trainer: Trainer, method: Method) -> str | None:
    """Return the newest whole checkpoint of the output folder, the same on every process.

    Checkpoints of another method, mask, teacher or learning rate, as of a search that chose another winner since, are
    put aside: they are renamed to `other-checkpoint-<step>`.
    """
    found = None
    if trainer.is_world_process_zero():
        folder, settings = Path(trainer.args.output_dir), settings_of(trainer, method)
        while (found := last_checkpoint(folder)) is not None and _settings(Path(found)) != settings:
            aside = folder / f"other-{Path(found).name}"
            shutil.rmtree(aside, ignore_errors=True)
            Path(found).rename(aside)
            what = "of another method, mask, teacher or learning rate"
            print(f"note: `{found}` is {what}; it is put aside as `{aside}`", flush=True)
    same: str | None = broadcast_object_list([found])[0]
    return same


def _settings(checkpoint: Path) -> object:
    state = json.loads((checkpoint / STATE).read_text(encoding="utf-8"))
    return state.get("stateful_callbacks", {}).get(MethodState.__name__, {}).get("settings")


def last_checkpoint(folder: Path) -> str | None:
    """Return the newest checkpoint that was written whole: its state is its last file."""
    whole = []
    for path in folder.glob("checkpoint-*"):
        try:
            json.loads((path / STATE).read_text(encoding="utf-8"))
            whole.append((int(path.name.rpartition("-")[2]), str(path)))
        except (OSError, ValueError):
            continue
    return max(whole, default=(0, None))[1]


def load_weights(model: Any, folder: str | Path) -> None:
    """Load every weight of a checkpoint into the model that wrote it, in place.

    Files keep the names that parameters had in earlier versions of transformers. `from_pretrained` knows them; the
    Trainer's own reading leaves out, in silence, whatever has been renamed since. What a method attached to the model
    while it trains is none of the class's, and keeps its names.
    """
    kind, attached = type(model), {name for name in model.state_dict() if f".{ATTACHED}." in f".{name}"}
    if attached:
        # One that does not warn of them.
        unknown = [*(kind._keys_to_ignore_on_load_unexpected or ()), rf"(^|\.){ATTACHED}\."]
        kind = type(kind.__name__, (kind,), {"_keys_to_ignore_on_load_unexpected": unknown})
    known: dict[str, Tensor] = kind.from_pretrained(folder, config=model.config).state_dict()
    model.load_state_dict(known | read_tensors(folder, attached))


def read_tensors(folder: str | Path, names: Set[str]) -> dict[str, Tensor]:
    """Return those tensors of a checkpoint's weights that have one of the names, on the CPU."""
    found: dict[str, Tensor] = {}
    for path in Path(folder).glob("model*.safetensors"):
        with safe_open(path, "pt") as kept:
            found |= {name: kept.get_tensor(name) for name in names & set(kept.keys())}
    return found


def load_whole(trainer: Trainer, model: Any, folder: str | Path) -> bool:
    """Load the weights of a checkpoint, unless it holds an adapter; return whether."""
    plain = trainer.accelerator.unwrap_model(model)
    if not isinstance(plain, PreTrainedModel) or isinstance(plain, PeftModel):
        return False
    load_weights(plain, folder)
    return True


class MethodState(TrainerCallback, ExportableState):
    """Keep a method's state and its settings in the state of every checkpoint, and take the state up from there."""

    def __init__(self, method: Method, settings: Mapping[str, object]) -> None:
        self.method, self.settings = method, settings

    def state(self) -> dict[str, Any]:
        """Return what the Trainer writes."""
        return {"args": {}, "attributes": self.method.state(), "settings": self.settings}

    def on_train_begin(self, args: Any, state: TrainerState, *_: Any, **__: Any) -> None:
        """Take up the checkpoint's state, where one is resumed; else this is the method's own."""
        self.method.load_state(state.stateful_callbacks.get(type(self).__name__, self.state())["attributes"])
