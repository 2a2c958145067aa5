"""`compute_metrics` of a stock `Trainer`, by group."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..data.probabilities import class_log_odds, probabilities
from ..document.estimate import NAN
from ..errors import FairTuneError
from .class_numbers import MACRO, check_class_names, class_directions, class_numbers
from .engine.class_rows import ClassRows, check_class_rows
from .engine.folds import fold_auc, fold_mean
from .engine.proportions import confusion
from .engine.resampled_rows import largest_estimable
from .engine.rows import ScoredRows, included_codes
from .metrics.auc_gap import extremes
from .metrics.log_loss import METRIC as LOG_LOSS
from .metrics.log_loss import log_loss
from .metrics.metric import Metric, ScoreMetric, cut_metrics, gaps, rates, score_metrics
from .thresholds import youden

if TYPE_CHECKING:
    from transformers import EvalPrediction

CUT = 0.5
# The Trainer's own number beside those of `fairness_metrics`.
LOSS = "loss"
# What ends the key of a gap at the cut that fits the scored rows best.
FITTED = "_fitted"
# The largest share of a group that is predicted one class.
ONE_CLASS = "one_class_share"
# Objectives of FairTune's published code, and what they are called here.
PUBLISHED = {
    "min_acc": "min_group_accuracy",
    "acc_diff": "accuracy_gap",
    "max_loss": "max_group_log_loss",
    "min_auc": "min_group_auc",
    "auc_diff": "auc_gap",
    "overall_acc": "accuracy",
    "overall_auc": "auc",
}


class Measured(NamedTuple):
    """A number of labels and scores, [n] each, that is taken of all rows, of each group and across groups."""

    metric: Metric
    value: Callable[[np.ndarray, np.ndarray], float]

    def of(self, labels: np.ndarray, scores: np.ndarray, folds: np.ndarray) -> float:
        """Compute it; one that ranks rows ranks them within their folds, [n]."""
        if isinstance(self.metric, ScoreMetric):
            return fold_mean(self.value, labels, scores, folds)
        return self.value(labels, scores)


def measured() -> dict[str, Measured]:
    """Return these numbers by name: those without a threshold in an audit, the log loss, and the accuracy at 0.5."""
    found = {name: Measured(metric, metric) for name, metric in score_metrics().items()}
    return found | {"accuracy": Measured(rates()["accuracy"], accuracy), "log_loss": Measured(LOG_LOSS, log_loss)}


def accuracy(labels: np.ndarray, scores: np.ndarray) -> float:
    """Compute the share of rows that are predicted right at 0.5, [n] each; NaN without rows."""
    return float(((scores >= CUT) == (labels == 1)).mean()) if len(labels) else NAN


def directions(group_names: Sequence[str] = (), class_names: Sequence[str] = ()) -> dict[str, bool]:
    """Tell of each key of `fairness_metrics` that can be optimised whether greater is better."""
    found = {"auc": True, "min_group_auc": True, "max_group_auc": True, "auc_gap": False, "min_group_auc_low": True}
    found |= {f"auc_{name}": True for name in group_names}
    for name, (metric, _) in measured().items():
        worst, gap = metric.across_keys(name)
        greater = metric.better == "higher"
        found |= {name: greater, worst: greater, gap: False} | {f"{name}_{group}": greater for group in group_names}
    at_cut: dict[str, Metric] = {**rates(), **gaps(), **cut_metrics()}
    at_cut |= {name + FITTED: own for name, own in gaps().items()}
    found |= {name: own.better == "higher" for name, own in at_cut.items() if own.better in ("higher", "lower")}
    return class_directions(found, group_names, class_names) if class_names else found


def key_of(name: str) -> str:
    """Return the key of `fairness_metrics` that a name means, with or without "eval_", of ours or of `PUBLISHED`."""
    key = name.removeprefix("eval_")
    return PUBLISHED.get(key, key)


def direction(metric_key: str, group_names: Sequence[str] = (), class_names: Sequence[str] = ()) -> str:
    """Return "maximize" or "minimize" for what `key_of` reads as a key of `fairness_metrics`."""
    known, key = directions(group_names, class_names), key_of(metric_key)
    if key not in known:
        names = ", ".join(difflib.get_close_matches(key, known) or known)
        raise FairTuneError(f"`{metric_key}` is not a metric to optimise; choose from {names}.")
    return "maximize" if known[key] else "minimize"


def compares_groups(key: str) -> bool:
    """Tell whether a key is of a gap or a ratio between groups, which may be good because all are served badly."""
    between = {"auc_gap", *(own.metric.across_keys(name)[1] for name, own in measured().items())}
    return key.removesuffix(FITTED) in gaps() or key in between


def one_class_key(key: str) -> str | None:
    """Return the key that tells how one-sided the decisions are that a key rests on; None where it rests on none."""
    if key.endswith(FITTED) and key.removesuffix(FITTED) in gaps():
        return ONE_CLASS + FITTED
    at_cut = key in {**rates(), **gaps(), **cut_metrics()} or key.startswith("accuracy_")
    return ONE_CLASS if at_cut or key == measured()["accuracy"].metric.across_keys("accuracy")[0] else None


def greater_is_better(metric_key: str) -> bool | None:
    """Tell whether greater is better, whatever groups and classes are called; None for a number that is not ours."""
    known, key = directions() | {LOSS: False}, key_of(metric_key).removeprefix(MACRO)
    # A group or class may be called as half a key: the longest key of a metric is it.
    own = [name for name in known if key == name or (key.startswith(f"{name}_") and name != LOSS)]
    return known[max(own, key=len)] if own else None


def scores_from_logits(predictions: Any, multilabel: bool = False) -> np.ndarray:
    """Compute the probability of class 1 of each row, float64 [n], or of each of several classes, [n, k].

    From logits [n, 2] or [n, k] (softmax), [n, 1], [n] or `multilabel` [n, k] (sigmoid). Rows rank as their log-odds.
    """
    logits = predictions[0] if isinstance(predictions, (tuple, list)) else predictions
    logits = np.asarray(logits, dtype=np.float64)
    if logits.ndim == 2 and (multilabel or logits.shape[1] > 2):
        odds = logits if multilabel else class_log_odds(logits)
        return np.column_stack([probabilities(column) for column in odds.T])
    if logits.ndim == 2 and logits.shape[1] == 2:
        # Subtracted after scaling down, as the difference of two large logits of opposite sign may overflow.
        return probabilities(2 * (logits[:, 1] / 2 - logits[:, 0] / 2))
    if logits.ndim == 1 or (logits.ndim == 2 and logits.shape[1] == 1):
        return probabilities(logits.reshape(len(logits)))
    raise FairTuneError(f"The logits have shape {logits.shape}; a classifier gives [n, classes] or [n].")


def fairness_metrics(
    group_names: Sequence[str], exclude: Sequence[str] = (), class_names: Sequence[str] = ()
) -> Callable[[EvalPrediction], dict[str, float]]:
    """Make a function for `Trainer(compute_metrics=...)`, with `label_names=["labels", "groups"]`.

    Its keys are `auc`, `auc_<group>`, `min_group_auc`, `max_group_auc`, `auc_gap`, `worst_group` (the code) and
    `min_group_auc_low`, the lowest of the groups' lower 95 % logit-DeLong bounds; likewise `<name>`, `<name>_<group>`,
    `min_group_<name>` (`max_group_<name>` where lower is better) and `<name>_gap` of every number of `measured`; and,
    at 0.5, every rate and net benefit of all rows and every gap by name. `<gap>_fitted` is the gap at the cut that
    maximises TPR - FPR on the rows scored (Youden's), where a model cannot keep it small by flagging nobody.
    `one_class_share` and `one_class_share_fitted` are the largest share of a group that is predicted one class at
    either cut. What is undefined is NaN: a group that lacks a class makes the numbers across groups NaN unless
    `exclude` names it, and logits that are not finite make every number NaN, so that a diverged trial fails
    alone.

    With `class_names` each of several classes (labels are codes, [n]) or findings (0, 1 or NaN, [n, k]) is set against
    the rest: every key is the worst over them, `macro_<key>` their mean, `<key>_<class>` one's; see `class_numbers`.

    Raises:
        FairTuneError: a name is unknown, double, or makes a key twice; on call, the columns are not labels and group
            codes.
    """
    names, classes = tuple(map(str, group_names)), tuple(map(str, class_names))
    included, known = included_codes(names, exclude), directions()
    check_class_names(known, names, classes)
    for name in names:
        taken = [f"{metric}_{name}" for metric in ("auc", *measured()) if f"{metric}_{name}" in {**known, **PUBLISHED}]
        if taken:
            raise FairTuneError(f"The group name {name!r} makes the key `{taken[0]}` twice; rename it.")

    def compute(prediction: EvalPrediction) -> dict[str, float]:
        if not isinstance(label_ids := prediction.label_ids, (tuple, list)) or len(label_ids) < 2:
            raise FairTuneError(
                '`label_ids` lacks the groups; pass TrainingArguments(label_names=["labels", "groups"]).'
            )
        scores = scores_from_logits(prediction.predictions, bool(classes) and np.ndim(label_ids[0]) == 2)
        if scores.ndim == 2 and not classes:
            raise FairTuneError(f"The model has {scores.shape[1]} classes; pass `class_names` with their names.")
        finite = np.isfinite(scores)
        rows = check_class_rows(label_ids[0], np.where(finite, scores, 0.0), label_ids[1], names, names=classes)
        found = numbers(rows, included)
        return found if finite.all() else dict.fromkeys(found, NAN)

    return compute


def numbers(
    rows: ScoredRows | ClassRows, included: Sequence[int], folds: np.ndarray | None = None
) -> dict[str, float]:
    """Compute every number of scored rows without its interval, see `fairness_metrics`.

    Where another model scored the rows of each of `folds`, [n], AUCs are of pairs within one fold, and average
    precision ranks within it; every other number, and the cut that fits, is of all rows together.
    """
    if isinstance(rows, ClassRows):
        return class_numbers(rows, included, folds, numbers, directions(rows.group_names))
    folds = np.zeros_like(rows.groups) if folds is None else folds
    parts = {}
    for code, name in enumerate(rows.group_names):
        own = rows.groups == code
        parts[name] = rows.labels[own], rows.scores[own], folds[own]
    whole, by_group = (rows.labels, rows.scores, folds), [fold_auc(*part) for part in parts.values()]
    ends = extremes(np.array([item.value for item in by_group]), included)
    low = extremes(np.array([item.low for item in by_group]), included)
    found = {
        "auc": fold_auc(*whole).value,
        "min_group_auc": ends.minimum,
        "max_group_auc": ends.maximum,
        "auc_gap": ends.gap,
        "min_group_auc_low": low.minimum,
        "worst_group": NAN if ends.worst is None else float(ends.worst),
    }
    found |= {f"auc_{name}": item.value for name, item in zip(parts, by_group, strict=True)}
    for name, number in measured().items():
        of_groups = {group: number.of(*part) for group, part in parts.items()}
        ends = extremes(np.array([*of_groups.values()]), included)
        worst, gap = number.metric.across_keys(name)
        found |= {name: number.of(*whole), gap: ends.gap}
        found[worst] = ends.minimum if number.metric.better == "higher" else ends.maximum
        found |= {f"{name}_{group}": value for group, value in of_groups.items()}
    predictions = (rows.scores >= CUT).astype(np.int64)
    counts = counted(rows, predictions)
    found |= {name: float(rate(counts[:, -1:])[0]) for name, rate in rates().items()}
    for name, at_cut in cut_metrics().items():
        found[name] = at_cut.estimate(rows.labels * 2 + predictions, None, CUT, 0.95).value
    fitted = youden(rows.labels, rows.scores).value if len(np.unique(rows.labels)) == 2 else NAN
    return found | across_groups(rows, included, CUT) | across_groups(rows, included, fitted, FITTED)


def counted(rows: ScoredRows, predictions: np.ndarray) -> np.ndarray:
    """Count decisions, 0 or 1, [n], by group and, last, in all rows, see `confusion`."""
    return confusion(rows.labels, predictions, rows.groups, len(rows.group_names))


def across_groups(rows: ScoredRows, included: Sequence[int], cut: float, suffix: str = "") -> dict[str, float]:
    """Compute every gap at a cut, and the largest share of a group that it predicts one class; NaN for a NaN cut.

    A group without rows is predicted nothing. Keys end in `suffix`.
    """
    if math.isnan(cut):
        return {name + suffix: NAN for name in (*gaps(), ONE_CLASS)}
    counts = counted(rows, (rows.scores >= cut).astype(np.int64))[:, list(included)]
    reference = largest_estimable(rows.cases(units=False), rows.cases(), included)
    place = 0 if reference is None else list(included).index(reference)
    selected = rates()["selection_rate"](counts)
    one_sided = np.fmax.reduce(np.fmax(selected, 1 - selected), initial=NAN)
    found = {name: float(gap(counts, place)) for name, gap in gaps().items()} | {ONE_CLASS: float(one_sided)}
    return {name + suffix: value for name, value in found.items()}
