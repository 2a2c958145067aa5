"""Decision curves against a sum over patients at every cut, and a table made by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

from hf_fairtune.audits.audit import audit
from hf_fairtune.audits.decision_curve import CUTS, decision_curves
from hf_fairtune.audits.engine.resampled_rows import ResampledRows
from hf_fairtune.audits.engine.rows import check_rows
from hf_fairtune.audits.metrics.net_benefit import curve, net_benefit
from hf_fairtune.document.curves import DecisionCurve

from .samples import NAMES, checked, split, tied_splits


def curves(
    labels: np.ndarray, scores: np.ndarray, groups: np.ndarray, clusters: np.ndarray | None = None
) -> list[DecisionCurve]:
    found = decision_curves(
        ResampledRows(check_rows(labels, scores, groups, NAMES, clusters), range(len(NAMES)), None, 0.95)
    )
    assert found is not None
    return found


def benefit(found: DecisionCurve, prevalence: float) -> np.ndarray:
    return curve(np.array(found.tpr), np.array(found.fpr), prevalence, np.array(found.cuts))


@settings(max_examples=30, deadline=None)
@given(tied_splits())
def test_every_cut_is_a_sum_over_patients(drawn: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    labels, scores, groups = drawn
    for code, found in enumerate(curves(*drawn)):
        own = [(y, s) for y, s, g in zip(labels, scores, groups, strict=True) if g == code]
        if len({y for y, _ in own}) < 2:
            assert found == DecisionCurve(NAMES[code], [], [], [], [], [])
            continue
        wanted = []
        for cut in (percent / 100 for percent in range(1, 51)):
            gained = sum((1 if y else -cut / (1 - cut)) for y, s in own if s >= cut)
            wanted.append(gained / len(own))
        prevalence = sum(y for y, _ in own) / len(own)
        assert benefit(found, prevalence) == pytest.approx(wanted)
        assert found.cuts == pytest.approx([percent / 100 for percent in range(1, 51)])


def test_a_table_by_hand() -> None:
    """Ten patients, four with the finding; those with scores of 0.1, 0.3 and 0.5 are flagged from there on.

    | cut | found | false alarms | net benefit               |
    |-----|-------|--------------|---------------------------|
    | .10 | 4     | 4            | 4/10 - 4/10 / 9 = .3556   |
    | .20 | 3     | 2            | 3/10 - 2/10 / 4 = .25     |
    | .50 | 2     | 1            | 2/10 - 1/10 * 1 = .1      |
    """
    labels = np.array([1, 1, 1, 1, 0, 0, 0, 0, 0, 0])
    scores = np.array([0.5, 0.5, 0.3, 0.1, 0.5, 0.3, 0.1, 0.1, 0.0, 0.0])
    found = benefit(curves(labels, scores, np.zeros(10, dtype=int))[0], 0.4)
    at = [CUTS.index(cut) for cut in (0.1, 0.2, 0.5)]
    assert found[at] == pytest.approx([4 / 10 - 4 / 90, 0.25, 0.1])
    # Half precision's 0.3 lies above that of double: both are the same cut.
    thin = benefit(curves(labels, scores.astype(np.float16), np.zeros(10, dtype=int))[0], 0.4)
    assert thin == pytest.approx(found)


@pytest.mark.parametrize("clustered", [False, True])
def test_bounds_are_those_of_the_net_benefit_at_each_cut(clustered: bool) -> None:
    labels, scores, groups = split()
    clusters = np.arange(len(labels)) // 3 if clustered else None
    found, inside = curves(labels, scores, groups, clusters)[1], groups == 1
    for place in (4, 29, 49):
        cells = (labels * 2 + (scores >= CUTS[place]))[inside]
        own = net_benefit(cells, None if clusters is None else clusters[inside], CUTS[place])
        assert (found.low[place], found.high[place]) == pytest.approx((own.low, own.high))
        assert benefit(found, float(labels[inside].mean()))[place] == pytest.approx(own.value)


def test_few_rows_have_no_bounds_and_other_scores_no_curves() -> None:
    labels, scores, groups = split((3, 25, 0), (5, 50, 40))
    few, solid, hollow = curves(labels, scores, groups)
    assert np.isnan([few.low, few.high]).all()
    assert np.isfinite([few.tpr, few.fpr]).all()
    assert np.isfinite([solid.low, solid.high]).all()
    assert hollow.cuts == []
    assert decision_curves(ResampledRows(checked(labels, scores * 3 - 1, groups), (0, 1, 2), None, 0.95)) is None
    whole = audit(labels, scores, groups, NAMES, n_boot=0, n_permutations=0)
    assert whole.decision is not None
    np.testing.assert_equal([vars(one) for one in whole.decision], [vars(one) for one in (few, solid, hollow)])
