"""DFR against scikit-learn; nothing but the head changes; the draws are balanced and the strength is validation's."""

from typing import Any

import numpy as np
import pytest
import torch
from datasets import Dataset
from sklearn.linear_model import LogisticRegression

from hf_fairtune.errors import FairTuneError
from hf_fairtune.losses.cross_entropy import CrossEntropy
from hf_fairtune.methods.dfr import GRID, Dfr, Features, fit
from hf_fairtune.methods.facts import Facts
from hf_fairtune.methods.softmax_fit import fit_softmax
from tests.conftest import table, tiny_vit

from .several import several


def drawn(n: int = 120, d: int = 8) -> Features:
    draw = np.random.default_rng(0)
    x, labels, groups = draw.normal(size=(n, d)), draw.integers(0, 2, n), draw.integers(0, 2, n)
    x[:, 0] += labels
    x[:, 1] -= 0.5 * labels
    return Features(x, labels, 2 * groups + labels)


@pytest.mark.parametrize("strength", [c for c in GRID if c >= 0.1])
def test_the_fit_is_scikit_learns(strength: float) -> None:
    features = drawn()
    model = LogisticRegression(l1_ratio=1, C=strength, solver="saga", tol=1e-9, max_iter=100_000)
    model.fit(features.values, features.labels)
    weights, bias = fit(features, strength)
    np.testing.assert_allclose(weights, model.coef_[0], atol=2e-3)
    assert bias == pytest.approx(float(model.intercept_[0]), abs=2e-3)


@pytest.mark.parametrize("strength", [1.0, 0.1])
def test_the_fit_of_three_classes_is_scikit_learns(strength: float) -> None:
    draw = np.random.default_rng(0)
    x, labels = draw.normal(size=(150, 6)), np.arange(150) % 3
    x[:, 0] += labels
    x[:, 1] -= 0.7 * (labels == 1)
    model = LogisticRegression(l1_ratio=1, C=strength, solver="saga", tol=1e-9, max_iter=100_000).fit(x, labels)
    weights, bias = fit(Features(x, labels, labels), strength)
    np.testing.assert_allclose(weights, model.coef_.T, atol=3e-3)
    np.testing.assert_allclose(bias - np.mean(bias), model.intercept_ - model.intercept_.mean(), atol=3e-3)


def test_two_classes_by_the_softmax_have_the_same_log_odds() -> None:
    """Its penalty splits a weight into two halves of opposite sign, which cost as much as the whole."""
    features = drawn()
    weights, bias = fit_softmax(features.values, features.labels, 0.3)
    line, intercept = fit(features, 0.3)
    np.testing.assert_allclose(weights[:, 1] - weights[:, 0], line, atol=3e-3)
    assert bias[1] - bias[0] == pytest.approx(intercept, abs=3e-3)


def test_a_head_of_three_classes_has_the_fitted_logits() -> None:
    data = several(240)
    method, model = Dfr(draws=2), tiny_vit(num_labels=3)
    views = dict.fromkeys(method.views, data) | {"validation": several(90, seed=1)}
    method.prepare(model, Facts.of(model, views, seed=5))
    method.finish(model)
    with torch.no_grad():
        x = tiny_vit(num_labels=3).vit(pixel_values=data[:]["pixel_values"]).last_hidden_state[:, 0].double().numpy()
        z = model(pixel_values=data[:]["pixel_values"]).logits.double().numpy()
    labels, groups = np.array(data["labels"]), np.array(data["groups"])
    values, cells = (x - x.mean(0)) / x.std(0), 3 * groups + labels
    fits = []
    for i in range(2):
        rows = method._balanced(cells, i)
        assert len(set(np.bincount(cells[rows]).tolist())) == 1
        fits.append(fit(Features(values[rows], labels[rows], cells[rows]), float(method.fitted["inverse_l1"])))
    wanted = values @ np.mean([w for w, _ in fits], axis=0) + np.mean([b for _, b in fits], axis=0)
    np.testing.assert_allclose(z, wanted, atol=1e-4)


def test_several_findings_are_refused() -> None:
    model = tiny_vit(num_labels=3)
    model.config.problem_type = "multi_label_classification"
    with pytest.raises(FairTuneError, match="equally many rows of each label, but here a row has several"):
        Dfr().prepare(model, Facts())


def test_under_a_strong_penalty_only_the_prevalence_is_left() -> None:
    """Where scikit-learn's solver stops too early."""
    features = drawn()
    weights, bias = fit(features, 0.01)
    assert not weights.any()
    assert bias == pytest.approx(np.log(features.labels.mean() / (1 - features.labels.mean())), abs=1e-4)


def finished(data: Dataset, **fields: Any) -> tuple[Dfr, Any]:
    method, model = Dfr(**fields), tiny_vit()
    views = dict.fromkeys(method.views, data) | {"validation": table(64, 1)}
    method.prepare(model, Facts.of(model, views, seed=5))
    method.finish(model)
    return method, model


def test_only_the_head_changes_and_the_same_seed_gives_the_same_head() -> None:
    (_, model), (_, again) = finished(table(200)), finished(table(200))
    before = dict(tiny_vit().named_parameters())
    changed = {n for n, p in model.named_parameters() if not torch.equal(p, before[n])}
    assert changed == {"classifier.weight", "classifier.bias"}
    assert torch.equal(model.classifier.weight, again.classifier.weight)


def test_log_odds_are_those_of_the_averaged_fits_on_raw_features() -> None:
    """Features, standardisation, draws and average by hand."""
    data = table(200)
    method, model = finished(data, draws=3)
    with torch.no_grad():
        x = tiny_vit().vit(pixel_values=data[:]["pixel_values"]).last_hidden_state[:, 0].double().numpy()
        z = model(pixel_values=data[:]["pixel_values"]).logits.double().numpy()
    labels, groups = np.array(data["labels"]), np.array(data["groups"])
    values, cells = (x - x.mean(0)) / x.std(0), 2 * groups + labels
    least = np.bincount(cells).min()
    lines = []
    for i in range(3):
        rows = method._balanced(cells, i)
        assert np.bincount(cells[rows]).tolist() == [least] * 4
        assert len(set(rows.tolist())) == len(rows)
        lines.append(fit(Features(values[rows], labels[rows], cells[rows]), float(method.fitted["inverse_l1"])))
    wanted = values @ np.mean([w for w, _ in lines], axis=0) + np.mean([b for _, b in lines])
    np.testing.assert_allclose(z[:, 1] - z[:, 0], wanted, atol=1e-4)


def test_the_strength_is_the_one_with_the_best_worst_cell_on_validation() -> None:
    data, validation = table(200), table(64, 1)
    method, _ = finished(data, draws=1)
    model, worst = tiny_vit(), {}
    pool, other = (
        model.vit(pixel_values=d[:]["pixel_values"]).last_hidden_state[:, 0].detach().double().numpy()
        for d in (data, validation)
    )
    center, spread = pool.mean(0), pool.std(0)
    labels, groups = np.array(data["labels"]), np.array(data["groups"])
    rows = method._balanced(2 * groups + labels, 0)
    truth, cells = np.array(validation["labels"]), 2 * np.array(validation["groups"]) + np.array(validation["labels"])
    for strength in GRID:
        part = Features(((pool - center) / spread)[rows], labels[rows], cells)
        weights, bias = fit(part, strength)
        right = (((other - center) / spread @ weights + bias) > 0) == truth
        worst[strength] = min(right[cells == c].mean() for c in range(4))
    assert worst[float(method.fitted["inverse_l1"])] == max(worst.values())
    assert method.fitted["worst_cell_accuracy"] == max(worst.values())


def test_bad_input() -> None:
    with pytest.raises(FairTuneError, match="`draws` is 0; give 1 or more"):
        Dfr(draws=0)
    with pytest.raises(FairTuneError, match="the losses of the method 'dfr' have no such option"):
        Dfr(cross_entropy=CrossEntropy(0.1))
    data = table(48)
    lone = data.filter(lambda row: not (row["labels"] == 1 and row["groups"] == 1))
    with pytest.raises(FairTuneError, match="needs rows of every group with every label"):
        finished(lone)
