from collections.abc import Callable

import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given as drawn_from
from hypothesis import settings
from hypothesis import strategies as st
from sklearn.metrics import roc_curve

from hf_fairtune.audits.engine.rows import check_rows
from hf_fairtune.audits.thresholds import (
    Decision,
    decide,
    fingerprint,
    fixed,
    given,
    parse_policy,
    youden,
)
from hf_fairtune.errors import FairTuneError

from .samples import NAMES, checked, rows, split, tied_splits

Split = tuple[np.ndarray, np.ndarray, np.ndarray]
SHARES = st.sampled_from([0.1, 0.3, 0.5, 0.7, 0.9, 1.0])


def fit(policy: str, labels: np.ndarray, scores: np.ndarray) -> Decision:
    return parse_policy(policy).fit(checked(labels, scores))


def by_group(*columns: np.ndarray) -> Decision:
    return parse_policy("youden per group").fit(checked(*columns))


def rates(labels: np.ndarray, scores: np.ndarray, cut: float) -> tuple[float, float]:
    return float((scores[labels == 1] >= cut).mean()), float((scores[labels == 0] < cut).mean())


@settings(max_examples=40)
@drawn_from(tied_splits(least=1))
def test_f1_is_the_best_achieved_and_the_highest_of_equals(drawn: Split) -> None:
    labels, scores, _ = drawn
    values = {cut: sklearn.metrics.f1_score(labels, scores >= cut, zero_division=0) for cut in np.unique(scores)}
    best = max(values.values())
    assert fit("f1", labels, scores).value == max(cut for cut, value in values.items() if value > best - 1e-12)


@settings(max_examples=60)
@drawn_from(tied_splits(least=1), SHARES)
def test_sensitivity_is_reached_by_the_highest_cut_that_does(drawn: Split, share: float) -> None:
    labels, scores, _ = drawn
    cuts = [cut for cut in np.unique(scores) if rates(labels, scores, cut)[0] >= share]
    assert fit(f"sensitivity={share}", labels, scores).value == max(cuts)


@settings(max_examples=60)
@drawn_from(tied_splits(least=1), SHARES)
def test_specificity_is_reached_by_the_lowest_cut_that_does(drawn: Split, share: float) -> None:
    labels, scores, _ = drawn
    found = fit(f"specificity={share}", labels, scores).value
    cuts = [cut for cut in np.unique(scores) if rates(labels, scores, cut)[1] >= share]
    assert found == (min(cuts) if cuts else np.nextafter(scores.max(), np.inf))
    assert rates(labels, scores, found)[1] >= share


def test_shares_of_counts_are_exact() -> None:
    """9 of 10 is 0.9, and 7 of 10 is 0.7, though 0.7 * 10 is not 7 in floating point."""
    labels, scores = np.repeat([1, 0], 10), np.tile(np.arange(10.0), 2)
    for count in range(1, 11):
        assert fit(f"sensitivity={count / 10}", labels, scores).value == 10 - count
        assert fit(f"specificity={count / 10}", labels, scores).value == (
            count if count < 10 else np.nextafter(9, np.inf)
        )


@pytest.mark.parametrize("text", ["0.5", "-1.5", "youden", "f1", "sensitivity=0.9", "specificity=0.8"])
def test_a_policy_tells_how_and_where_it_was_fitted(text: str) -> None:
    labels, scores, _ = split()
    policy = parse_policy(f"  {text.upper()} ")
    if text in ("0.5", "-1.5"):
        assert policy.number == float(text)
        return
    found = policy.fit(checked(labels, scores), "tuning")
    assert (found.policy, found.fitted_on, found.by_group) == (text, "tuning", None)
    with pytest.raises(FairTuneError, match="same rows"):
        found.apply(checked(labels, scores))


def test_a_share_keeps_its_digits() -> None:
    assert parse_policy("sensitivity=0.90").name == "sensitivity=0.9"
    assert parse_policy("specificity=0.9876543").name == "specificity=0.9876543"


@pytest.mark.parametrize("text", ["youden", "f1", "sensitivity=0.9", "specificity=0.8"])
def test_each_group_gets_the_cut_of_its_own_rows(text: str) -> None:
    labels, scores, groups = split()
    found = parse_policy(f"{text} per group").fit(checked(labels, scores, groups), "tuning")
    assert found.policy == f"{text} per group"
    assert np.isnan(found.value)
    one = parse_policy(text)
    own = {name: one.fit(checked(labels[groups == g], scores[groups == g])).value for g, name in enumerate(NAMES)}
    assert found.by_group == own
    others = split(seed=1)
    decided = found.apply(checked(*others))
    assert decided.tolist() == [int(s >= own[NAMES[g]]) for s, g in zip(others[1], others[2], strict=True)]
    codes = np.array([2, 0, 1])[others[2]]
    assert found.apply(check_rows(*others[:2], codes, (NAMES[1], NAMES[2], NAMES[0]))).tolist() == decided.tolist()
    with pytest.raises(FairTuneError, match="same rows"):
        found.apply(checked(labels, scores, groups))


def test_a_group_unknown_or_without_a_class_is_told() -> None:
    labels, scores, groups = split()
    found = by_group(labels, scores, np.minimum(groups, 1))
    assert set(found.by_group or {}) == {"a", "b"}
    with pytest.raises(FairTuneError, match=r"no cut for the groups \['c'\], which `validation` lacks"):
        found.apply(checked(*split(seed=1)))
    with pytest.raises(FairTuneError, match="`validation, c` has 0 positives in 45 rows"):
        by_group(*split((30, 25, 0)))


@pytest.mark.parametrize("text", ["", "best", "sensitivity", "sensitivity=high", "youden by group", "per group"])
def test_an_unknown_policy_lists_those_there_are(text: str) -> None:
    with pytest.raises(FairTuneError, match=r"is no threshold policy; choose a number such as 0.5, youden, f1, sens"):
        parse_policy(text)


@pytest.mark.parametrize("text", ["sensitivity=90", "specificity=0", "sensitivity=-0.1", "specificity=nan"])
def test_a_share_out_of_range_is_told(text: str) -> None:
    with pytest.raises(FairTuneError, match="share above 0 and up to 1"):
        parse_policy(text)


@pytest.mark.parametrize("text", ["0.5 per group", "inf", "nan"])
def test_a_number_that_is_no_cut_is_told(text: str) -> None:
    with pytest.raises(FairTuneError, match="per group|finite"):
        parse_policy(text)


def test_given_decisions_are_used_as_they_are() -> None:
    labels, scores, groups = split()
    decisions = np.random.default_rng(0).integers(0, 2, len(labels))
    found = given(decisions, "argmax")
    assert found.apply(checked(labels, scores, groups)).tolist() == decisions.tolist()
    assert (found.policy, found.fitted_on, found.by_group) == ("argmax", None, None)
    assert np.isnan(found.value)
    with pytest.raises(FairTuneError, match="decisions for 2 rows; pass one a row"):
        found.apply(checked([0, 1], [0.1, 0.2]))
    for bad in ([0, 2], [[0, 1]], ["no", "yes"], [0.5, 1]):
        with pytest.raises(FairTuneError, match="pass 0 or 1 for each row"):
            given(bad)


def test_several_decide_the_same_rows() -> None:
    own_rows, other = rows(), split(seed=1)
    thresholds = [fixed(0.3), by_group(*other), given(own_rows.labels)]
    found = decide(thresholds, own_rows)
    assert found.shape == (3, len(own_rows.labels))
    for own, decision in zip(found, thresholds, strict=True):
        np.testing.assert_array_equal(own, decision.apply(own_rows))
    assert decide([], own_rows).shape == (0, len(own_rows.labels))


@settings(max_examples=60)
@drawn_from(tied_splits(least=1))
def test_youden_is_the_best_achieved_point(drawn: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    labels, scores, _ = drawn
    found = youden(labels, scores)

    def index(cut: float) -> float:
        return float((scores[labels == 1] >= cut).mean() - (scores[labels == 0] >= cut).mean())

    assert found.value in scores
    assert index(found.value) == pytest.approx(max(index(cut) for cut in scores))


def test_youden_agrees_with_roc_curve_where_that_is_finite() -> None:
    labels, scores, _ = split()
    fpr, tpr, cuts = roc_curve(labels, scores, drop_intermediate=False)
    assert youden(labels, scores).value == cuts[1 + (tpr - fpr)[1:].argmax()]


def test_youden_of_a_useless_model_is_finite() -> None:
    found = youden([0, 0, 1, 1], [4.0, 3.0, 2.0, 1.0])
    assert found.value == 1.0


def test_it_refuses_the_rows_it_was_fitted_on_in_any_order() -> None:
    labels, scores, _ = split()
    threshold = youden(labels, scores, "validation")
    order = np.random.default_rng(1).permutation(len(labels))
    for own in ((labels, scores), (labels[order], scores[order])):
        with pytest.raises(FairTuneError, match="same rows"):
            threshold.apply(checked(*own))
    other = split(seed=1)
    assert set(threshold.apply(checked(other[0], other[1]))) == {0, 1}
    assert threshold.fitted_on == "validation"


def test_fixed_belongs_to_no_rows_and_includes_its_value() -> None:
    threshold = fixed()
    assert threshold == Decision("fixed", 0.5)
    assert threshold.apply(checked([0, 1, 1], [0.49, 0.5, 0.51])).tolist() == [0, 1, 1]
    with pytest.raises(FairTuneError, match="finite"):
        fixed(float("inf"))


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_a_cut_and_scores_are_of_one_type(kind: type[np.floating]) -> None:
    """Every tenth is at its own cut, in whatever precision the scores were made, and its neighbour below is not."""
    for tenth in range(1, 10):
        own = kind(tenth / 10)
        scores = np.array([own, np.nextafter(own, kind(0)), np.nextafter(own, kind(1))])
        assert fixed(tenth / 10).apply(checked([0, 1, 0], scores)).tolist() == [1, 0, 1]


def test_a_fitted_cut_above_all_scores_stays_there() -> None:
    made = checked([1, 0, 0], np.array([0.3, 0.7, 0.7], dtype=np.float32))
    cut = parse_policy("specificity=0.9").fit(made)
    assert cut.apply(checked([0, 1], np.array([0.7, 0.3], dtype=np.float32))).tolist() == [0, 0]


def test_fitting_needs_both_classes() -> None:
    with pytest.raises(FairTuneError, match="both classes"):
        youden([0, 0], [0.1, 0.2])


def test_fingerprint_sees_labels_and_scores() -> None:
    one = fingerprint(checked([0, 1], [0.1, 0.2]))
    assert one == fingerprint(checked([1, 0], [0.2, 0.1]))
    assert one != fingerprint(checked([1, 0], [0.1, 0.2]))
    assert fingerprint(checked([0, 1], [0.0, 0.2])) == fingerprint(checked([0, 1], [-0.0, 0.2]))


@pytest.mark.parametrize("value", [lambda labels: labels * 0 + 0.3, lambda labels: labels * 1.0], ids=["one", "two"])
def test_few_different_scores_tell_no_rows_apart(value: Callable[[np.ndarray], np.ndarray]) -> None:
    """A model that gives one score, or only 0 and 1, gives the same to the rows of two splits of one size."""
    labels = np.arange(40) % 2
    rows = checked(labels, value(labels))
    assert fingerprint(rows) is None
    cut = parse_policy("youden").fit(rows)
    assert np.isin(cut.apply(checked(labels, value(labels))), (0, 1)).all()
    assert fingerprint(checked(labels, labels + np.arange(40) // 8 / 10)) is not None
