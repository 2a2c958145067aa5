"""What is shared of weighted rows: nothing that a few heavy rows make, and no exact size."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from hf_fairtune.audits.audit_table import audit_table
from hf_fairtune.data.facts import audit_data
from hf_fairtune.data.scored import ScoredSpec, read_scored
from hf_fairtune.document.document import Document
from hf_fairtune.document.estimate import exact
from hf_fairtune.document.run import Model
from hf_fairtune.publish import publish

SPEC = ScoredSpec(label=["y"], score=["p"], group=["sex"], weight="w", reference=["q"])


def weighted(weights: np.ndarray, counts: tuple[int, ...] = (61, 143, 58, 137), spec: ScoredSpec = SPEC) -> Document:
    """The audit of women and men with so many positives and negatives each."""
    rng = np.random.default_rng(0)
    labels = np.repeat([1, 0, 1, 0], counts)
    frame = pd.DataFrame({"y": labels, "p": rng.uniform(0, 0.6, len(labels)) + 0.3 * labels, "w": weights})
    frame["q"], frame["sex"] = rng.permutation(frame.p), np.repeat(["F", "F", "M", "M"], counts)
    frame["site"] = np.where(np.arange(len(labels)) % 2, "x", "y")
    table = read_scored(frame, spec)
    found = audit_table(table, n_boot=50, n_permutations=20)
    models = [Model("model", "model"), Model("reference", "reference")]
    return Document("audit", audit_data(table, "t.csv", spec), "model", models, found)


def test_sizes_of_weighted_rows_are_rounded_and_their_prevalence_is_not_shown() -> None:
    document = weighted(np.random.default_rng(1).uniform(0.5, 2, 399))
    own, shown = document.audits[1].audit, publish(document).audits[1].audit
    for before, after in zip((own, *own.groups), (shown, *shown.groups), strict=True):
        for name in ("n", "positives", "effective", "effective_positives", "effective_negatives"):
            assert getattr(after, name) == 5 * round(exact(getattr(before, name)) / 5)
    for before, after in zip(own.groups, shown.groups, strict=True):
        assert 0 < before.prevalence < 1
        assert math.isnan(after.prevalence)
    for row in shown.thresholds[0].groups:
        assert row.true_positives is None is row.false_positives
        rate = row.rates["tpr"].value
        assert rate == round(rate, 2)
    hidden = publish(document, "auc").audits[1].audit
    assert hidden.effective is None is hidden.groups[0].effective_positives


def test_a_rate_that_one_heavy_patient_makes_is_not_shared() -> None:
    """Of 61 women with the finding one weighs as much as a thousand others: the rate would tell her outcome."""
    weights = np.ones(399)
    weights[0] = 1000.0
    document = weighted(weights)
    found = document.audits[1]
    own, shown = found.audit.thresholds[0].groups, publish(document).audits[1].audit.thresholds[0].groups
    assert own[0].rates["tpr"].defined
    assert not shown[0].rates["tpr"].defined
    assert shown[0].rates["tpr"].reasons[0].kind == "few_cases"
    # Her weight moves no other class and no other group.
    assert shown[0].rates["fpr"].defined
    assert shown[1].rates["tpr"].defined
    audit, comparison = publish(document).audits[1].audit, publish(document).audits[1].comparison
    assert not audit.groups[0].auc.defined
    assert not audit.auc_gap.defined
    assert comparison is not None
    assert not comparison.groups[0].auc.defined
    assert "F" not in [curve.group for curve in audit.roc]


@pytest.mark.parametrize("heavy", [1.0, 1000.0])
def test_errors_that_one_heavy_patient_makes_are_not_shared(heavy: float) -> None:
    weights = np.random.default_rng(1).uniform(0.9, 1.1, 399)
    weights[0] = heavy
    document = weighted(weights, spec=replace(SPEC, explain=["site"]))
    found, shown = (one.audits[0].audit.enrichment for one in (document, publish(document)))
    assert found is not None is not shown
    (own,), (column,) = found.columns, shown.columns
    assert min(min(exact(one.errors), exact(one.cases) - exact(one.errors)) for one in own.values) >= 10
    assert (column.values == []) == (heavy > 1)
    assert all(one.scarcer is None is one.cases for one in column.values)


@pytest.mark.parametrize("counts", [(62, 143, 58, 137), (61, 144, 58, 137)])
def test_one_patient_more_shows_in_no_size(counts: tuple[int, ...]) -> None:
    shown = []
    for own in ((61, 143, 58, 137), counts):
        audit = publish(weighted(np.tile([1.0, 2.0], 250)[: sum(own)], own)).audits[1].audit
        shown.append([(row.n, row.positives, row.negatives, row.effective, row.prevalence) for row in audit.groups])
    assert repr(shown[0]) == repr(shown[1])
