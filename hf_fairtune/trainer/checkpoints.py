"""The checkpoints of a training: which are as they were written, and how weights and a method's state come back."""

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
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR, rotate_checkpoints

from ..errors import FairTuneError, first_line
from ..files.checksums import FILE_NAME, damage, is_sealed, seal
from ..methods.attached import NAME as ATTACHED
from ..methods.method import Method

STATE, PREFIX = "trainer_state.json", f"{PREFIX_CHECKPOINT_DIR}-"


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

    One whose files are not as they were written is put aside, and said: it is renamed to `damaged-checkpoint-<step>`.
    So are, to `other-checkpoint-<step>`, checkpoints of another method, mask, teacher or learning rate, as of a search
    that chose another winner since.
    """
    found, settings, damaged = None, settings_of(trainer, method), list[str]()
    for path in _newest_first(Path(trainer.args.output_dir)) if trainer.is_world_process_zero() else ():
        if reason := fault(path, best=trainer.args.load_best_model_at_end):
            if not is_sealed(path) and not (path / STATE).exists():
                shutil.rmtree(path, ignore_errors=True)  # a kill in the middle of saving left it
            else:
                damaged.append(f"`{path}` is damaged ({reason}); it is put aside as `{_put_aside(path, 'damaged')}`")
        elif _settings(path) != settings:
            what = "of another method, mask, teacher or learning rate"
            print(f"note: `{path}` is {what}; it is put aside as `{_put_aside(path, 'other')}`", flush=True)
        else:
            found = str(path)
            break
    follows = f"goes on from `{Path(found).name}`" if found else "starts from its beginning"
    for line in damaged:
        print(f"note: {line}, and the training {follows}", flush=True)
    same: str | None = broadcast_object_list([found])[0]
    return same


def named_checkpoint(folder: str) -> str:
    """Return a checkpoint that was named; one without checksums, as the stock Trainer writes, is taken as it is.

    Raises:
        FairTuneError: there is none, or a file of it is not as it was written.
    """
    path = Path(folder)
    reason = damage(path) if is_sealed(path) else None if (path / STATE).is_file() else f"it has no `{STATE}`"
    if reason:
        raise FairTuneError(f"`{folder}` is no whole checkpoint ({reason}); name another one, or True for the newest.")
    return folder


def keep_whole(folder: Path, limit: int | None, best: str | None) -> None:
    """Seal a checkpoint that is written, then remove all but the newest `limit`; None keeps every one.

    By their steps: a clock that was set back does not make an old one the newest.
    """
    seal(folder)
    rotate_checkpoints(str(folder.parent), limit, best)


def fault(checkpoint: Path, *, best: bool) -> str | None:
    """Say why a checkpoint is not to be resumed from, by its files, and by those of the `best` one that it names."""
    if not is_sealed(checkpoint):
        return f"it has no `{FILE_NAME}`"
    if reason := damage(checkpoint):
        return reason
    known = _state(checkpoint).get("best_model_checkpoint") if best else None
    if known and (reason := damage(checkpoint.parent / Path(known).name)):
        return f"of `{Path(known).name}`, the best so far, {reason}"
    return None


def _put_aside(checkpoint: Path, why: str) -> Path:
    aside = checkpoint.with_name(f"{why}-{checkpoint.name}")
    try:
        shutil.rmtree(aside, ignore_errors=True)
        checkpoint.rename(aside)
    except OSError as error:
        raise FairTuneError(
            f"`{checkpoint}` is of no use and cannot be renamed ({first_line(error)}); move it away."
        ) from error
    return aside


def _state(checkpoint: Path) -> Mapping[str, Any]:
    state: Mapping[str, Any] = json.loads((checkpoint / STATE).read_text(encoding="utf-8"))
    return state


def _settings(checkpoint: Path) -> object:
    return _state(checkpoint).get("stateful_callbacks", {}).get(MethodState.__name__, {}).get("settings")


def _newest_first(folder: Path) -> list[Path]:
    steps = {path: path.name.removeprefix(PREFIX) for path in folder.glob(f"{PREFIX}*")}
    return sorted((path for path, step in steps.items() if step.isdecimal()), key=lambda path: -int(steps[path]))


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
