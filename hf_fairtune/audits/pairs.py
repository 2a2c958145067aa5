"""Every group's AUC against the reference group's: difference, test, and what the counts could have shown."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from ..intervals.auc_test import Test, auc_difference_test, clustered_difference_test
from ..intervals.delong import auc_difference
from ..intervals.estimate import NAN, Estimate
from ..intervals.multiplicity import holm
from ..intervals.power import Counts, detectable_difference, wanted_counts
from .evidence import Evidence


@dataclass(frozen=True)
class Pair:
    """AUC of `group` minus AUC of `reference`, signed.

    `p` is two-sided, `p_adjusted` by Holm over the pairs of this audit; NaN where the interval is withheld.
    `detectable` is the smallest true difference found with 80 % power at 5 %; `positives_wanted` and
    `negatives_wanted` are the independent cases of the group with which 0.05 would be found so, None where no number
    of them would do or the group lacks a class.
    """

    group: str
    reference: str
    auc_difference: Estimate
    p: float
    p_adjusted: float
    p_method: str | None
    detectable: float
    positives_wanted: int | None
    negatives_wanted: int | None


def audit_pairs(evidence: Evidence, aucs: list[Estimate]) -> list[Pair]:
    """Compare every included group with the largest estimable one; no pairs where none is estimable.

    Intervals: MOVER of the two groups' for independent rows; of the cluster bootstrap, where a cluster may lie in
    both groups, otherwise. Tests: see `auc_difference_test` and `clustered_difference_test`.

    Args:
        aucs: every group's AUC, [n_groups].
    """
    sizes = evidence.rows.counts().sum(axis=1)
    estimable = [code for code in evidence.included if evidence.guards[code].status != "not estimable"]
    if not estimable:
        return []
    reference = max(estimable, key=lambda code: int(sizes[code]))
    pairs = [_pair(evidence, aucs, code, reference) for code in evidence.included if code != reference]
    corrected = holm(np.array([pair.p for pair in pairs])).tolist()
    tested = zip(pairs, corrected, strict=True)
    return [replace(pair, p_adjusted=p) if pair.p_method else pair for pair, p in tested]


def _pair(evidence: Evidence, aucs: list[Estimate], code: int, reference: int) -> Pair:
    found, names = _test(evidence, aucs, code, reference), evidence.rows.group_names
    own, other = _cases(evidence, code), _cases(evidence, reference)
    wanted = wanted_counts(aucs[reference].value, own, other)
    return Pair(
        names[code],
        names[reference],
        _difference(evidence, aucs, code, reference),
        found.p if found else NAN,
        NAN,
        found.method if found else None,
        detectable_difference(aucs[reference].value, own, other),
        *(wanted or (None, None)),
    )


def _cases(evidence: Evidence, code: int) -> Counts:
    """Count a group's independent positives and negatives."""
    positives, negatives, _ = evidence.counts.values()
    return int(positives[code]), int(negatives[code])


def _difference(evidence: Evidence, aucs: list[Estimate], code: int, reference: int) -> Estimate:
    found = auc_difference(aucs[code], aucs[reference])
    state, name = evidence.guards[code], evidence.rows.group_names[code]
    if state.status == "not estimable":
        return Estimate(found.value, NAN, NAN, found.method, f"`{name}`: {state.reason}")
    if evidence.rows.clusters is None:
        return found
    return evidence.bootstrapped(found.value, lambda draws: draws.auc[:, code] - draws.auc[:, reference])


def _test(evidence: Evidence, aucs: list[Estimate], code: int, reference: int) -> Test | None:
    """Test a pair; None where there is none to make, for too few cases or for want of the cluster bootstrap."""
    if evidence.guards[code].status == "not estimable":
        return None
    rows, both = evidence.rows, (code, reference)
    if rows.clusters is None:
        inside = [rows.groups == one for one in both]
        labels, scores = ((values[inside[0]], values[inside[1]]) for values in (rows.labels, rows.scores))
        return auc_difference_test(labels, scores)
    if evidence.replicates is None:
        return None
    draws = evidence.replicates.auc
    fewest = min(count for one in both for count in _cases(evidence, one))
    found = clustered_difference_test(
        (aucs[code].value, aucs[reference].value), (draws[:, code], draws[:, reference]), fewest
    )
    return None if math.isnan(found.p) else found
