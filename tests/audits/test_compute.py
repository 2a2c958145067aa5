from types import SimpleNamespace

import numpy as np
import pytest
from scipy.special import softmax

from hf_fairtune.audits.audit import audit
from hf_fairtune.audits.compute import direction, directions, fairness_metrics, greater_is_better, scores_from_logits
from hf_fairtune.audits.thresholds import fixed
from hf_fairtune.errors import FairTuneError

from .samples import NAMES, split


def prediction(labels: np.ndarray, scores: np.ndarray, groups: np.ndarray) -> SimpleNamespace:
    inside = np.clip(scores, 0.001, 0.999)
    logits = np.column_stack([np.log(1 - inside), np.log(inside)])
    return SimpleNamespace(predictions=logits, label_ids=(labels, groups))


def test_the_numbers_are_the_audits() -> None:
    labels, scores, groups = split()
    found = fairness_metrics(NAMES)(prediction(labels, scores, groups))
    expected = audit(labels, scores, groups, NAMES, thresholds=[fixed()], n_boot=0)
    (cut,) = expected.thresholds
    assert found.pop("auc") == expected.auc.value
    assert found.pop("min_group_auc") == expected.min_group_auc.value
    assert NAMES[int(found.pop("worst_group"))] == expected.min_group_auc.group
    assert found.pop("max_group_auc") == max(row.auc.value for row in expected.groups)
    assert found.pop("auc_gap") == expected.auc_gap.value
    assert found.pop("min_group_auc_low") == min(row.auc.low for row in expected.groups)
    for row in expected.groups:
        assert found.pop(f"auc_{row.group}") == row.auc.value
        for name, item in row.measures.items():
            assert found.pop(f"{name}_{row.group}") == pytest.approx(item.value)
    numbers = expected.measures | expected.across | cut.overall.rates | cut.gaps
    flagged = scores >= 0.5
    assert found["net_benefit"] == pytest.approx(np.mean(np.where(labels == 1, flagged, -1.0 * flagged)))
    # Those of a search alone, see test_objectives.
    searched = ("log_loss", "_fitted", "one_class_share", "accuracy_gap", "min_group_accuracy")
    found = {key: value for key, value in found.items() if not any(part in key for part in searched)}
    for code, row in enumerate(NAMES):
        assert found.pop(f"accuracy_{row}") == pytest.approx(np.mean((flagged == labels)[groups == code]))
    assert found == pytest.approx({name: item.value for name, item in numbers.items()})


def test_signed_gaps_are_taken_from_the_audits_reference() -> None:
    # The largest group has 4 positives, too few to be estimable: both must compare with `b`, which has 30.
    rng = np.random.default_rng(5)
    groups = np.repeat([0, 1, 2], [300, 120, 90])
    labels = np.concatenate([np.arange(300) < 4, np.arange(120) < 30, np.arange(90) < 25]).astype(int)
    scores = np.clip(0.3 + 0.3 * labels + 0.1 * groups + rng.normal(0, 0.15, len(labels)), 0, 1)
    found = fairness_metrics(NAMES)(prediction(labels, scores, groups))
    (cut,) = audit(labels, scores, groups, NAMES, thresholds=[fixed()], n_boot=0).thresholds
    rate = {code: np.mean(scores[(groups == code) & (labels == 1)] >= 0.5) for code in range(3)}
    alarm = {code: np.mean(scores[(groups == code) & (labels == 0)] >= 0.5) for code in range(3)}
    odds = [(rate[code] - rate[1] + alarm[code] - alarm[1]) / 2 for code in (0, 2)]
    assert found["equalized_odds_signed"] == pytest.approx(max(odds, key=abs))
    assert {name: found[name] for name in cut.gaps} == pytest.approx({k: v.value for k, v in cut.gaps.items()})


def test_a_one_class_group_is_nan_until_excluded() -> None:
    labels, scores, groups = split((30, 25, 0))
    given = prediction(labels, scores, groups)
    found = fairness_metrics(NAMES)(given)
    undefined = {key for key, value in found.items() if np.isnan(value)}
    odds = {f"equalized_odds_{kind}" for kind in ("difference", "mean", "score", "signed", "joint")}
    odds |= {"equal_opportunity_difference", "balanced_accuracy_difference"}
    odds |= {f"{name}_fitted" for name in odds}
    assert undefined == odds | {
        *("min_group_average_precision", "average_precision_gap"),
        *("min_group_auc", "max_group_auc", "auc_gap", "min_group_auc_low", "worst_group"),
        *("auc_c", "average_precision_c"),
    }
    kept = fairness_metrics(NAMES, exclude=["c"])(given)
    assert {key for key, value in kept.items() if np.isnan(value)} == {"auc_c", "average_precision_c"}
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
    with pytest.raises(FairTuneError, match="makes the key `auc_gap` twice"):
        fairness_metrics(["gap", "b"])


def test_direction_knows_every_key() -> None:
    assert direction("eval_min_group_auc") == direction("min_group_auc") == "maximize"
    assert direction("auc_gap") == direction("eval_equalized_odds_difference") == "minimize"
    assert direction("auc_b", NAMES) == "maximize"
    assert direction("average_precision_b", NAMES) == direction("min_group_average_precision") == "maximize"
    assert direction("average_precision_gap") == direction("fpr") == "minimize"
    assert direction("tpr") == direction("net_benefit") == direction("demographic_parity_ratio") == "maximize"
    for unknown in ("worst_group", "auc_b", "eval_loss", "selection_rate", "statistical_parity_difference"):
        with pytest.raises(FairTuneError, match=f"`{unknown}` is not a metric to optimise; choose from "):
            direction(unknown)
    with pytest.raises(FairTuneError, match="choose from min_group_auc, min_group_auc_low, "):
        direction("min_group_auk")
    with pytest.raises(FairTuneError, match="choose from auc, .*tpr, "):
        direction("beauty")


def test_greater_is_better_needs_no_names_of_groups() -> None:
    """It is the direction of every key, whatever the groups are called; a group called `gap` takes no key over."""
    for names in (NAMES, ("Age over 60", "group")):
        for key, greater in directions(names).items():
            assert greater_is_better(key) is greater_is_better(f"eval_{key}") is greater
    assert greater_is_better("auc_gap") is greater_is_better("loss") is False
    assert greater_is_better("worst_group") is greater_is_better("beauty") is None


def test_two_logits_are_a_softmax_and_one_a_sigmoid() -> None:
    logits = np.random.default_rng(0).normal(size=(6, 2))
    np.testing.assert_allclose(scores_from_logits(logits), softmax(logits, axis=1)[:, 1])
    one = logits[:, :1]
    np.testing.assert_allclose(scores_from_logits(one), 1 / (1 + np.exp(-one[:, 0])))
    np.testing.assert_array_equal(scores_from_logits(one[:, 0]), scores_from_logits(one))
    np.testing.assert_array_equal(scores_from_logits((logits, "hidden states")), scores_from_logits(logits))


def test_large_logits_do_not_overflow() -> None:
    huge = np.array([[-3e38, 3e38], [3e38, -3e38]], dtype=np.float32)
    assert scores_from_logits(huge).tolist() == [1, 0]


@pytest.mark.parametrize("shape", [(4, 2, 1), ()])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(FairTuneError, match="shape"):
        scores_from_logits(np.zeros(shape))
