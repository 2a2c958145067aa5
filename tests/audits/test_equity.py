import math

import numpy as np
import pytest

from hf_fairtune.audits.equity import audit_es_auc
from hf_fairtune.metrics.auc import auc, group_aucs
from hf_fairtune.metrics.rows import check_rows

from ..metrics.samples import NAMES
from .evidence_samples import evidence


@pytest.mark.parametrize("included", [(0, 1, 2), (0, 2), (1,)])
def test_it_sums_over_the_included_groups(included: tuple[int, ...]) -> None:
    given = evidence(included=included)
    rows, found = given.rows, audit_es_auc(given)
    whole, aucs = auc(rows.labels, rows.scores), group_aucs(rows.labels, rows.scores, rows.groups, 3)
    assert found.value == pytest.approx(whole / (1 + sum(abs(aucs[g] - whole) for g in included)))
    assert found.low < found.value < found.high
    assert "bootstrap" in found.method


def test_without_what_it_needs_there_is_a_reason() -> None:
    assert audit_es_auc(evidence(n_boot=0)).reason == "no interval: n_boot is 0"
    hollow = audit_es_auc(evidence(positives=(30, 25, 0)))
    assert (math.isnan(hollow.value), "`c`: no positives" in str(hollow.reason)) == (True, True)
    thin = audit_es_auc(evidence(positives=(30, 25, 7)))
    assert (math.isfinite(thin.value), math.isnan(thin.low)) == (True, True)
    assert thin.reason == "no interval: `c`: 7 positives, fewer than 10"
    nobody = audit_es_auc(evidence(included=()))
    assert (math.isnan(nobody.value), nobody.reason) == (True, "0 groups take part, too few")


def test_an_auc_that_never_varies_leaves_no_interval() -> None:
    labels, groups = np.tile(np.repeat([0, 1], 30), 3), np.repeat([0, 1, 2], 60)
    scores = np.random.default_rng(0).normal(labels, 1.0)
    scores[:60] = labels[:60] * 9.0
    found = audit_es_auc(evidence(check_rows(labels, scores, groups, NAMES)))
    assert math.isfinite(found.value)
    assert np.isnan([found.low, found.high]).all()
    assert found.reason == "no interval: the AUC of `a` is the same in every resample"
