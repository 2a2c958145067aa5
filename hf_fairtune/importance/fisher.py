"""How much every weight matters for prediction and for bias: diagonals of the Fisher information of the two losses."""

import logging
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import FairTuneError
from ..families.frozen_eval import frozen_eval
from ..families.head import classes_of
from ..families.patch_input import check_takes_images
from ..losses.contrast import Contrast, GroupPair, comparable
from ..losses.one_vs_rest import Over, codes
from .batch import batch_fisher
from .importance import Importance, ImportanceOptions
from .rounding import rounding
from .sample import sample_fisher, whole_fisher
from .slopes import chosen
from .stable_rows import StableRows, several_logits

logger = logging.getLogger(__name__)


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
    bias_over: Over = "mean",
) -> Importance:
    """Measure how much every parameter matters for prediction and for bias, frozen ones too.

    In form "sample", with z_i the log-odds of row i, l_i its term of the weighted cross-entropy and L_B the bias of
    all rows, the two are mean_i (dl_i/dz_i · dz_i/dθ)² and mean_i (N · dL_B/dz_i · dz_i/dθ)². One backward sweep over
    chunks of rows gives dz_i/dθ for both. Of more than two classes, or of findings, z_i are the logits, over which the
    products are summed before they are squared, and each loss takes a sweep. Where the gradient is rounding (see
    `rounding`) both are exactly 0. The model is in evaluation mode meanwhile and is left as it was.

    Args:
        model: a classifier of `config.num_labels` classes (two without a config), called with `pixel_values`.
        data: rows of `pixel_values`, `labels` (codes from 0; of findings 0, 1 or NaN for each) and `groups` (codes
            from 0): a map-style dataset, or batches that can be read again in the same order (a loader that does not
            shuffle, a list). No random augmentation.
        bias, contrast, form, batch_size, chunk_size, dtype, progress, bias_over: see `ImportanceOptions`.

    Raises:
        FairTuneError: labels that are not the model's, one group only, a group without rows of a label (of more
            classes: for every class a group without it, or without others), data that change between the passes, or
            numbers that are not finite.

    Source: Yan et al., SWiFT (MELBA 2025), eq. 5-8.

    Example:
        >>> importance = fisher_importance(model, dataset, bias="equal_opportunity", chunk_size=16)
        >>> importance.bias["classifier.weight"].shape
    """
    check_takes_images(model)
    options = ImportanceOptions(bias, contrast, form, batch_size, chunk_size, dtype, progress, bias_over)
    measure = {"sample": sample_fisher, "batch": batch_fisher, "whole": whole_fisher}[form]
    trainable = {parameter: parameter.requires_grad for parameter in model.parameters()}
    try:
        with frozen_eval(model.requires_grad_(False)):
            rows = StableRows.read(data, options, model)
            check_cells(model, rows)
            return without(measure(model, rows), rounding(model, rows.first))
    finally:
        for parameter, required in trainable.items():
            parameter.requires_grad_(required)


def pair_of(model: nn.Module, data: Any, options: ImportanceOptions) -> GroupPair:
    """Return the groups of lowest and highest AUC on `data`, of which the `contrast` of the options makes a pair.

    Source: Yan et al., SWiFT (MELBA 2025), which keeps these two of several groups.
    """
    with frozen_eval(model):
        rows = StableRows.read(data, options, model)
        check_cells(model, rows)
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


def check_cells(model: nn.Module, rows: StableRows) -> None:
    """Refuse rows in which a group has no rows of a label; of several classes some may be such, which is said."""
    pair = rows.options.contrast
    among = [pair.worst, pair.best] if isinstance(pair, GroupPair) else rows.groups.unique().tolist()
    if len(among) == 1:
        raise FairTuneError("all rows are of one group; a bias needs two. Check the group column.")
    if several_logits(model):
        whole = comparable(codes(rows.labels, classes_of(model)), rows.groups, among).tolist()
        if not any(whole):
            raise FairTuneError("every class lacks rows of it, or others, in a group; add rows, or merge groups.")
        if lacking := [str(c) for c, counts in enumerate(whole) if not counts]:
            logger.warning("Classes %s: a group has no rows of them, or no others, to compare.", ", ".join(lacking))
        return
    cells = [(g, y) for g in among for y in (0, 1)]
    empty = [f"group {g} with label {y}" for g, y in cells if not ((rows.groups == g) & (rows.labels == y)).any()]
    if empty:
        raise FairTuneError(f"no rows of {', '.join(empty)}; a bias is not defined there. Add rows, or merge groups.")
