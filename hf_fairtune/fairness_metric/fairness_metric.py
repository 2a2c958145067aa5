"""AUC and error rates by group

Definition: The AUC of all rows and of each group, the lowest of the groups', and the gap between the highest and the
lowest. At the threshold: equalized odds difference, the larger of the largest TPR difference and the largest FPR
difference between two groups; and demographic parity difference, the largest difference of selection rates.

Range: 0 to 1 each, intervals at 95 %. What is undefined, as where a group lacks a class, is NaN and `reasons` says
why.

Direction: Higher is better for AUCs, lower for gap and differences; demographic parity is no goal where the disease is
truly more frequent in one group.

Traps: A gap is positive by chance even between equal groups, the more so the more and the smaller they are. Groups
with fewer than 10 positives or negatives have no interval. At a threshold that hardly selects anyone every difference
vanishes; one chosen on these same rows is optimistic. Several rows of one patient make the intervals too narrow:
`fairtune audit --cluster` has intervals for these, for the gap and for the differences.

Citation: Hanley & McNeil 1982, "The meaning and use of the area under a ROC curve", for the AUC; DeLong, DeLong &
Clarke-Pearson 1988 and Pepe 2003, section 5.2, for its interval; Agarwal et al. 2018, "A reductions approach to fair
classification", for the differences, which are fairlearn's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import datasets
import evaluate
import numpy as np

from hf_fairtune.audits.guards import ESTIMABLE, guard, shortage, too_few
from hf_fairtune.errors import FairTuneError
from hf_fairtune.intervals.delong import auc_interval
from hf_fairtune.metrics.auc import auc
from hf_fairtune.metrics.equalized_odds_difference import odds_spread
from hf_fairtune.metrics.extremes import extremes
from hf_fairtune.metrics.rates import RateCounts, rate_counts, spread
from hf_fairtune.metrics.rows import Rows, check_rows, excluded_codes
from hf_fairtune.metrics.thresholds import fixed

INPUTS = """
Args:
    references: 0 or 1 a row; 1 is the finding to detect.
    predictions: the score of class 1 a row, such as its probability; not the predicted class.
    groups: the group's name a row; None is the group `missing`.
    threshold: a row is predicted 1 if its score is at or above it. Default 0.5, of probabilities.
    exclude: names of groups to leave out of minimum, gap and differences. Default none.
Returns:
    auc, min_group_auc, worst_group, auc_gap, equalized_odds_difference@0.5, demographic_parity_difference@0.5,
    by_group: name -> n, positives, negatives, status, auc, auc_low, auc_high, tpr, fpr, selection_rate,
    reasons: name of what is undefined -> why.
Examples:
    >>> metric = evaluate.load("hf_fairtune/fairness_metric")
    >>> found = metric.compute(references=[0, 1, 0, 1], predictions=[.1, .8, .6, .4], groups=["F", "F", "M", "M"])
    >>> found["auc"], found["auc_gap"], found["worst_group"]
    (0.75, 1.0, 'M')
"""
FEATURES = {"predictions": "float64", "references": "int64", "groups": "string"}


class FairnessMetric(evaluate.Metric):
    """The module; `evaluate` makes it, and gathers the rows of all batches and processes before it computes."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=__doc__ or "",
            citation=(__doc__ or "").partition("Citation: ")[2],
            inputs_description=INPUTS,
            features=datasets.Features({name: datasets.Value(kind) for name, kind in FEATURES.items()}),
        )

    def _compute(
        self,
        predictions: Sequence[float],
        references: Sequence[int],
        groups: Sequence[str | None],
        **options: Any,
    ) -> dict[str, Any]:
        names, codes = np.unique(["missing" if name is None else name for name in groups], return_inverse=True)
        return by_group(check_rows(references, predictions, codes, names.tolist()), **options)


def by_group(rows: Rows, threshold: float | None = None, exclude: Sequence[str] = ()) -> dict[str, Any]:
    """Compute the module's numbers of scored rows; keys as `INPUTS` lists them.

    Raises:
        FairTuneError: a name in `exclude` is unknown, the threshold is no number, or there is none and scores are no
            probabilities.
    """
    low, high = rows.scores.min(), rows.scores.max()
    if threshold is None and not 0 <= low <= high <= 1:
        raise FairTuneError(
            f"`predictions` lie in {low:g} to {high:g}, so they are no probabilities; divide percentages by 100, or "
            "pass `threshold` in their unit."
        )
    threshold = 0.5 if threshold is None else threshold
    predicted = fixed(threshold).apply(rows.labels, rows.scores)
    counts = rate_counts(rows.labels, predicted, rows.groups, len(rows.group_names))
    left_out = excluded_codes(rows.group_names, exclude)
    kept = [code for code in range(len(rows.group_names)) if code not in left_out]
    groups = {name: _group(rows, counts, code) for code, name in enumerate(rows.group_names)}
    found = extremes(np.array([group["auc"] for group in groups.values()]), kept)
    numbers = {
        "auc": auc(rows.labels, rows.scores),
        "min_group_auc": found.minimum,
        "worst_group": None if found.worst is None else rows.group_names[found.worst],
        "auc_gap": found.gap,
        f"equalized_odds_difference@{threshold:g}": float(odds_spread(counts.tpr[kept], counts.fpr[kept])),
        f"demographic_parity_difference@{threshold:g}": float(spread(counts.selection_rate[kept])),
    }
    return numbers | {"by_group": groups, "reasons": _reasons(rows, numbers, counts, kept)}


def _group(rows: Rows, counts: RateCounts, code: int) -> dict[str, Any]:
    inside = rows.groups == code
    found = auc_interval(rows.labels[inside], rows.scores[inside])
    positives, negatives = int(counts.positives[code]), int(counts.negatives[code])
    state, withheld = guard(positives, negatives), min(positives, negatives) < ESTIMABLE
    rates = {rate: float(getattr(counts, rate)[code]) for rate in ("tpr", "fpr", "selection_rate")}
    return {
        "n": positives + negatives,
        "positives": positives,
        "negatives": negatives,
        "status": state.status,
        "reason": state.reason,
        "auc": found.value,
        "auc_low": float("nan") if withheld else found.low,
        "auc_high": float("nan") if withheld else found.high,
        **rates,
    }


def _reasons(rows: Rows, numbers: dict[str, Any], counts: RateCounts, kept: list[int]) -> dict[str, str]:
    """Say of each undefined number what it lacks."""
    missing = shortage(rows.group_names, {"positives": counts.positives, "negatives": counts.negatives}, kept, 1)
    across = missing or too_few(len(kept))
    one_class = "no negatives" if rows.labels.any() else "no positives"
    return {
        name: one_class if name == "auc" else across
        for name, value in numbers.items()
        if isinstance(value, float) and np.isnan(value)
    }
