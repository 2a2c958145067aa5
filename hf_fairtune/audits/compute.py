"""`compute_metrics` of a stock `Trainer`, by group."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from ..errors import FairTuneError
from ..intervals.delong import auc_interval
from ..intervals.estimate import NAN
from ..metrics.auc import auc
from ..metrics.equalized_odds_difference import odds_spread
from ..metrics.extremes import Extremes, extremes
from ..metrics.rates import rate_counts, spread
from ..metrics.rows import Rows, check_rows, excluded_codes
from ..metrics.scores import scores_from_logits

CUT = 0.5
GREATER_IS_BETTER: dict[str, bool] = {
    "auc": True,
    "min_group_auc": True,
    "max_group_auc": True,
    "auc_gap": False,
    "min_group_auc_low": True,
    "accuracy": True,
    "equalized_odds_difference": False,
    "demographic_parity_difference": False,
}


class Prediction(Protocol):
    """What `transformers.EvalPrediction` offers."""

    predictions: Any
    label_ids: Any


def direction(metric_key: str, group_names: Sequence[str] = ()) -> str:
    """Return "maximize" or "minimize" for a key of `fairness_metrics`, with or without the prefix "eval_".

    Args:
        group_names: of the groups whose `auc_<group name>` is a key too.

    Raises:
        FairTuneError: the key is unknown or has no direction.
    """
    known = GREATER_IS_BETTER | {f"auc_{name}": True for name in group_names}
    key = metric_key.removeprefix("eval_")
    if key not in known:
        raise FairTuneError(f"`{metric_key}` is not a metric to optimise; choose from {', '.join(known)}.")
    return "maximize" if known[key] else "minimize"


def fairness_metrics(
    group_names: Sequence[str], exclude: Sequence[str] = ()
) -> Callable[[Prediction], dict[str, float]]:
    """Make a function for `Trainer(compute_metrics=...)`, with `label_names=["labels", "groups"]`.

    Its keys are those of `GREATER_IS_BETTER`, `worst_group` (the code) and `auc_<group name>`; rates are at 0.5, and
    `min_group_auc_low` is the lowest of the groups' lower 95 % logit-DeLong bounds. What is undefined is NaN: a group
    that lacks a class makes the numbers across groups NaN unless `exclude` names it, and logits that are not finite
    make every number NaN, so that a diverged trial fails alone.

    Args:
        group_names: name of each group code.
        exclude: names of groups to leave out of the numbers across groups.

    Raises:
        FairTuneError: a name is unknown, double, or makes a key twice; on call, the columns are not binary labels
            and group codes.
    """
    names = tuple(str(name) for name in group_names)
    left_out = excluded_codes(names, exclude)
    included = tuple(code for code in range(len(names)) if code not in left_out)
    taken = [name for name in names if f"auc_{name}" in GREATER_IS_BETTER]
    if taken:
        raise FairTuneError(f"A group is called {taken[0]!r}, which makes the key `auc_{taken[0]}` twice; rename it.")

    def compute(prediction: Prediction) -> dict[str, float]:
        labels, groups = _columns(prediction.label_ids)
        scores = scores_from_logits(prediction.predictions)
        finite = np.isfinite(scores)
        rows = check_rows(labels, np.where(finite, scores, 0.0), groups, names)
        found = _metrics(rows, included)
        return found if finite.all() else dict.fromkeys(found, NAN)

    return compute


def _columns(label_ids: Any) -> tuple[np.ndarray, np.ndarray]:
    if not isinstance(label_ids, (tuple, list)) or len(label_ids) < 2:
        raise FairTuneError('`label_ids` lacks the groups; pass TrainingArguments(label_names=["labels", "groups"]).')
    return np.asarray(label_ids[0]), np.asarray(label_ids[1])


def _metrics(rows: Rows, included: tuple[int, ...]) -> dict[str, float]:
    labels, scores, groups = rows.labels, rows.scores, rows.groups
    by_group = [auc_interval(labels[groups == g], scores[groups == g]) for g in range(len(rows.group_names))]
    found = extremes(np.array([item.value for item in by_group]), included)
    low = extremes(np.array([item.low for item in by_group]), included)
    return {
        "auc": auc(labels, scores),
        **_across(found, low),
        **_at_cut(rows, included),
        **{f"auc_{name}": item.value for name, item in zip(rows.group_names, by_group, strict=True)},
    }


def _across(found: Extremes, low: Extremes) -> dict[str, float]:
    return {
        "min_group_auc": found.minimum,
        "max_group_auc": found.maximum,
        "auc_gap": found.gap,
        "min_group_auc_low": low.minimum,
        "worst_group": NAN if found.worst is None else float(found.worst),
    }


def _at_cut(rows: Rows, included: tuple[int, ...]) -> dict[str, float]:
    predictions = (rows.scores >= CUT).astype(np.int64)
    counts = rate_counts(rows.labels, predictions, rows.groups, len(rows.group_names))
    kept = list(included)
    return {
        "accuracy": float((predictions == rows.labels).mean()),
        "equalized_odds_difference": float(odds_spread(counts.tpr[kept], counts.fpr[kept])),
        "demographic_parity_difference": float(spread(counts.selection_rate[kept])),
    }
