"""Changes of rates and gaps at a threshold, with whatever decides."""

import numpy as np
import pytest
from fairlearn.metrics import equalized_odds_difference
from pydantic import TypeAdapter

from hf_fairtune.audits.comparison import compare
from hf_fairtune.audits.metrics.metric import gaps, rates
from hf_fairtune.audits.thresholds import fixed, given, parse_policy
from hf_fairtune.document.comparison import Comparison

from .samples import CUTS, NAMES, QUICK, checked, split, two_models


def test_it_is_json_with_every_group_and_both_cuts() -> None:
    labels, scores, reference, groups = two_models()
    found = compare(labels, scores, reference, groups, NAMES, thresholds=CUTS, **QUICK)
    adapter = TypeAdapter(Comparison)
    assert adapter.validate_json(adapter.dump_json(found)) == found
    assert (found.thresholds[0].value, found.thresholds[0].reference_value) == (0.5, 0.45)
    assert [row.group for row in found.groups] == list(NAMES)
    assert set(found.thresholds[0].groups[0].rates) == {name for name, rate in rates().items() if rate.paired}
    assert {"tpr", "fpr", "selection_rate"} <= set(found.thresholds[0].groups[0].rates)
    assert set(found.thresholds[0].gaps) == {name for name, gap in gaps().items() if gap.paired}


@pytest.mark.parametrize("clustered", [False, True])
def test_rates_change_as_counted(clustered: bool) -> None:
    labels, scores, reference, groups = two_models()
    clusters = np.arange(len(labels)) // 2 if clustered else None
    found = compare(labels, scores, reference, groups, NAMES, thresholds=CUTS, clusters=clusters, **QUICK)
    (cut,) = found.thresholds
    for g, row in enumerate(cut.groups):
        for name, kept in (("tpr", labels == 1), ("fpr", labels == 0), ("selection_rate", labels >= 0)):
            rows, item = kept & (groups == g), row.rates[name]
            change = np.mean(scores[rows] >= 0.5) - np.mean(reference[rows] >= 0.45)
            assert item.value == pytest.approx(change, abs=1e-12)
            assert item.low <= change <= item.high
            assert ("design effect" in item.method) == clustered
    sides = [
        equalized_odds_difference(labels, s >= c, sensitive_features=groups)
        for s, c in ((scores, 0.5), (reference, 0.45))
    ]
    assert cut.gaps["equalized_odds_difference"].value == pytest.approx(sides[0] - sides[1])


def test_decisions_are_compared_as_cuts_are() -> None:
    labels, scores, groups = split(digits=6)
    reference = split(digits=6, seed=4)[1]
    pairs = [(fixed(0.5), fixed(0.5)), (given(scores >= 0.5), given(reference >= 0.5))]
    found = compare(labels, scores, reference, groups, NAMES, thresholds=pairs, n_boot=100)
    by_cut, by_row = (vars(cut) for cut in found.thresholds)
    for name in set(by_cut) - {"policy", "value", "reference_value"}:
        assert by_cut[name] == by_row[name]
    assert np.isnan([by_row["value"], by_row["reference_value"]]).all()


def test_cuts_by_group_are_compared() -> None:
    labels, scores, groups = split()
    reference, other = split(seed=4)[1], split(seed=1)
    cut = parse_policy("youden per group").fit(checked(*other))
    decided = [given(cut.apply(checked(labels, own, groups)), "youden per group") for own in (scores, reference)]
    pairs = [(cut, cut), (decided[0], decided[1])]
    first, second = compare(labels, scores, reference, groups, NAMES, thresholds=pairs, n_boot=100).thresholds
    assert first.groups == second.groups
    assert first.gaps == second.gaps
    assert first.groups[0].rates["tpr"].bounded
