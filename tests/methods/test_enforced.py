"""Enforced heads against scikit-learn and against every point of the grid; what they record is what the model does."""

from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from datasets import Dataset
from sklearn.linear_model import LogisticRegression, Ridge

from hf_fairtune.errors import FairTuneError
from hf_fairtune.losses.cross_entropy import CrossEntropy
from hf_fairtune.methods.crossfitted import CrossFittedHead
from hf_fairtune.methods.enforced import EnforcedHead
from hf_fairtune.methods.enforcing import Enforcing
from hf_fairtune.methods.facts import Facts
from hf_fairtune.methods.group_weights import POINTS, HeldOut, Measure, enforce
from hf_fairtune.methods.two_heads import TwoHeads, fit_logistic, fit_squares
from tests.conftest import table, tiny_vit

from .several import several

MEASURES: tuple[Measure, ...] = ("equal_opportunity", "min_sensitivity")


def drawn(n: int = 120, n_groups: int = 2, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features whose first column tells the label, less so in the last group, and whose second tells the group."""
    draw = np.random.default_rng(seed)
    x, labels, groups = draw.normal(size=(n, 6)), draw.integers(0, 2, n), draw.integers(0, n_groups, n)
    x[:, 0] += labels * np.where(groups == n_groups - 1, 0.3, 2.0)
    x[:, 1] += 2 * groups
    return 3 * x + 5, labels, groups


def held(n_groups: int = 2, seed: int = 1) -> HeldOut:
    x, labels, groups = drawn(200, n_groups)
    heads = TwoHeads.fit(x, labels, groups, n_groups, 1.0)
    x, labels, groups = drawn(60, n_groups, seed)
    return HeldOut(heads.classifier(x), heads.attribute(x), labels, groups, tuple(range(n_groups)))


def measured(logits: np.ndarray, rows: HeldOut) -> tuple[dict[Measure, float], float]:
    """Return both measures and the balanced accuracy, row by row."""
    hits: dict[int, list[bool]] = {code: [] for code in rows.kept}
    right: dict[int, list[bool]] = {0: [], 1: []}
    for logit, label, group in zip(logits, rows.labels, rows.groups, strict=True):
        right[label].append((logit > 0) == label)
        if label == 1:
            hits[group].append(logit > 0)
    rates = [sum(one) / len(one) for one in hits.values()]
    balanced = sum(sum(one) / len(one) for one in right.values()) / 2
    return {"equal_opportunity": max(rates) - min(rates), "min_sensitivity": min(rates)}, balanced


@pytest.mark.parametrize("ridge", [0.1, 1.0, 30.0])
def test_the_fits_are_scikit_learns(ridge: float) -> None:
    x, labels, groups = drawn()
    own, model = fit_logistic(x, labels, ridge), LogisticRegression(C=1 / ridge, tol=1e-10, max_iter=10_000)
    model.fit(x, labels)
    np.testing.assert_allclose(own.weights, model.coef_[0], atol=1e-3)
    owns = np.eye(2)[groups]
    squares, other = fit_squares(x, owns, ridge), Ridge(alpha=ridge).fit(x, owns)
    np.testing.assert_allclose(squares(x), other.predict(x), atol=1e-9)
    np.testing.assert_allclose(squares(x).sum(1), 1, atol=1e-9)


def test_heads_of_raw_features_are_those_of_standardised_ones() -> None:
    x, labels, groups = drawn()
    heads, values = TwoHeads.fit(x, labels, groups, 2, 2.0), (x - x.mean(0)) / x.std(0)
    np.testing.assert_allclose(heads.classifier(x), fit_logistic(values, labels, 2.0)(values), atol=1e-9)
    np.testing.assert_allclose(heads.attribute(x), fit_squares(values, np.eye(2)[groups], 2.0)(values), atol=1e-9)
    merged = heads.merged(np.array([0.7, -2.0]))(x)
    np.testing.assert_allclose(merged, heads.classifier(x) + heads.attribute(x) @ [0.7, -2.0], atol=1e-9)


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("bound", [0.0, 0.1, 0.9, 1.0])
def test_two_groups_have_the_best_point_of_the_grid(measure: Measure, bound: float) -> None:
    """As good as every point of the first grid: by the bound, then the balanced accuracy, then the sum of squares."""
    rows = held()

    def rank(weights: np.ndarray) -> tuple[float, float, float]:
        values, balanced = measured(rows.z + rows.h @ weights, rows)
        beyond = values[measure] - bound if measure == "equal_opportunity" else bound - values[measure]
        return round(max(beyond, 0.0), 9), -round(balanced, 9), float((weights**2).sum())

    steps = np.linspace(-1, 1, POINTS) * np.abs(rows.z).max()
    best = min((np.array(pair) for pair in product(steps, steps)), key=rank)
    found = enforce(rows, measure, bound)
    assert rank(found.weights) <= rank(best)
    values, balanced = measured(rows.z + rows.h @ found.weights, rows)
    plain, balanced_before = measured(rows.z, rows)
    assert (found.value, found.value_before) == pytest.approx((values[measure], plain[measure]))
    assert (found.balanced, found.balanced_before) == pytest.approx((balanced, balanced_before))
    assert found.reached == (rank(found.weights)[0] == 0)


@pytest.mark.parametrize("measure", MEASURES)
def test_three_groups_are_never_worse_than_the_classifier(measure: Measure) -> None:
    rows = held(3)
    found = enforce(rows, measure, 0.1 if measure == "equal_opportunity" else 0.7)
    assert found.reached
    assert found.value == pytest.approx(measured(rows.z + rows.h @ found.weights, rows)[0][measure])
    free = enforce(rows, measure, 1.0 if measure == "equal_opportunity" else 0.0)
    assert free.balanced >= free.balanced_before
    assert free.balanced >= found.balanced - 1e-9


def test_a_bound_that_cannot_be_kept_is_missed_by_the_least() -> None:
    """A case that looks like every other row: at weights that find it, nothing is told apart, which is allowed."""
    z, labels, groups = np.array([1.0, -1.0, 1.0, -1.0]), np.array([1, 1, 1, 0]), np.array([0, 1, 1, 0])
    # The attribute head sees no group, so that both are shifted alike, and one case never passes.
    rows = HeldOut(z, np.zeros((4, 2)), labels, groups, (0, 1))
    found = enforce(rows, "equal_opportunity", 0.1)
    assert not found.reached
    assert found.value == found.value_before == 0.5
    assert not found.weights.any()


def test_groups_that_are_left_out_keep_their_weight() -> None:
    rows = held(3)
    found = enforce(HeldOut(rows.z, rows.h, rows.labels, rows.groups, (0, 2)), "equal_opportunity", 0.0)
    assert found.weights[1] == 0
    assert found.weights[[0, 2]].any()


def finished(method: Enforcing, data: Dataset, validation: Dataset) -> Any:
    model = tiny_vit()
    views = dict.fromkeys(method.views, data) | {"validation": validation}
    method.prepare(model, Facts.of(model, views, seed=5))
    method.finish(model)
    return model


def log_odds(model: Any, data: Dataset) -> np.ndarray:
    with torch.no_grad():
        logits = model(pixel_values=data[:]["pixel_values"]).logits.double().numpy()
    found: np.ndarray = logits[:, 1] - logits[:, 0]
    return found


@pytest.mark.parametrize("measure", MEASURES)
def test_the_model_reaches_on_validation_what_the_record_says(measure: Measure) -> None:
    data, validation = table(200), table(100, 1)
    method = EnforcedHead(enforce=measure)
    model, before = finished(method, data, validation), dict(tiny_vit().named_parameters())
    changed = {n for n, p in model.named_parameters() if not torch.equal(p, before[n])}
    assert changed == {"classifier.weight", "classifier.bias"}
    facts = method.record().facts
    labels, groups = np.array(validation["labels"]), np.array(validation["groups"])
    rows = HeldOut(log_odds(model, validation), np.zeros((100, 2)), labels, groups, (0, 1))
    values, balanced = measured(rows.z, rows)
    assert facts["value"] == pytest.approx(values[measure])
    assert facts["balanced_accuracy"] == pytest.approx(balanced)
    assert facts["reached"] is True
    assert facts["groups_with_too_few_cases"] == 0
    wanted = {"equal_opportunity": "equal opportunity at most 0.05", "min_sensitivity": "min sensitivity at least 0.8"}
    assert facts["enforced"] == wanted[measure]
    again = finished(EnforcedHead(enforce=measure), data, validation)
    assert torch.equal(model.classifier.weight, again.classifier.weight)


def with_patients(data: Dataset) -> Dataset:
    """Give three rows in a row one patient."""
    return data.add_column("cluster", [f"P{row // 3}" for row in range(len(data))]).with_format("torch")


def test_cross_fitted_heads_are_the_mean_of_their_members() -> None:
    """Each fitted on the other folds and enforced on its own; no patient is on both sides; validation is not read."""
    data = with_patients(table(240))
    method = CrossFittedHead(folds=3)
    assert "validation" not in method.views
    model = finished(method, data, data)
    pool = method.features(tiny_vit(), "pool")
    part, patients = method.divided(pool), np.array(data["cluster"])
    assert all(len(set(part[patients == one])) == 1 for one in set(patients))
    wanted, reached = np.zeros(240), 0
    for fold in range(3):
        fitted, own = pool.take(np.flatnonzero(part != fold)), pool.take(np.flatnonzero(part == fold))
        heads = TwoHeads.fit(fitted.values, fitted.labels, fitted.groups, 2, 100.0)
        rows = HeldOut(heads.classifier(own.values), heads.attribute(own.values), own.labels, own.groups, (0, 1))
        found = enforce(rows, "equal_opportunity", 0.05)
        wanted += heads.merged(found.weights)(pool.values) / 3
        reached += found.reached
    np.testing.assert_allclose(log_odds(model, data), wanted, atol=1e-4)
    facts = method.record().facts
    assert facts["heads"] == 3
    assert facts["heads_that_reached_it"] == reached


def test_bad_input() -> None:
    for fields, said in (
        ({"bound": 1.2}, "`bound` is 1.2; give a share from 0 to 1"),
        ({"ridge": 0.0}, "`ridge` is 0; give a strength above 0"),
        ({"least_cases": 0}, "`least_cases` is 0; give 1 or more"),
        ({"enforce": "parity"}, "`enforce` is 'parity'; choose from equal_opportunity, min_sensitivity"),
        ({"cross_entropy": CrossEntropy(0.1)}, "the losses of the method 'enforced' have no such option"),
    ):
        with pytest.raises(FairTuneError, match=said):
            EnforcedHead(**fields)
    with pytest.raises(FairTuneError, match="`folds` is 1; give 2 or more"):
        CrossFittedHead(folds=1)
    model = tiny_vit(num_labels=3)
    with pytest.raises(FairTuneError, match="sensitivities of one finding against the rest"):
        EnforcedHead().prepare(model, Facts.of(model, {"train": several(30)}))
    with pytest.raises(FairTuneError, match="no group has 90 held-out cases"):
        finished(EnforcedHead(least_cases=90), table(60), table(60))
    one = table(60).filter(lambda row: row["labels"] == 0)
    with pytest.raises(FairTuneError, match="needs rows of both labels"):
        finished(EnforcedHead(), table(60), one)
