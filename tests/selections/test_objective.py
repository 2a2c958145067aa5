"""The objective of rows, of resamples and within folds, against loops that are slow and obviously right."""

from collections.abc import Mapping

import numpy as np
import pytest

from hf_fairtune import FairTuneError
from hf_fairtune.audits.engine.delong import auc
from hf_fairtune.audits.engine.rows import ScoredRows
from hf_fairtune.selections.objective import Objective, Scored

from .samples import rows, scores

AUCS = ("auc", "min_group_auc", "max_group_auc", "auc_gap", "auc_a", "auc_b")


def pairs_won(table: ScoredRows, given: np.ndarray, kept: np.ndarray, folds: np.ndarray) -> float:
    """Count, pair by pair of one fold, how often a positive is above a negative."""
    won, n = 0.0, 0
    for i in np.flatnonzero(kept & (table.labels == 1)):
        for j in np.flatnonzero(kept & (table.labels == 0) & (folds == folds[i])):
            won += float(given[i] > given[j]) + 0.5 * float(given[i] == given[j])
            n += 1
    return won / n


def test_pairs_within_folds() -> None:
    table = rows(60)
    given, folds = np.round(scores(table, 1)[0], 1), np.random.default_rng(0).integers(0, 3, 60)
    every = np.ones(60, dtype=bool)
    slow = [pairs_won(table, given, part, folds) for part in (table.groups == 0, table.groups == 1, every)]
    found = Scored(table, (0, 1), given[None], folds)
    for name, value in zip(("auc_a", "auc_b", "auc"), slow, strict=True):
        assert Objective(name, True).values(found)[0] == pytest.approx(value)
    assert Objective("min_group_auc", True).values(found)[0] == pytest.approx(min(slow[:2]))
    assert Objective("auc_gap", False).values(found)[0] == pytest.approx(abs(slow[0] - slow[1]))


def test_folds_on_other_scales_change_no_auc() -> None:
    """A model of one fold that is surer than those of others would shift what is pooled."""
    table = rows()
    folds = np.arange(120) // 4 % 3
    given = scores(table, 3)[2:]
    moved = given + 5.0 * folds
    objective = Objective("min_group_auc", True)
    one, other = (objective.values(Scored(table, (0, 1), own, folds))[0] for own in (given, moved))
    assert one == other
    assert objective.values(Scored(table, (0, 1), moved))[0] < one - 0.1


def test_a_group_without_a_pair_in_any_fold_has_no_auc() -> None:
    table = rows(60)
    folds = np.where(table.groups == 0, table.labels, 2)
    found = Scored(table, (0, 1), scores(table, 1), folds)
    assert np.isnan(Objective("min_group_auc", True).values(found)[0])
    assert np.isfinite(Objective("auc_b", True).values(found)[0])


def drawn_rows(table: ScoredRows, rng: np.random.Generator) -> np.ndarray:
    """Draw rows within group and label, or whole clusters, with replacement."""
    if table.clusters is not None:
        ids = np.arange(table.clusters.max() + 1)
        return np.concatenate([np.flatnonzero(table.clusters == one) for one in rng.choice(ids, len(ids))])
    cells = table.groups * 2 + table.labels
    return np.concatenate([rng.choice(np.flatnonzero(cells == cell), (cells == cell).sum()) for cell in range(4)])


def resampled(table: ScoredRows, given: np.ndarray, n_boot: int) -> dict[str, np.ndarray]:
    """Compute every objective made of AUCs on drawn rows, one resample after another, [n_boot, k] each."""
    rng, found = np.random.default_rng(1), []
    for _ in range(n_boot):
        kept = drawn_rows(table, rng)
        labels, groups = table.labels[kept], table.groups[kept]
        parts = [groups == 0, groups == 1, groups >= 0]
        found.append([[auc(labels[part], own[kept][part]) for own in given] for part in parts])
    one, other, whole = np.array(found).swapaxes(0, 1)
    low, high = np.minimum(one, other), np.maximum(one, other)
    return dict(zip(AUCS, (whole, low, high, high - low, one, other), strict=True))


@pytest.mark.parametrize("clusters", [False, True])
def test_aucs_of_resamples_are_those_of_drawn_rows(clusters: bool) -> None:
    """The same distribution, though other draws."""
    table, n_boot = rows(120, clusters=clusters), 800
    scored = Scored(table, (0, 1), scores(table, 3))
    for name, slow in resampled(table, scored.scores, n_boot).items():
        fast = Objective(name, True).draws(scored, n_boot, 0)
        assert fast.shape == slow.shape == (n_boot, 3)
        spread = slow.std(axis=0)
        assert fast.mean(axis=0) == pytest.approx(slow.mean(axis=0), abs=5 * spread.max() * np.sqrt(2 / n_boot))
        assert fast.std(axis=0) == pytest.approx(spread, rel=5 / np.sqrt(n_boot))
        assert np.std(fast[:, 0] - fast[:, 1]) == pytest.approx(np.std(slow[:, 0] - slow[:, 1]), rel=5 / n_boot**0.5)


def test_a_function_of_the_metrics_is_resampled_one_by_one() -> None:
    table, n_boot = rows(120, clusters=True), 200
    scored = Scored(table, (0, 1), scores(table, 2))
    slow = Objective("own", True, lambda metrics: 2 * metrics["eval_min_group_auc"]).draws(scored, n_boot, 0)
    fast = 2 * Objective("min_group_auc", True).draws(scored, n_boot, 0)
    assert slow.mean(axis=0) == pytest.approx(fast.mean(axis=0), abs=5 * fast.std() * np.sqrt(2 / n_boot))
    assert slow.std(axis=0) == pytest.approx(fast.std(axis=0), rel=5 / np.sqrt(n_boot))


def test_trials_share_their_resamples() -> None:
    table = rows()
    given = scores(table, 1)[0]
    drawn = Objective("min_group_auc", True).draws(Scored(table, (0, 1), np.stack([given, np.exp(given)])), 50, 0)
    assert (drawn[:, 0] == drawn[:, 1]).all()
    assert drawn[:, 0].std() > 0


def test_other_numbers_are_resampled_too() -> None:
    """Rows stay within their group and label, so that a share of these does not vary; accuracy does."""
    table = rows()
    given = 1 / (1 + np.exp(-scores(table, 2)))
    found = Objective("accuracy", True).draws(Scored(table, (0, 1), given), 100, 0)
    plain = [float(((own >= 0.5) == table.labels).mean()) for own in given]
    assert found.mean(axis=0) == pytest.approx(plain, abs=0.03)
    assert (found.std(axis=0) > 0.01).all()


def test_an_excluded_group_takes_no_part() -> None:
    table = rows()
    given = scores(table, 1)
    alone, both = (Objective("min_group_auc", True).values(Scored(table, own, given))[0] for own in ((1,), (0, 1)))
    parts = [Objective(f"auc_{name}", True).values(Scored(table, (0, 1), given))[0] for name in "ab"]
    assert (alone, both) == (parts[1], min(parts))


def test_an_objective_of_more_than_scores_is_refused() -> None:
    def loss(metrics: Mapping[str, float]) -> float:
        return metrics["eval_loss"]

    table = rows()
    with pytest.raises(FairTuneError, match="the objective takes `loss`, which scores do not give"):
        Objective("loss", False, loss).values(Scored(table, (0, 1), scores(table, 1)))
