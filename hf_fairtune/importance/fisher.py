"""How much every weight matters for prediction and for bias: diagonals of the Fisher information of the two losses."""

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import FairTuneError
from ..families.frozen_eval import frozen_eval
from ..families.patch_input import check_takes_images
from ..losses.contrast import Contrast, GroupPair
from .batch import batch_fisher
from .importance import Importance, ImportanceOptions
from .rounding import rounding
from .sample import chosen, sample_fisher, whole_fisher
from .stable_rows import StableRows


def fisher_importance(
    model: nn.Module,
    data: Any,
    *,
    bias: str = "equalized_odds",
    contrast: str | Contrast = "pair",
    form: str = "sample",
    batch_size: int = 32,
    chunk_size: int = 8,
    dtype: torch.dtype | None = None,
    progress: bool = True,
) -> Importance:
    """Measure how much every parameter matters for prediction and for bias, frozen ones too.

    In form "sample", with z_i the log-odds of row i, l_i its term of the weighted cross-entropy and L_B the bias of
    all rows, the two are mean_i (dl_i/dz_i · dz_i/dθ)² and mean_i (N · dL_B/dz_i · dz_i/dθ)². One backward sweep over
    chunks of rows gives dz_i/dθ for both. Where the gradient is rounding (see `rounding`) both are exactly 0. The
    model is in evaluation mode meanwhile and is left as it was.

    Args:
        model: a classifier of two classes, called with `pixel_values`.
        data: rows of `pixel_values`, `labels` (0 or 1) and `groups` (codes from 0): a map-style dataset, or batches
            that can be read again in the same order (a loader that does not shuffle, a list). No random augmentation.
        bias, contrast, form, batch_size, chunk_size, dtype, progress: see `ImportanceOptions`.

    Raises:
        FairTuneError: another number of classes, one group only, a group without rows of a label, data that change
            between the passes, or numbers that are not finite.

    Source: Yan et al., SWiFT (MELBA 2025), eq. 5-8.

    Example:
        >>> importance = fisher_importance(model, dataset, bias="equal_opportunity", chunk_size=16)
        >>> importance.bias["classifier.weight"].shape
    """
    check_takes_images(model)
    options = ImportanceOptions(bias, contrast, form, batch_size, chunk_size, dtype, progress)
    measure = {"sample": sample_fisher, "batch": batch_fisher, "whole": whole_fisher}[form]
    trainable = {parameter: parameter.requires_grad for parameter in model.parameters()}
    try:
        with frozen_eval(model.requires_grad_(False)):
            rows = StableRows.read(data, options, next(model.parameters()).device)
            _check_cells(rows)
            return without(measure(model, rows), rounding(model, rows.first))
    finally:
        for parameter, required in trainable.items():
            parameter.requires_grad_(required)


def pair_of(model: nn.Module, data: Any, options: ImportanceOptions) -> GroupPair:
    """Return the groups of lowest and highest AUC on `data`, of which the `contrast` of the options makes a pair.

    Source: Yan et al., SWiFT (MELBA 2025), which keeps these two of several groups.
    """
    with frozen_eval(model):
        rows = StableRows.read(data, options, next(model.parameters()).device)
        _check_cells(rows)
        found = chosen(rows.margins(model), rows)
    assert isinstance(found, GroupPair)
    return found


def without(importance: Importance, unreal: dict[str, Tensor]) -> Importance:
    """Return the importances with 0 in the entries that are rounding."""
    sides = (
        {name: values.masked_fill(unreal[name].to(values.device), 0) for name, values in side.items()}
        for side in (importance.prediction, importance.bias)
    )
    prediction, bias = sides
    return replace(importance, prediction=prediction, bias=bias)


def _check_cells(rows: StableRows) -> None:
    """Refuse rows in which a group that occurs has no rows of a label."""
    pair = rows.options.contrast
    codes = [pair.worst, pair.best] if isinstance(pair, GroupPair) else rows.groups.unique().tolist()
    cells = [(g, y) for g in codes for y in (0, 1)]
    empty = [f"group {g} with label {y}" for g, y in cells if not ((rows.groups == g) & (rows.labels == y)).any()]
    if len(codes) == 1:
        raise FairTuneError("all rows are of one group; a bias needs two. Check the group column.")
    if empty:
        raise FairTuneError(f"no rows of {', '.join(empty)}; a bias is not defined there. Add rows, or merge groups.")
