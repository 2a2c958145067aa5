"""What a search may go by: gaps at a fitted cut, the published code's objectives, and how one-sided decisions are."""

import fairlearn.metrics
import numpy as np
import pytest
import sklearn.metrics

from hf_fairtune.audits.compute import (
    PUBLISHED,
    compares_groups,
    direction,
    directions,
    fairness_metrics,
    greater_is_better,
    key_of,
    one_class_key,
)
from hf_fairtune.audits.metrics.metric import gaps
from hf_fairtune.errors import FairTuneError

from .samples import NAMES, split
from .test_compute import prediction


def found_in(scores: np.ndarray, labels: np.ndarray, groups: np.ndarray) -> dict[str, float]:
    return fairness_metrics(NAMES)(prediction(labels, scores, groups))


def youden(labels: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Try every score as a cut; decide at the highest of the best."""
    _, best = max(
        ((scores >= c)[labels == 1].mean() - (scores >= c)[labels == 0].mean(), c) for c in np.unique(scores)
    )
    return scores >= best


@pytest.mark.parametrize("seed", range(4))
def test_fitted_gaps_are_fairlearns_at_the_best_cut_of_these_rows(seed: int) -> None:
    labels, scores, groups = split(seed=seed, positives=(12, 25, 22))
    scores = scores**3  # few lie above 0.5
    found, decided = found_in(scores, labels, groups), youden(labels, np.clip(scores, 0.001, 0.999))
    oracles = {
        "equalized_odds_difference": fairlearn.metrics.equalized_odds_difference,
        "demographic_parity_difference": fairlearn.metrics.demographic_parity_difference,
        "demographic_parity_ratio": fairlearn.metrics.demographic_parity_ratio,
        "equal_opportunity_difference": fairlearn.metrics.true_positive_rate_difference,
    }
    for name, oracle in oracles.items():
        wanted = oracle(labels, decided, sensitive_features=groups)
        assert found[f"{name}_fitted"] == pytest.approx(wanted)
        assert found[name] == pytest.approx(oracle(labels, scores >= 0.5, sensitive_features=groups))
    assert {f"{name}_fitted" for name in gaps()} <= {*found}


def test_a_model_that_flags_nobody_has_no_gap_at_a_half_but_one_at_the_fitted_cut() -> None:
    labels, scores, groups = split()
    low = np.clip(scores + 0.1 * (groups == 0), 0, 1) * 0.4
    found = found_in(low, labels, groups)
    assert found["equalized_odds_difference"] == found["demographic_parity_difference"] == 0
    assert found["one_class_share"] == 1
    assert found["equalized_odds_difference_fitted"] > 0.05
    assert found["one_class_share_fitted"] < 0.9


def test_the_largest_share_of_one_class_is_of_the_included_groups() -> None:
    labels, scores, groups = split()
    low = np.where(groups == 2, 0.9, scores)
    shares = [max((low >= 0.5)[groups == g].mean(), (low < 0.5)[groups == g].mean()) for g in range(3)]
    given = prediction(labels, low, groups)
    assert fairness_metrics(NAMES)(given)["one_class_share"] == pytest.approx(max(shares)) == 1
    assert fairness_metrics(NAMES, ["c"])(given)["one_class_share"] == pytest.approx(max(shares[:2]))
    # A group without rows is predicted nothing.
    four = fairness_metrics([*NAMES, "d"])(prediction(labels, scores, groups))
    assert four["one_class_share"] == found_in(scores, labels, groups)["one_class_share"]


def test_one_class_of_labels_leaves_no_cut_to_fit() -> None:
    labels, scores, groups = split()
    found = found_in(scores, np.zeros_like(labels), groups)
    assert np.isnan([found[f"{name}_fitted"] for name in (*gaps(), "one_class_share")]).all()


def test_the_published_objectives_are_of_the_whole_split() -> None:
    labels, scores, groups = split(digits=6)
    found = found_in(scores, labels, groups)
    parts = [groups == code for code in range(3)]
    inside = np.clip(scores, 0.001, 0.999)
    accuracies = [sklearn.metrics.accuracy_score(labels[own], scores[own] >= 0.5) for own in parts]
    losses = [sklearn.metrics.log_loss(labels[own], inside[own]) for own in parts]
    aucs = [sklearn.metrics.roc_auc_score(labels[own], scores[own]) for own in parts]
    wanted = {
        "min_acc": min(accuracies),
        "acc_diff": max(accuracies) - min(accuracies),
        "max_loss": max(losses),
        "min_auc": min(aucs),
        "auc_diff": max(aucs) - min(aucs),
        "overall_acc": sklearn.metrics.accuracy_score(labels, scores >= 0.5),
        "overall_auc": sklearn.metrics.roc_auc_score(labels, scores),
    }
    assert wanted == pytest.approx({name: found[key_of(name)] for name in PUBLISHED})
    assert found["log_loss"] == pytest.approx(sklearn.metrics.log_loss(labels, inside))
    assert [found[f"log_loss_{name}"] for name in NAMES] == pytest.approx(losses)


def test_published_names_have_the_directions_of_the_published_code() -> None:
    minimised = {name for name in PUBLISHED if direction(name) == "minimize"}
    assert minimised == {name for name in PUBLISHED if greater_is_better(name) is False}
    assert minimised == {"acc_diff", "auc_diff", "max_loss"}
    assert direction("eval_min_acc") == "maximize"
    assert key_of("eval_acc_diff") == "accuracy_gap"
    with pytest.raises(FairTuneError, match="'diff' makes the key `auc_diff` twice"):
        fairness_metrics(["diff", "b"])


def test_every_direction_is_of_a_key_and_fitted_gaps_have_that_of_their_gap() -> None:
    known = directions(NAMES)
    assert {*known} <= {*found_in(*(split()[place] for place in (1, 0, 2)))}
    for name in gaps():
        assert known.get(f"{name}_fitted") == known.get(name)
    assert known["max_group_log_loss"] is known["log_loss_b"] is known["accuracy_gap"] is False
    assert known["min_group_accuracy"] is True
    assert not {"one_class_share", "one_class_share_fitted", "min_group_log_loss"} & {*known}


def test_what_compares_groups_and_what_rests_on_decisions() -> None:
    assert {key for key in directions(NAMES) if compares_groups(key)} == {
        key for key in directions(NAMES) if key.removesuffix("_fitted") in gaps() or key.endswith("_gap")
    }
    assert compares_groups("demographic_parity_ratio")
    assert one_class_key("equalized_odds_difference_fitted") == "one_class_share_fitted"
    for key in ("equalized_odds_mean", "tpr", "net_benefit", "accuracy", "accuracy_b", "accuracy_gap"):
        assert one_class_key(key) == "one_class_share"
    assert one_class_key("min_group_accuracy") == "one_class_share"
    for key in ("auc", "auc_gap", "auc_x_fitted", "max_group_log_loss", "average_precision_gap"):
        assert one_class_key(key) is None
