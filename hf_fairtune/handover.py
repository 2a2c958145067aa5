"""The folder a run hands over: merged model, processor, adapter, record, card and figures."""

from __future__ import annotations

import copy
import os
import shutil
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from peft import PeftModel

from .errors import FairTuneError
from .record import FILE_NAME, Record
from .report.write import write_report
from .small_cells import suppress_small_cells


def write(folder: str | Path, model: Any, processor: Any, record: Record) -> Path:
    """Write the folder that stock `transformers` and stock PEFT load; the record comes last.

    Everything is made beside the folder's files first and renamed over them, so that a kill leaves the old
    hand-over or the new one, file by file, and `fairtune.json` only where the rest is whole.

    Raises:
        FairTuneError: the disk is full or not writable; what was there is untouched.
    """
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    making = Path(tempfile.mkdtemp(dir=target, prefix=".handover-"))
    try:
        _write_all(making, model, processor, record)
        _move(making, target)
    except OSError as error:
        raise FairTuneError(
            f"`{target}` could not be written ({error.strerror or error}); free some space."
        ) from error
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return target


def _write_all(folder: Path, model: Any, processor: Any, record: Record) -> None:
    plain = model
    if isinstance(model, PeftModel):
        model.peft_config["default"].base_model_name_or_path = record.model["name"]
        model.save_pretrained(folder / "adapter", save_embedding_layers=False)
        # PEFT's own card is an empty form; the folder's card covers the adapter.
        (folder / "adapter" / "README.md").unlink(missing_ok=True)
        plain = copy.deepcopy(model).merge_and_unload()
    plain.save_pretrained(folder)
    if processor is not None:
        processor.save_pretrained(folder)
    # The card may be published: groups with few patients of a label are merged in it, not in the record.
    write_report(Record(**suppress_small_cells(asdict(record))), folder)
    record.save(folder)


def _move(source: Path, target: Path) -> None:
    files = [path.relative_to(source) for path in sorted(source.rglob("*")) if path.is_file()]
    for name in sorted(files, key=lambda name: name.name == FILE_NAME):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        os.chmod(source / name, 0o644)
        os.replace(source / name, target / name)
