"""Platt scaling of several classes: of two it is Platt's own; in the head it is what was fitted."""

from typing import Any

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from scipy.special import expit, log_softmax, softmax

from hf_fairtune.audits.calibration import fit_calibration
from hf_fairtune.audits.class_calibration import calibrated_scores, fit_class_calibration
from hf_fairtune.audits.compute import scores_from_logits
from hf_fairtune.families.head import MULTI_LABEL, find_head, scale_head
from tests.conftest import tiny_vit

NAMES = ["a", "b", "c"]


def drawn(k: int, n: int = 300) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(k)
    labels = draw.choice(k, n, p=[0.7, *[0.3 / (k - 1)] * (k - 1)])
    return labels, 2.5 * (draw.normal(size=(n, k)) + np.eye(k)[labels])


def test_of_two_classes_it_is_platts() -> None:
    labels, logits = drawn(2)
    chances = softmax(logits, axis=1)
    one = fit_calibration(labels, chances[:, 1])
    two = fit_class_calibration(labels, chances, NAMES[:2])
    assert [*two.slopes.values()] == pytest.approx([one.slope] * 2)
    assert two.intercepts["b"] - two.intercepts["a"] == pytest.approx(one.intercept)
    assert (two.log_loss_before, two.log_loss_after) == pytest.approx((one.log_loss_before, one.log_loss_after))


def test_of_three_it_is_the_lowest_point() -> None:
    labels, logits = drawn(3)
    found = fit_class_calibration(labels, softmax(logits, axis=1), NAMES)
    counts = np.bincount(labels)
    targets = np.where(np.eye(3)[labels] == 1, counts[labels][:, None] + 1, 1) / (counts[labels][:, None] + 3)

    def loss(line: np.ndarray) -> Any:
        return -(targets * log_softmax(line[0] * logits + np.append(line[1:], 0), axis=1)).sum()

    oracle = minimize(loss, [1.0, 0.0, 0.0], tol=1e-12).x
    biases = np.append(oracle[1:], 0)
    assert found.slopes["a"] == pytest.approx(oracle[0], rel=1e-4)
    assert [*found.intercepts.values()] == pytest.approx(biases - biases.mean(), abs=1e-4)
    assert found.log_loss_after < found.log_loss_before


def test_findings_have_a_line_each() -> None:
    draw = np.random.default_rng(0)
    labels = (draw.random((200, 3)) < 0.4).astype(float)
    logits = 2 * (draw.normal(size=(200, 3)) + labels)
    labels[:30, 1] = np.nan
    found = fit_class_calibration(labels, expit(logits), NAMES)
    alone = fit_calibration(labels[30:, 1], expit(logits[30:, 1]))
    assert (found.slopes["b"], found.intercepts["b"]) == (alone.slope, alone.intercept)
    assert found.log_loss_after < found.log_loss_before


@pytest.mark.parametrize("exclusive", [True, False])
def test_the_head_gives_the_calibrated_scores(exclusive: bool) -> None:
    labels, _ = drawn(3, 60)
    model = tiny_vit(num_labels=3)
    model.config.problem_type = None if exclusive else MULTI_LABEL
    pixels = torch.randn(60, 3, 16, 16, generator=torch.Generator().manual_seed(0))

    def scores() -> np.ndarray:
        with torch.no_grad():
            return scores_from_logits(model(pixels).logits.numpy(), multilabel=not exclusive)

    truth = labels if exclusive else (np.eye(3)[labels] == 1).astype(float)
    found = fit_class_calibration(truth, scores(), NAMES)
    wanted = calibrated_scores(found, scores(), exclusive)
    scale_head(model, find_head(model), [*found.slopes.values()], [*found.intercepts.values()])
    np.testing.assert_allclose(scores(), wanted, atol=2e-5)


def test_what_has_no_rows_of_its_own_refuses_nothing() -> None:
    """Of classes the smoothed targets keep every bias finite; a finding of one label stays as it is, and is named."""
    labels, logits = drawn(3)
    found = fit_class_calibration(labels % 2, softmax(logits, axis=1), NAMES)
    assert np.isfinite([*found.intercepts.values(), found.log_loss_after]).all()
    assert found.intercepts["c"] == min(found.intercepts.values())
    findings = np.stack([labels == 0, labels < 0, labels == 0], axis=1).astype(float)
    each = fit_class_calibration(findings, expit(logits[:, [0, 1, 0]] * [1, 1, -1]), NAMES)
    assert each.slopes["a"] != 1
    assert [(each.slopes[name], each.intercepts[name]) for name in "bc"] == [(1, 0)] * 2
    assert [(one.kind, one.group) for one in each.reasons] == [("too_few", "b"), ("no_ranking", "c")]


@pytest.mark.parametrize(
    ("labels", "scores", "kinds"),
    [
        (np.zeros(90, int), np.full((90, 3), 1 / 3), ["too_few", "too_few"]),
        (np.zeros((90, 3)), np.full((90, 3), 1 / 3), ["too_few"] * 3),
        (np.arange(90) % 3, np.eye(3)[np.arange(90) % 3], ["no_log_odds"]),
    ],
)
def test_without_a_fit_nothing_is_applied(labels: np.ndarray, scores: np.ndarray, kinds: list[str]) -> None:
    found = fit_class_calibration(labels, scores, NAMES)
    assert not found.ranks
    assert [one.kind for one in found.reasons] == kinds
    assert found.log_loss_after == found.log_loss_before
    assert np.isfinite(found.log_loss_before)


@pytest.mark.parametrize("scale", [0.01, 20])
def test_the_slope_undoes_a_scale_of_the_logits(scale: float) -> None:
    labels, logits = drawn(3)
    one, other = (fit_class_calibration(labels, softmax(own * logits, axis=1), NAMES) for own in (1, scale))
    assert other.slopes["a"] * scale == pytest.approx(one.slopes["a"], rel=1e-6)
    assert [*other.intercepts.values()] == pytest.approx([*one.intercepts.values()], abs=1e-6)
    assert not fit_class_calibration(labels, softmax(500 * logits, axis=1), NAMES).ranks


@pytest.mark.parametrize("far", [3, 30, 300])
def test_separated_classes_have_the_mean_of_their_targets(far: float) -> None:
    """At the lowest point the chances' means are those of the targets; at the scores' own slope the loss is flat."""
    labels = drawn(3)[0]
    z, counts = far * np.eye(3)[labels], np.bincount(labels)
    found = fit_class_calibration(labels, softmax(z, axis=1), NAMES)
    targets = np.where(np.eye(3)[labels] == 1, counts[labels][:, None] + 1, 1) / (counts[labels][:, None] + 3)
    chances = calibrated_scores(found, softmax(z, axis=1), exclusive=True)
    assert found.ranks
    np.testing.assert_allclose(chances.mean(0), targets.mean(0), atol=1e-6)
