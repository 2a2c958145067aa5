"""The folder that a run hands over: merged model, processor, adapter, card, figures, document, and what is shared."""

import copy
import os
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from peft import PeftModel
from safetensors.torch import save_file

from .combinations.mean import MeanModel, script
from .document.data import Task
from .document.document import RUN_FILE, Document
from .errors import FairTuneError, first_line
from .families.moved import move, moved_tensors
from .files import manifest
from .files.atomic import MAKING, flush
from .files.folder import AVERAGE, DELTA, MEMBERS, SHARE, check_ended
from .files.lock import hold
from .outgoing import allowed
from .publish import publish
from .show.files import write_card


def write(folder: str | Path, model: Any, processor: Any, document: Document) -> None:
    """Write the folder that stock `transformers` and stock PEFT load, and in `share/` a copy of what a push sends.

    Everything is made beside the folder's files first, flushed to the disk and renamed over them. `fairtune.json` is
    removed before that and comes last, so that it is there only where the rest is whole, after a power cut too.
    `manifest.json` names every file with its SHA-256.

    Raises:
        FairTuneError: the disk is full or not writable; what was there is untouched.
    """
    target = Path(folder)
    try:
        target.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target, prefix=MAKING, ignore_cleanup_errors=True) as place:
            making = Path(place)
            _write_model(making, model, processor, document)
            write_card(document, making)
            _share(making, document)
            document.save(making)
            manifest.write(making, [name.as_posix() for name in _files(making)])
            _move(making, target)
    except OSError as error:
        raise FairTuneError(f"`{target}` could not be written ({first_line(error)}); free some space.") from error


def renew(folder: str | Path, contact: str | None = None) -> Document:
    """Write card and figures of a finished run again, also in `share/`, from its document alone, and return that.

    The manifest follows; where an earlier version left none, it names the files as they are. A `contact` goes into the
    document first.

    Raises:
        FairTuneError: the run is at work or not finished, its document is damaged, or the disk is not writable.
    """
    check_ended(folder)
    with hold(folder):
        place = Path(folder)
        places = [part for part in (place, place / SHARE) if part.is_dir()]
        is_new = not (place / manifest.FILE_NAME).is_file()
        if not is_new:
            manifest.check_file(place, RUN_FILE)
        document = Document.load(place)
        if contact is not None and document.run is not None:
            document = replace(document, run=replace(document.run, contact=contact))
            for part in places:
                (document if part == place else publish(document)).save(part)
        for part in places:
            write_card(document, part)
        if is_new:
            found = ((part.resolve(), name) for part in places for name in allowed(part.resolve()))
            manifest.write(place, [(part / name).relative_to(place.resolve()).as_posix() for part, name in found])
        else:
            manifest.write_again(place)
    return document


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
    # Libraries close some of their files to others, whatever the process's umask says.
    mode = (source / RUN_FILE).stat().st_mode
    for name in names:
        os.chmod(source / name, mode)
        flush(source / name)
    (target / RUN_FILE).unlink(missing_ok=True)
    for name in names:
        if name != Path(RUN_FILE):
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            os.replace(source / name, target / name)
    for name in set(_files(target / SHARE)) - {name.relative_to(SHARE) for name in names if name.parts[0] == SHARE}:
        (target / SHARE / name).unlink()
    for place in {place for name in names for place in name.parents}:
        flush(target / place)
    os.replace(source / RUN_FILE, target / RUN_FILE)
    flush(target)


def _files(folder: Path) -> list[Path]:
    return [path.relative_to(folder) for path in sorted(folder.rglob("*")) if path.is_file()]
