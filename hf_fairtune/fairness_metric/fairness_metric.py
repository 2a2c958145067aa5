"""AUC and error rates by group

Definition: The AUC of all rows and of each group, the lowest of the groups', and the gap between the highest and the
lowest; the same of average precision. At the threshold: every rate of each group, and every gap between groups, such
as the equalized odds difference, the larger of the largest TPR difference and the largest FPR difference between two
groups; `fairtune metrics` lists them with their definitions.

Range: 0 to 1 each but for signed gaps, intervals at 95 %. What is undefined, as where a group lacks a class, is NaN
and `reasons` says why.

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

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import datasets
import evaluate
import numpy as np

from hf_fairtune.audits.audit import group_rows, score_estimates, score_extremes
from hf_fairtune.audits.engine.resampled_rows import ALL, ResampledRows
from hf_fairtune.audits.engine.rows import check_rows, included_codes
from hf_fairtune.audits.metrics.auc import auc_estimates
from hf_fairtune.audits.metrics.auc_gap import lowest_and_gap
from hf_fairtune.audits.threshold_audit import audit_threshold
from hf_fairtune.audits.thresholds import fixed
from hf_fairtune.document.estimate import Reason
from hf_fairtune.errors import FairTuneError

INPUTS = """
Args:
    references: 0 or 1 a row; 1 is the finding to detect.
    predictions: the score of class 1 a row, such as its probability; not the predicted class.
    groups: the group's name a row; None is the group `missing`.
    threshold: a row is predicted 1 if its score is at or above it. Default 0.5, of probabilities.
    exclude: names of groups to leave out of minimum, gap and differences. Default none.
Returns:
    auc, min_group_auc, worst_group, auc_gap, average_precision, min_group_average_precision, average_precision_gap,
    every gap as equalized_odds_difference@0.5,
    by_group: name -> n, positives, negatives, prevalence, status, reasons, auc, auc_low, auc_high, average_precision,
    every rate and, where predictions are probabilities, net_benefit,
    reasons: name of what is undefined -> why, as data.
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
        threshold: float | None = None,
        exclude: Sequence[str] = (),
    ) -> dict[str, Any]:
        names, codes = np.unique(["missing" if name is None else name for name in groups], return_inverse=True)
        rows = check_rows(references, predictions, codes, names.tolist())
        low, high = rows.scores.min(), rows.scores.max()
        if threshold is None and not 0 <= low <= high <= 1:
            raise FairTuneError(
                f"`predictions` lie in {low:g} to {high:g}, so they are no probabilities; divide percentages by 100, "
                "or pass `threshold` in their unit."
            )
        cut = 0.5 if threshold is None else threshold
        # What an audit has of these numbers, without its calibration and ranking, which take most of its time.
        resampled, decision = ResampledRows(rows, included_codes(rows.group_names, exclude), None, 0.95), fixed(cut)
        aucs = auc_estimates(resampled)
        measures = [score_estimates(resampled, code) for code in (*range(len(rows.group_names)), ALL)]
        lowest, gap = lowest_and_gap(resampled, aucs, permutations=0, seed=0)
        decided = audit_threshold(resampled, decision, decision.apply(rows), 0)
        numbers = {"auc": aucs[ALL], "min_group_auc": lowest, "auc_gap": gap}
        numbers |= measures[ALL] | score_extremes(resampled, measures)
        numbers |= {f"{name}@{cut:g}": own for name, own in decided.gaps.items()}
        by_group = {}
        for row, at_cut in zip(group_rows(resampled, aucs, measures), decided.groups, strict=True):
            cells: dict[str, Any] = {"n": row.n, "positives": row.positives, "negatives": row.negatives}
            cells |= {"status": row.status, "auc": row.auc.value, "auc_low": row.auc.low, "auc_high": row.auc.high}
            cells |= {"prevalence": row.prevalence, "reasons": _plain(row.reasons)}
            by_group[row.group] = cells | {key: own.value for key, own in (row.measures | at_cut.rates).items()}
        return {
            **{name: own.value for name, own in numbers.items()},
            "worst_group": lowest.group,
            "by_group": by_group,
            "reasons": {name: _plain(own.reasons) for name, own in numbers.items() if not own.defined},
        }


def _plain(reasons: Sequence[Reason]) -> list[dict[str, Any]]:
    return [{key: item for key, item in asdict(reason).items() if item is not None} for reason in reasons]
