"""A model against a reference where something other than one cut decides."""

import numpy as np

from hf_fairtune.audits.comparison import compare
from hf_fairtune.metrics.operating_threshold import per_group
from hf_fairtune.metrics.thresholds import fixed, given

from ..metrics.samples import NAMES, split


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
    cut = per_group("youden", *other, NAMES)
    decided = [given(cut.apply(labels, own, groups, NAMES), "youden per group") for own in (scores, reference)]
    pairs = [(cut, cut), (decided[0], decided[1])]
    first, second = compare(labels, scores, reference, groups, NAMES, thresholds=pairs, n_boot=100).thresholds
    assert first.groups == second.groups
    assert first.tpr_difference == second.tpr_difference
    assert first.groups[0].tpr.low < first.groups[0].tpr.high
