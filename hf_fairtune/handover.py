"""The folder that a run hands over: merged model, processor, adapter, card, figures, document, and what is shared."""

import copy
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from peft import PeftModel
from safetensors.torch import save_file

from .combinations.mean import MeanModel, script
from .document.data import Task
from .document.document import RUN_FILE, Document
from .errors import FairTuneError, first_line
from .families.moved import move, moved_tensors
from .folder import AVERAGE, DELTA, MEMBERS, SHARE
from .publish import publish
from .show.files import write_card


def write(folder: str | Path, model: Any, processor: Any, document: Document) -> None:
    """Write the folder that stock `transformers` and stock PEFT load, and in `share/` a copy of what a push sends.

    Everything is made beside the folder's files first and renamed over them, so that a kill leaves the old hand-over
    or the new one, file by file, and `fairtune.json`, which is last, only where the rest is whole.

    Raises:
        FairTuneError: the disk is full or not writable; what was there is untouched.
    """
    target = Path(folder)
    try:
        target.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target, prefix=".handover-", ignore_cleanup_errors=True) as place:
            making = Path(place)
            _write_model(making, model, processor, document)
            write_card(document, making)
            _share(making, document)
            document.save(making)
            _move(making, target)
    except OSError as error:
        raise FairTuneError(f"`{target}` could not be written ({first_line(error)}); free some space.") from error


def _write_model(folder: Path, model: Any, processor: Any, document: Document) -> None:
    if isinstance(model, MeanModel):
        _write_members(folder, model, processor, document.data.task)
        return
    plain = model
    if isinstance(model, PeftModel):
        assert document.run is not None
        model.peft_config["default"].base_model_name_or_path = document.run.base.name
        model.save_pretrained(folder / "adapter", save_embedding_layers=False)
        # PEFT's own card is an empty form; the folder's card covers the adapter.
        (folder / "adapter" / "README.md").unlink(missing_ok=True)
        plain = copy.deepcopy(model).merge_and_unload()
    elif is_kept_as_tensors(document):
        (folder / DELTA).parent.mkdir()
        save_file({name: t.contiguous() for name, t in moved_tensors(model).items()}, folder / DELTA)
    plain.save_pretrained(folder)
    if processor is not None:
        processor.save_pretrained(folder)


def is_kept_as_tensors(document: Document) -> bool:
    """Tell whether the model was trained under a mask that is kept as tensors."""
    training = document.model_named(document.model).training
    return training is not None and training.mask is not None and training.mask.kept == "tensors"


def _write_members(folder: Path, model: MeanModel, processor: Any, task: Task) -> None:
    """Write each member as a model of its own, and beside them what they share and how to average them."""
    for place, tensors in enumerate(model.members):
        plain: Any = copy.deepcopy(model.start)
        move(plain, tensors)
        plain.save_pretrained(folder / MEMBERS / str(place))
        if processor is not None:
            processor.save_pretrained(folder / MEMBERS / str(place))
    model.config.save_pretrained(folder)
    if processor is not None:
        processor.save_pretrained(folder)
    (folder / AVERAGE).write_text(script(len(model.members), task), encoding="utf-8")


def _share(folder: Path, document: Document) -> None:
    """Link all files into `share/`, where the document is the published one."""
    for name in _files(folder):
        place = folder / SHARE / name
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(folder / name, place)
        except OSError:  # a file system without hard links
            shutil.copyfile(folder / name, place)
    publish(document).save(folder / SHARE)


def _move(source: Path, target: Path) -> None:
    """Move all files, the exact document last, and remove from `share/` what an earlier hand-over left."""
    names = _files(source)
    for name in sorted(names, key=lambda name: name == Path(RUN_FILE)):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        os.chmod(source / name, 0o644)
        os.replace(source / name, target / name)
    for name in set(_files(target / SHARE)) - {name.relative_to(SHARE) for name in names if name.parts[0] == SHARE}:
        (target / SHARE / name).unlink()


def _files(folder: Path) -> list[Path]:
    return [path.relative_to(folder) for path in sorted(folder.rglob("*")) if path.is_file()]
