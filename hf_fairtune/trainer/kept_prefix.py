"""Frozen first layers calculated once: a training reads what they gave, in place of calculating it at each epoch."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from accelerate.utils import broadcast_object_list
from datasets import Dataset
from transformers import Trainer, TrainerCallback, TrainerState

from ..data.activations import ActivationStore, ActivationTransform
from ..data.identity import digest
from ..data.stored_views import StoredView
from ..data.transform import PixelTransform, transform_in, transform_of
from ..errors import FairTuneError
from ..families.prefix import Prefix

GIGABYTE = 1e9
TRAIN, EVALUATION = "train_dataset", "eval_dataset"


@contextmanager
def kept_prefix(trainer: Trainer, gigabytes: float, folder: Path | None = None) -> Iterator[dict[str, Filled]]:
    """Train in the body with what the frozen first layers gave for each row, where that stays the same.

    That is so for rows of evaluation, and for rows of training without augmentation or with `stored_views`, and
    without dropout. They are kept where at least half of the blocks are frozen and all of a split fits. Weights and
    metrics then differ by rounding alone.

    Args:
        trainer: one of transformers, with splits of `load_fair_dataset` and its model.
        gigabytes: of disk that the files may take; 0 keeps none.
        folder: of the files; None for that of the pixels.

    Yields:
        What was calculated so far, by "train_dataset" and "eval_dataset"; neither is there if it is not kept.

    Raises:
        FairTuneError: workers that stay alive would never see the next of the stored views.

    Example:
        >>> with kept_prefix(trainer, gigabytes=8):
        ...     trainer.train()
    """
    prefix = usable(trainer) if gigabytes > 0 else None
    kept, given = KeptPrefix(trainer, prefix, gigabytes * GIGABYTE, folder), vars(trainer).copy()
    try:
        trainer.add_callback(kept)
        kept.begin()
        with nullcontext() if prefix is None else prefix.skipped():
            yield kept.filled
    finally:
        trainer.remove_callback(kept)
        trainer.train_dataset, trainer.eval_dataset = given[TRAIN], given[EVALUATION]


def usable(trainer: Trainer) -> Prefix | None:
    """Return the prefix of a trainer's model where it spares enough, which is half of the blocks, and can be kept."""
    args = trainer.args
    if args.n_gpu > 1 or args.dataloader_persistent_workers or trainer.model is None:
        return None
    prefix = Prefix.of(trainer.model)
    return prefix if prefix is not None and 2 * len(prefix.blocks) >= prefix.depth else None


@dataclass
class Filled:
    """What a training calculated to keep it: rows of one view each, and the seconds that they took."""

    rows: int = 0
    seconds: float = 0.0

    @property
    def a_row(self) -> float:
        """Return the seconds of a row, 0 where none was calculated."""
        return self.seconds / self.rows if self.rows else 0.0


@dataclass(eq=False)
class KeptPrefix(TrainerCallback):
    """Fills the files of a training when it needs them, and shows it the view of each epoch."""

    trainer: Trainer
    prefix: Prefix | None
    limit: float
    folder: Path | None
    filled: dict[str, Filled] = field(default_factory=dict)
    _key: list[object] = field(default_factory=list)

    def begin(self) -> None:
        """Choose the splits that are kept, the same on every process, and let the trainer read what was kept."""
        transform = transform_in(self.trainer.train_dataset)
        if transform is not None and transform.views and self.trainer.args.dataloader_persistent_workers:
            raise FairTuneError(
                "`dataloader_persistent_workers` would never see the next of the stored views; leave one of them out."
            )
        if self.prefix is None:
            return
        args = self.trainer.args
        self._key = [self.prefix.digest, args.bf16, args.fp16, args.device.type]
        for name in self._fitting(self.prefix):
            part = getattr(self.trainer, name)
            kept = ActivationTransform.of(transform_of(part), rows_of(part))
            setattr(self.trainer, name, part.with_transform(kept))
            self.filled[name] = Filled()

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        """Fill what evaluations read."""
        self._fill(EVALUATION)

    def on_epoch_begin(self, args: Any, state: TrainerState, *_: Any, **__: Any) -> None:
        """Take the view of the epoch, and fill what the training reads of it."""
        transform = transform_in(self.trainer.train_dataset)
        if transform is not None and transform.views:
            transform.view = StoredView.of(args.seed, int(state.epoch or 0), transform.views)
        self._fill(TRAIN)

    def _fitting(self, prefix: Prefix) -> list[str]:
        sizes, store = {}, None
        for name in (TRAIN, EVALUATION):
            part = getattr(self.trainer, name)
            transform = transform_in(part)
            if transform is not None and transform.is_fixed and not (name == TRAIN and prefix.is_random):
                row = self._outputs(transform.pixel_values(rows_of(part)[:1].tolist()))
                sizes[name] = float(row.nbytes) * len(np.unique(rows_of(part))) * max(1, transform.views)
                store = store or self._store(transform)
        chosen: list[str] = broadcast_object_list([[] if store is None else store.fitting(sizes)])[0]
        return chosen

    def _store(self, transform: PixelTransform) -> ActivationStore:
        return ActivationStore(self.folder or transform.pixels.parent, self.limit)

    def _outputs(self, pixels: Any) -> np.ndarray:
        """Return what the prefix gives, float32 [n, tokens, width]."""
        assert self.prefix is not None
        with self.trainer.accelerator.autocast():
            outputs: np.ndarray = self.prefix(pixels).float().cpu().numpy()
        return outputs

    def _fill(self, name: str) -> None:
        """Let a split read the file of its view, which the main process writes where it is not there."""
        if name not in self.filled:
            return
        transform, start = transform_of(getattr(self.trainer, name)), time.monotonic()
        assert isinstance(transform, ActivationTransform)
        store, rows = self._store(transform), transform.kept_rows
        path = store.path(digest([self._key, transform.content]))
        with self.trainer.args.main_process_first(desc="outputs of frozen layers"):
            if not store.use(path, len(rows)):
                store.write(path, len(rows), partial(self._parts, transform))
                filled = self.filled[name]
                filled.rows, filled.seconds = filled.rows + len(rows), filled.seconds + time.monotonic() - start
        transform.show(path)

    def _parts(self, transform: ActivationTransform, first: int) -> Iterator[np.ndarray]:
        """Yield what the prefix gives from a row on, by the same batches whichever it is."""
        rows, size = transform.kept_rows.tolist(), self.trainer.args.eval_batch_size
        for start in range(first // size * size, len(rows), size):
            yield self._outputs(transform.pixels_of(rows[start : start + size]))[max(0, first - start) :]


def rows_of(part: Dataset) -> np.ndarray:
    """Return the rows of a split in its table, int64 [n]."""
    rows: np.ndarray = part.with_format("numpy")["row"][:]
    return rows
