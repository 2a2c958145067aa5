"""The objective of several classes: read off AUCs, of resamples, and within folds."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from hf_fairtune.audits.compute import numbers
from hf_fairtune.audits.engine.class_draws import class_draws
from hf_fairtune.audits.engine.class_rows import ClassRows, check_class_rows
from hf_fairtune.selections.objective import Objective, Scored

CLASSES, GROUPS = ["mel", "nv", "bcc"], ["a", "b"]
KEYS = ["min_group_auc", "macro_min_group_auc", "auc", "macro_auc", "auc_mel", "auc_mel_b", "auc_b", "auc_gap"]


def scored(findings: bool = False, folds: bool = False, n: int = 240) -> Scored:
    draw = np.random.default_rng(0)
    labels = draw.integers(0, 3, n)
    truth = np.where(draw.random((n, 3)) < 0.1, np.nan, np.eye(3)[labels]) if findings else labels
    scores = draw.normal(size=(2, n, 3)) + np.array([0.8, 1.2])[:, None, None] * np.eye(3)[labels]
    rows = check_class_rows(truth, scores[0], draw.integers(0, 2, n), GROUPS, names=CLASSES)
    assert isinstance(rows, ClassRows)
    return Scored(rows, (0, 1), scores, draw.integers(0, 3, n) if folds else None)


@pytest.mark.parametrize("findings", [False, True])
@pytest.mark.parametrize("folds", [False, True])
def test_what_is_read_off_aucs_is_the_metric(findings: bool, folds: bool) -> None:
    given = scored(findings, folds)
    (whole,) = _aucs_of(given)
    for key in KEYS + ["macro_auc_gap", "min_group_auc_nv", "max_group_auc"]:
        objective = Objective(key, maximize="gap" not in key)
        found = objective.of_aucs(whole, given)
        assert found is not None
        assert float(found) == pytest.approx(objective.values(given)[0])
    assert Objective("equalized_odds_difference", maximize=False).of_aucs(whole, given) is None


def _aucs_of(given: Scored) -> list[np.ndarray]:
    """Return the first trial's AUCs by class and group and of all rows: every row drawn once."""
    rows = given.rows
    assert isinstance(rows, ClassRows)
    folds = np.zeros(len(rows.groups), int) if given.folds is None else given.folds
    found = np.empty((3, 3))
    for place in range(3):
        for code, kept in enumerate((rows.groups == 0, rows.groups == 1, rows.groups >= 0)):
            wins, pairs = 0.0, 0
            for fold in np.unique(folds):
                own = kept & (folds == fold) & rows.known(place)
                truth = rows.labels[own, place]
                count = int(truth.sum() * (1 - truth).sum())
                wins += count * roc_auc_score(truth, given.scores[0][own, place])
                pairs += count
            found[place, code] = wins / pairs
    return [found]


def test_draws_vary_around_the_value_and_are_shared() -> None:
    given = scored()
    for key in KEYS:
        objective = Objective(key, maximize=True)
        draws = objective.draws(given, 300, 0)
        assert draws.shape == (300, 2)
        assert draws.mean(axis=0) == pytest.approx(objective.values(given), abs=0.05)
    slow = Objective("min_group_auc", maximize=True, function=lambda found: found["eval_min_group_auc"])
    fast = Objective("min_group_auc", maximize=True)
    np.testing.assert_allclose(fast.draws(given, 20, 0), slow.draws(given, 20, 0))
    first, second = class_draws([given.by(0), given.by(0)], 5, 1)  # type: ignore[list-item]
    np.testing.assert_array_equal(first, second)


def test_cells_that_are_too_small_have_no_key() -> None:
    given = scored(n=64)
    counts = np.array(
        [[((given.rows.groups == g) & (given.rows.labels[:, c] == 1)).sum() for g in (0, 1)] for c in range(3)]
    )
    wanted = [f"auc_{CLASSES[c]}_{GROUPS[g]}" for c, g in zip(*np.nonzero(counts >= 10), strict=True)]
    assert 0 < len(wanted) < 6
    assert given.auc_keys == wanted
    assert np.isnan(numbers(given.rows, ())["min_group_auc"])
