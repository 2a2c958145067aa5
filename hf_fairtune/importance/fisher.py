"""How much every weight matters for prediction and for bias: diagonals of the Fisher information of the two losses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import FairTuneError
from ..losses.contrast import Contrast
from ..losses.loss import bias_loss_named
from .batch import batch_fisher
from .quiet import quiet
from .rows import Rows, device_of, read_rows
from .sample import sample_fisher
from .whole import whole_fisher

FORMS = {"sample": sample_fisher, "batch": batch_fisher, "whole": whole_fisher}


@dataclass(frozen=True)
class Importance:
    """Diagonal Fisher information of the two losses over one set of rows.

    Args:
        prediction: parameter name -> importance for the weighted cross-entropy, float32, shape of the parameter.
        bias: the same for the bias loss.
        rows: how many there were.
        empty_cells: terms of the bias loss left out, over all batches, because a batch lacked a group of a label.
        contrast: the groups set against each other.
    """

    prediction: dict[str, Tensor]
    bias: dict[str, Tensor]
    rows: int
    empty_cells: int
    contrast: Contrast


@dataclass(frozen=True)
class ImportanceOptions:
    """How to measure.

    Args:
        bias: the bias loss, a file of `losses/`.
        contrast: "pair" or "mean", see `contrast_for`; or the contrast itself.
        form: "sample" for the mean over rows of squared gradients, which is the Fisher information and does not
            depend on batches; "batch" for the mean over batches of the squared gradient of the batch's loss, as the
            published code does; "whole" for bias from the squared gradient of the loss of all rows (`whole.py` says
            why), prediction as in "sample".
        batch_size: rows read at once from a dataset, and in form "batch" the batches; a loader brings its own.
        chunk_size: rows whose gradients are held at once in form "sample"; bounds the memory, changes no number.
        dtype: torch.bfloat16 to run the model under autocast; squares are summed in float32 anyway.
        progress: show a bar where there is a terminal.
    """

    bias: str = "equalized_odds"
    contrast: str | Contrast = "pair"
    form: str = "sample"
    batch_size: int = 32
    chunk_size: int = 8
    dtype: torch.dtype | None = None
    progress: bool = True

    def __post_init__(self) -> None:
        """Check what can be checked before the model runs."""
        bias_loss_named(self.bias)
        if isinstance(self.contrast, str) and self.contrast not in ("pair", "mean"):
            raise FairTuneError(f"`contrast` is {self.contrast!r}; choose pair or mean.")
        if self.form not in FORMS:
            raise FairTuneError(f"`form` is {self.form!r}; choose {', '.join(FORMS)}.")
        if self.dtype not in (None, torch.float32, torch.bfloat16):
            raise FairTuneError(f"`dtype` is {self.dtype}; choose None or torch.bfloat16.")
        for name in ("batch_size", "chunk_size"):
            if getattr(self, name) < 1:
                raise FairTuneError(f"`{name}` is {getattr(self, name)}; pass 1 or more.")


def fisher_importance(model: nn.Module, data: Any, **options: Any) -> Importance:
    """Measure how much every parameter matters for prediction and for bias, frozen ones too.

    In form "sample", with z_i the log-odds of row i, l_i its term of the weighted cross-entropy and L_B the bias of
    all rows, the two are mean_i (dl_i/dz_i · dz_i/dθ)² and mean_i (N · dL_B/dz_i · dz_i/dθ)². One backward sweep over
    chunks of rows gives dz_i/dθ for both. The model is in evaluation mode meanwhile and is left as it was.

    Args:
        model: a classifier of two classes, called with `pixel_values`.
        data: rows of `pixel_values`, `labels` (0 or 1) and `groups` (codes from 0): a map-style dataset, or batches
            that can be read again in the same order (a loader that does not shuffle, a list). No random augmentation.
        options: fields of `ImportanceOptions`.

    Raises:
        FairTuneError: another number of classes, one group only, a group without rows of a label, data that change
            between the passes, or numbers that are not finite.

    Source: Yan et al., SWiFT (MELBA 2025), eq. 5-8.

    Example:
        >>> importance = fisher_importance(model, dataset, bias="equal_opportunity", chunk_size=16)
        >>> importance.bias["classifier.weight"].shape
    """
    asked = ImportanceOptions(**options)
    with quiet(model):
        rows = read_rows(data, asked, device_of(model))
        _check_cells(rows)
        prediction, bias, empty, contrast = FORMS[asked.form](model, data, rows, asked)
    _check_finite(prediction, "weighted cross-entropy")
    _check_finite(bias, asked.bias)
    return Importance(prediction, bias, len(rows.labels), empty, contrast)


def _check_cells(rows: Rows) -> None:
    """Refuse rows in which a group has no rows of a label."""
    codes = range(int(rows.groups.max()) + 1)
    cells = [(g, y) for g in codes for y in (0, 1)]
    empty = [f"group {g} with label {y}" for g, y in cells if not ((rows.groups == g) & (rows.labels == y)).any()]
    if len(codes) == 1:
        raise FairTuneError("all rows are of one group; a bias needs two. Check the group column.")
    if empty:
        raise FairTuneError(f"no rows of {', '.join(empty)}; a bias is not defined there. Add rows, or merge groups.")


def _check_finite(importance: dict[str, Tensor], loss: str) -> None:
    """Refuse NaN and infinity."""
    broken = [name for name, values in importance.items() if not torch.isfinite(values).all()]
    if broken:
        raise FairTuneError(
            f"the importance of `{broken[0]}` for {loss} is not finite ({len(broken)} of {len(importance)} parameters "
            "are so); check the model's weights, or run without bfloat16."
        )
