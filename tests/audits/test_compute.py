from types import SimpleNamespace

import numpy as np
import pytest

from hf_fairtune.audits.audit import audit
from hf_fairtune.audits.compute import GREATER_IS_BETTER, direction, fairness_metrics
from hf_fairtune.errors import FairTuneError
from hf_fairtune.metrics.thresholds import fixed

from ..metrics.samples import NAMES, split


def prediction(labels: np.ndarray, scores: np.ndarray, groups: np.ndarray) -> SimpleNamespace:
    inside = np.clip(scores, 0.001, 0.999)
    logits = np.column_stack([np.log(1 - inside), np.log(inside)])
    return SimpleNamespace(predictions=logits, label_ids=(labels, groups))


def test_the_numbers_are_the_audits() -> None:
    labels, scores, groups = split()
    found = fairness_metrics(NAMES)(prediction(labels, scores, groups))
    expected = audit(labels, scores, groups, NAMES, thresholds=[fixed()], n_boot=0)
    cut = expected.thresholds[0]
    assert found["auc"] == expected.auc.value
    assert found["min_group_auc"] == expected.min_group_auc.value
    assert NAMES[int(found["worst_group"])] == expected.min_group_auc.group
    assert found["max_group_auc"] == max(row.auc for row in expected.groups)
    assert found["auc_gap"] == expected.auc_gap.value
    assert found["min_group_auc_low"] == min(row.auc_low for row in expected.groups)
    assert found["equalized_odds_difference"] == pytest.approx(cut.equalized_odds_difference.value)
    assert found["demographic_parity_difference"] == pytest.approx(cut.demographic_parity_difference.value)
    assert found["accuracy"] == np.mean((scores >= 0.5) == labels)
    assert [found[f"auc_{row.group}"] for row in expected.groups] == [row.auc for row in expected.groups]
    assert set(found) == set(GREATER_IS_BETTER) | {"worst_group", "auc_a", "auc_b", "auc_c"}


def test_a_one_class_group_is_nan_until_excluded() -> None:
    labels, scores, groups = split((30, 25, 0))
    given = prediction(labels, scores, groups)
    found = fairness_metrics(NAMES)(given)
    undefined = {key for key, value in found.items() if np.isnan(value)}
    assert undefined == {
        *("min_group_auc", "max_group_auc", "auc_gap", "min_group_auc_low", "worst_group"),
        *("equalized_odds_difference", "auc_c"),
    }
    kept = fairness_metrics(NAMES, exclude=["c"])(given)
    assert {key for key, value in kept.items() if np.isnan(value)} == {"auc_c"}
    assert kept["min_group_auc"] == min(kept["auc_a"], kept["auc_b"])


def test_diverged_logits_are_nan() -> None:
    given = prediction(*split())
    given.predictions[3, 0] = np.nan
    assert np.isnan(list(fairness_metrics(NAMES)(given).values())).all()


def test_values_are_plain_floats() -> None:
    assert {type(value) for value in fairness_metrics(NAMES)(prediction(*split())).values()} == {float}


def test_groups_must_arrive() -> None:
    given = prediction(*split())
    given.label_ids = given.label_ids[0]
    with pytest.raises(FairTuneError, match="label_names"):
        fairness_metrics(NAMES)(given)


def test_names_are_checked_when_it_is_made() -> None:
    with pytest.raises(FairTuneError, match="exclude"):
        fairness_metrics(NAMES, exclude=["z"])
    with pytest.raises(FairTuneError, match="auc_gap"):
        fairness_metrics(["gap", "b"])


def test_direction_knows_every_key() -> None:
    assert direction("eval_min_group_auc") == direction("min_group_auc") == "maximize"
    assert direction("auc_gap") == direction("eval_equalized_odds_difference") == "minimize"
    assert direction("auc_b", NAMES) == "maximize"
    for unknown in ("worst_group", "auc_b", "eval_loss"):
        with pytest.raises(FairTuneError, match="min_group_auc_low"):
            direction(unknown)
