"""Area under the ROC curve: how often a patient with the finding is scored above one without.

Definition: P(positive above negative) + P(tie) / 2 over all pairs of a positive and a negative, of all rows or within
a group.

Range: 0 to 1, 0.5 for scores that tell nothing; undefined where a class is missing.

Direction: higher is better.

Traps: averaged over batches it is another number; all rows are ranked at once here. Equal AUCs within groups can hide
that one group's negatives outrank another's positives: read the cross-group AUCs too. It says nothing of calibration
or of any threshold.

Citation: Hanley & McNeil 1982, "The meaning and use of the area under a ROC curve", eq. 1.
"""

from dataclasses import replace
from typing import cast

import numpy as np

from ...document.audit import CrossGroup
from ...document.curves import RocCurve
from ...document.estimate import NAN, Estimate, Reason, Unit
from ..engine.delong import auc_interval
from ..engine.resampled_rows import ALL, CLUSTERED, ESTIMABLE, NEEDS, ResampledRows
from .metric import Metric

METRIC = Metric(better="higher")
XAUC = """
Cross-group AUC: xAUC, BPSN and BNSP.

Definition: xAUC(a, b) is the chance that a positive of group a scores above a negative of group b, ties counting half.
BPSN (background positive, subgroup negative) of a group is that chance for positives of all other groups against its
negatives; BNSP (background negative, subgroup positive) for its positives against negatives of all other groups.

Range: 0 to 1. 0.5: one kind of row is placed above the other no better than by chance.

Direction: Higher is better. A low BPSN means that this group's negatives are ranked too high (false alarms at a shared
threshold); a low BNSP that its positives are ranked too low (missed cases).

Traps: AUCs within groups hide it: each can be high while one group's negatives outrank another's positives, which is
what a shared threshold feels. Compare BPSN and BNSP of one group with its own AUC; a difference between groups in how
hard their cases are changes them too.

Citation: Kallus & Zhou 2019, "The fairness of risk scores beyond classification: bipartite ranking and the xAUC
metric", NeurIPS; Borkan et al. 2019, "Nuanced metrics for measuring unintended bias with real data for text
classification", WWW companion.
"""
CONVENTIONS = dict.fromkeys(("xauc", "bpsn", "bnsp"), Metric(better="higher", text=XAUC))
MAX_POINTS = 200


def auc_estimates(resampled: ResampledRows) -> list[Estimate]:
    """Compute the AUC of every group and, last, of all rows, each with its interval.

    The interval is withheld where the group, or all rows together, are not estimable. That of all rows says so where
    every score is the same.
    """
    found = []
    for code in (*range(len(resampled.rows.group_names)), ALL):
        part = resampled.inside(code)
        own = auc_interval(part.labels, part.scores, part.clusters, resampled.confidence, part.weights)
        found.append(resampled.guarded(own, code))
    if np.ptp(resampled.rows.scores) == 0:
        found[ALL] = replace(found[ALL], reasons=(*found[ALL].reasons, Reason("equal_scores")))
    return found


def roc_curves(resampled: ResampledRows, max_points: int = MAX_POINTS) -> list[RocCurve]:
    """Draw each group's ROC curve, empty for a group that lacks a class.

    Every vertex is an achieved point of the full curve, from (0, 0) to (1, 1); of more than `max_points` those are
    kept that divide its length most evenly.
    """
    found = []
    for code, name in enumerate(resampled.rows.group_names):
        part = resampled.inside(code)
        scores, labels = part.scores[::-1], part.labels[::-1]
        if not resampled.counts[code, :2].all():
            found.append(RocCurve(name, [], []))
            continue
        last = np.flatnonzero(np.r_[np.diff(scores) != 0, True])  # of each run of ties
        counted = np.ones_like(labels) if part.weights is None else part.weights[::-1]
        hits = np.r_[0, np.cumsum(counted * labels)[last]]
        alarms = np.r_[0, np.cumsum(counted * (1 - labels))[last]]
        # Ends, and points where the curve turns; those between lie on straight lines. Whole numbers, without weights.
        steps, rises = np.diff(alarms), np.diff(hits)
        turns = steps[1:] * rises[:-1] != steps[:-1] * rises[1:]
        kept = np.r_[0, np.flatnonzero(turns) + 1, len(hits) - 1]
        negatives, positives = alarms[-1], hits[-1]
        if len(kept) > max_points:
            length = alarms / negatives + hits / positives
            chosen = np.searchsorted(length[kept], np.linspace(0, 2, max_points)).clip(0, len(kept) - 1)
            chosen[-1] = len(kept) - 1
            kept = kept[np.unique(chosen)]
        found.append(RocCurve(name, (alarms[kept] / negatives).tolist(), (hits[kept] / positives).tolist()))
    return found


def cross_groups(resampled: ResampledRows) -> list[CrossGroup]:
    """Compare every included group with the other included ones.

    Intervals are those of an AUC (logit-DeLong; Obuchowski's with clusters, which may lie in several groups), withheld
    under ten independent positives or negatives.
    """
    groups, found = resampled.ordered.groups, []
    taking_part = np.isin(groups, resampled.included)
    for code in resampled.included:
        inside = groups == code
        bpsn = _cross(resampled, taking_part & ~inside, inside, ("_of_others", ""))
        bnsp = _cross(resampled, inside, taking_part & ~inside, ("", "_of_others"))
        found.append(CrossGroup(resampled.rows.group_names[code], bpsn, bnsp))
    return found


def _cross(
    resampled: ResampledRows, positives_of: np.ndarray, negatives_of: np.ndarray, of_others: tuple[str, str]
) -> Estimate:
    """Compare positives of one side with negatives of the other; `of_others` ends the unit of the others' cases."""
    rows = resampled.ordered.take(np.where(resampled.ordered.labels == 1, positives_of, negatives_of))
    found, few = auc_interval(rows.labels, rows.scores, rows.clusters, resampled.confidence, rows.weights), []
    least, units = ESTIMABLE if found.defined else 1, CLUSTERED if resampled.grouped else NEEDS
    for unit, end, count in zip(units, of_others, rows.cases()[ALL].tolist(), strict=False):
        if count < least:
            few.append(Reason("too_few", unit=cast(Unit, unit + end), count=count, needed=least))
    return replace(found, low=NAN, high=NAN, reasons=tuple(few)) if few else found
