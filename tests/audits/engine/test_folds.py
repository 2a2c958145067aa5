"""Numbers within folds against loops over pairs, and against pooled ones where there is one fold."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from hf_fairtune.audits.compute import numbers
from hf_fairtune.audits.engine.delong import auc, auc_interval, delong_parts
from hf_fairtune.audits.engine.folds import fold_auc, fold_draws, fold_mean
from hf_fairtune.audits.engine.rows import ScoredRows, check_rows

N_BOOT = 150


def scored(n: int = 240, seed: int = 0) -> tuple[ScoredRows, np.ndarray]:
    """Rows of two groups in three folds of unequal size, with ties, each fold on a scale of its own."""
    rng = np.random.default_rng(seed)
    labels, groups, folds = np.arange(n) % 2, np.arange(n) // 2 % 2, rng.choice(3, n, p=[0.5, 0.3, 0.2])
    scores = np.round(rng.normal(size=n) + labels, 1) * (1 + folds) + 7 * folds
    return check_rows(labels, 1 / (1 + np.exp(-scores)), groups, ("a", "b")), folds


def test_an_interval_of_folds_is_that_of_their_weighted_mean() -> None:
    rows, folds = scored()
    found = fold_auc(rows.labels, rows.scores, folds)
    parts = [(rows.labels[folds == fold], rows.scores[folds == fold]) for fold in range(3)]
    pairs = np.array([(own == 1).sum() * (own == 0).sum() for own, _ in parts])
    shares = pairs / pairs.sum()
    value = sum(share * auc(*part) for share, part in zip(shares, parts, strict=True))
    variance = sum(share**2 * delong_parts(*part).sum() for share, part in zip(shares, parts, strict=True))
    width = 1.959963984540054 * np.sqrt(variance) / (value * (1 - value))
    odds = np.log(value / (1 - value))
    assert found.value == pytest.approx(value)
    assert (found.low, found.high) == pytest.approx(tuple(1 / (1 + np.exp(-(odds + s * width))) for s in (-1, 1)))
    # Pooled, the folds' scales hide the ranking.
    assert found.value > auc(rows.labels, rows.scores) + 0.1


def test_one_fold_is_what_is_pooled_to_the_last_bit() -> None:
    rows, _ = scored()
    one = np.zeros(240, dtype=int)
    assert fold_auc(rows.labels, rows.scores, one) == auc_interval(rows.labels, rows.scores)
    assert numbers(rows, (0, 1), one) == numbers(rows, (0, 1))


def test_edges_of_the_interval() -> None:
    labels, folds = np.array([0, 1, 0, 1, 1]), np.array([0, 0, 1, 1, 2])
    apart = fold_auc(labels, labels.astype(float), folds)
    assert apart.value == apart.high == 1
    assert 0 < apart.low < 1
    assert not fold_auc(labels, labels * 1.0, labels).defined


def test_only_what_ranks_depends_on_folds() -> None:
    rows, folds = scored()
    within, pooled = numbers(rows, (0, 1), folds), numbers(rows, (0, 1))
    moved = {name for name, value in within.items() if value != pooled[name]}
    assert moved >= {"auc", "auc_a", "min_group_auc", "min_group_auc_low", "average_precision", "average_precision_b"}
    assert all("auc" in name or "average_precision" in name or name == "worst_group" for name in moved)


def test_average_precision_is_a_mean_over_positives() -> None:
    rows, folds = scored()
    total = 0.0
    for fold in range(3):
        labels, scores = rows.labels[folds == fold], rows.scores[folds == fold]
        total += average_precision_score(labels, scores) * labels.sum()
    assert numbers(rows, (0, 1), folds)["average_precision"] == pytest.approx(total / rows.labels.sum())
    nothing = fold_mean(lambda *_: float("nan"), rows.labels, rows.scores, folds)
    assert np.isnan(nothing)


def of_pairs(rows: ScoredRows, folds: np.ndarray) -> float:
    won = pairs = 0.0
    for fold in range(3):
        labels, scores = rows.labels[folds == fold], rows.scores[folds == fold]
        above = scores[labels == 1][:, None] - scores[labels == 0]
        won += (above > 0).sum() + (above == 0).sum() / 2
        pairs += above.size
    return won / pairs


def parts_of(groups: np.ndarray) -> list[np.ndarray]:
    return [groups == 0, groups == 1, groups >= 0]


@pytest.mark.parametrize("clusters", [False, True])
def test_resamples_within_folds(clusters: bool) -> None:
    """The same distribution as that of drawn rows, one resample after another."""
    rows, folds = scored()
    if clusters:
        ids = folds * 1000 + np.random.default_rng(3).integers(0, 25, 240)
        rows = check_rows(rows.labels, rows.scores, rows.groups, rows.group_names, ids)
    (fast,), rng, slow = fold_draws([rows], folds, N_BOOT, 0), np.random.default_rng(1), []
    cells = folds * 4 + rows.groups * 2 + rows.labels
    for _ in range(N_BOOT):
        if rows.clusters is None:
            kept = np.concatenate([rng.choice(np.flatnonzero(cells == c), (cells == c).sum()) for c in range(12)])
        else:
            count = rows.clusters.max() + 1
            kept = np.concatenate([np.flatnonzero(rows.clusters == one) for one in rng.integers(0, count, count)])
        parts = [rows.groups[kept] == 0, rows.groups[kept] == 1, rows.groups[kept] >= 0]
        slow.append(
            [fold_auc(rows.labels[own], rows.scores[own], folds[own]).value for own in map(kept.__getitem__, parts)]
        )
    wanted = np.array(slow)
    assert fast.shape == wanted.shape == (N_BOOT, 3)
    assert fast.mean(axis=0) == pytest.approx(wanted.mean(axis=0), abs=5 * wanted.std() * np.sqrt(2 / N_BOOT))
    # Of all rows, drawn within fold and label alone.
    assert fast.std(axis=0) == pytest.approx(wanted.std(axis=0), rel=5 / np.sqrt(N_BOOT))
