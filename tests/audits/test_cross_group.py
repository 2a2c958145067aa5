import math

import numpy as np
import pytest

from hf_fairtune.audits.cross_group import audit_cross_group
from hf_fairtune.intervals.clustered_delong import LOGIT_OBUCHOWSKI
from hf_fairtune.intervals.delong import auc_interval
from hf_fairtune.metrics.xauc import bnsp, bpsn

from ..metrics.samples import NAMES, rows
from .evidence_samples import evidence, shuffled


def test_every_group_is_set_against_all_others() -> None:
    given = evidence(n_boot=0)
    found = audit_cross_group(given)
    labels, scores, groups = given.rows.labels, given.rows.scores, given.rows.groups
    assert [row.group for row in found] == list(NAMES)
    for code, row in enumerate(found):
        inside = groups == code
        assert row.bpsn.value == pytest.approx(bpsn(labels, scores, inside))
        assert row.bnsp.value == pytest.approx(bnsp(labels, scores, inside))
        kept = np.where(labels == 1, ~inside, inside)
        expected = auc_interval(labels[kept], scores[kept])
        assert (row.bpsn.low, row.bpsn.high) == pytest.approx((expected.low, expected.high))


def test_groups_left_out_are_nobodys_background() -> None:
    given = evidence(included=(0, 2), n_boot=0)
    kept = given.rows.groups != 1
    found = audit_cross_group(given)
    assert [row.group for row in found] == ["a", "c"]
    expected = bpsn(given.rows.labels[kept], given.rows.scores[kept], given.rows.groups[kept] == 0)
    assert found[0].bpsn.value == pytest.approx(expected)
    assert found[0].bpsn.value == pytest.approx(found[1].bnsp.value)


def test_clusters_may_lie_in_several_groups_and_order_does_not_matter() -> None:
    given = rows(clusters=np.arange(232) % 80)
    found, again = (audit_cross_group(evidence(item, n_boot=0)) for item in (given, shuffled(given)))
    alone = audit_cross_group(evidence(n_boot=0))
    for one, other, single in zip(found, again, alone, strict=True):
        for kind in ("bpsn", "bnsp"):
            estimate = getattr(one, kind)
            assert estimate.method == LOGIT_OBUCHOWSKI
            assert estimate.low == pytest.approx(getattr(other, kind).low)
            assert estimate.value == pytest.approx(getattr(single, kind).value)
            assert estimate.low != pytest.approx(getattr(single, kind).low, abs=1e-6)


def test_too_few_cases_on_either_side_have_no_interval() -> None:
    """A small group's own positives are few; those of the others against its negatives are not."""
    small = audit_cross_group(evidence(positives=(30, 25, 7), negatives=(60, 50, 45), n_boot=0))[2]
    assert math.isfinite(small.bpsn.low)
    assert np.isnan([small.bnsp.low, small.bnsp.high]).all()
    assert small.bnsp.reason == "no interval: 7 positives of the group, fewer than 10"
    clustered = audit_cross_group(evidence(n_boot=0, clusters=np.arange(232) // 30))[0]
    assert "clusters with positives of the others, fewer than 10" in str(clustered.bpsn.reason)
    none = audit_cross_group(evidence(positives=(30, 25, 0), negatives=(60, 50, 45), n_boot=0))[2]
    assert (none.bnsp.reason, math.isnan(none.bnsp.value)) == ("no positives of the group", True)


def test_a_group_alone_has_no_others() -> None:
    (found,) = audit_cross_group(evidence(included=(1,), n_boot=0))
    assert (found.bpsn.reason, found.bnsp.reason) == ("no positives of the others", "no negatives of the others")
