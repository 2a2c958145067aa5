"""`compute_metrics` of a stock `Trainer`, by group."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..data.probabilities import probabilities
from ..document.estimate import NAN
from ..errors import FairTuneError
from .engine.delong import auc, auc_interval
from .engine.proportions import confusion
from .engine.resampled_rows import largest_estimable
from .engine.rows import ScoredRows, check_rows, included_codes
from .metrics.auc_gap import extremes
from .metrics.metric import Metric, cut_metrics, gaps, rates, score_metrics

if TYPE_CHECKING:
    from transformers import EvalPrediction

CUT = 0.5
# The Trainer's own number beside those of `fairness_metrics`.
LOSS = "loss"


def directions(group_names: Sequence[str] = ()) -> dict[str, bool]:
    """Tell of each key of `fairness_metrics` that can be optimised whether greater is better."""
    found = {"auc": True, "min_group_auc": True, "max_group_auc": True, "auc_gap": False, "min_group_auc_low": True}
    found |= {f"auc_{name}": True for name in group_names}
    for name, metric in score_metrics().items():
        worst, gap = metric.across_keys(name)
        greater = metric.better == "higher"
        found |= {name: greater, worst: greater, gap: False} | {f"{name}_{group}": greater for group in group_names}
    at_cut: dict[str, Metric] = {**rates(), **gaps(), **cut_metrics()}
    return found | {name: own.better == "higher" for name, own in at_cut.items() if own.better in ("higher", "lower")}


def direction(metric_key: str, group_names: Sequence[str] = ()) -> str:
    """Return "maximize" or "minimize" for a key of `fairness_metrics`, with or without the prefix "eval_"."""
    known = directions(group_names)
    key = metric_key.removeprefix("eval_")
    if key not in known:
        names = ", ".join(difflib.get_close_matches(key, known) or known)
        raise FairTuneError(f"`{metric_key}` is not a metric to optimise; choose from {names}.")
    return "maximize" if known[key] else "minimize"


def greater_is_better(metric_key: str) -> bool | None:
    """Tell whether greater is better, whatever the groups are called; None for a number that is not ours."""
    key = metric_key.removeprefix("eval_")
    groups = [key.removeprefix(f"{name}_") for name in ("auc", *score_metrics()) if key.startswith(f"{name}_")]
    # A group may be called as half a key: the key of the metric comes first.
    known = directions(groups) | directions() | {LOSS: False}
    return known.get(key)


def scores_from_logits(predictions: Any) -> np.ndarray:
    """Compute the probability of class 1 of each row, float64 [n].

    From logits [n, 2] (softmax), or [n, 1] or [n] (sigmoid); of a tuple the first item. Rows rank as their log-odds.
    """
    logits = predictions[0] if isinstance(predictions, (tuple, list)) else predictions
    logits = np.asarray(logits, dtype=np.float64)
    if logits.ndim == 2 and logits.shape[1] == 2:
        # Subtracted after scaling down, as the difference of two large logits of opposite sign may overflow.
        return probabilities(2 * (logits[:, 1] / 2 - logits[:, 0] / 2))
    if logits.ndim == 1 or (logits.ndim == 2 and logits.shape[1] == 1):
        return probabilities(logits.reshape(len(logits)))
    raise FairTuneError(f"The logits have shape {logits.shape}; a binary classifier gives [n, 2], [n, 1] or [n].")


def fairness_metrics(
    group_names: Sequence[str], exclude: Sequence[str] = ()
) -> Callable[[EvalPrediction], dict[str, float]]:
    """Make a function for `Trainer(compute_metrics=...)`, with `label_names=["labels", "groups"]`.

    Its keys are `auc`, `auc_<group>`, `min_group_auc`, `max_group_auc`, `auc_gap`, `worst_group` (the code) and
    `min_group_auc_low`, the lowest of the groups' lower 95 % logit-DeLong bounds; likewise `<name>`, `<name>_<group>`,
    `min_group_<name>` and `<name>_gap` of every other number of scores; and, at 0.5, every rate and net benefit of all
    rows and every gap by name. What is undefined is NaN: a group that lacks a class makes the numbers across groups
    NaN unless `exclude` names it, and logits that are not finite make every number NaN, so that a diverged trial fails
    alone.

    Raises:
        FairTuneError: a name is unknown, double, or makes a key twice; on call, the columns are not binary labels
            and group codes.
    """
    names = tuple(str(name) for name in group_names)
    included = included_codes(names, exclude)
    for name in names:
        taken = [f"{metric}_{name}" for metric in ("auc", *score_metrics()) if f"{metric}_{name}" in directions()]
        if taken:
            raise FairTuneError(f"The group name {name!r} makes the key `{taken[0]}` twice; rename it.")

    def compute(prediction: EvalPrediction) -> dict[str, float]:
        label_ids = prediction.label_ids
        if not isinstance(label_ids, (tuple, list)) or len(label_ids) < 2:
            raise FairTuneError(
                '`label_ids` lacks the groups; pass TrainingArguments(label_names=["labels", "groups"]).'
            )
        scores = scores_from_logits(prediction.predictions)
        finite = np.isfinite(scores)
        rows = check_rows(label_ids[0], np.where(finite, scores, 0.0), label_ids[1], names)
        found = numbers(rows, included)
        return found if finite.all() else dict.fromkeys(found, NAN)

    return compute


def numbers(rows: ScoredRows, included: Sequence[int]) -> dict[str, float]:
    """Compute every number of scored rows without its interval, see `fairness_metrics`."""
    parts = {name: rows.take(rows.groups == code) for code, name in enumerate(rows.group_names)}
    by_group = [auc_interval(part.labels, part.scores) for part in parts.values()]
    ends = extremes(np.array([item.value for item in by_group]), included)
    low = extremes(np.array([item.low for item in by_group]), included)
    found = {
        "auc": auc(rows.labels, rows.scores),
        "min_group_auc": ends.minimum,
        "max_group_auc": ends.maximum,
        "auc_gap": ends.gap,
        "min_group_auc_low": low.minimum,
        "worst_group": NAN if ends.worst is None else float(ends.worst),
    }
    found |= {f"auc_{name}": item.value for name, item in zip(parts, by_group, strict=True)}
    for name, metric in score_metrics().items():
        own = {group: metric(part.labels, part.scores) for group, part in parts.items()}
        ends = extremes(np.array([*own.values()]), included)
        worst, gap = metric.across_keys(name)
        value = ends.minimum if metric.better == "higher" else ends.maximum
        found |= {name: metric(rows.labels, rows.scores), worst: value, gap: ends.gap}
        found |= {f"{name}_{group}": item for group, item in own.items()}
    predictions = (rows.scores >= CUT).astype(np.int64)
    counts = confusion(rows.labels, predictions, rows.groups, len(rows.group_names))
    reference = largest_estimable(rows.cases(units=False), rows.cases(), included)
    place = 0 if reference is None else list(included).index(reference)
    found |= {name: float(rate(counts[:, -1:])[0]) for name, rate in rates().items()}
    for name, at_cut in cut_metrics().items():
        found[name] = at_cut.estimate(rows.labels * 2 + predictions, None, CUT, 0.95).value
    return found | {name: float(gap(counts[:, list(included)], place)) for name, gap in gaps().items()}
