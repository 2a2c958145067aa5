"""Numbers of several classes against scikit-learn's of one against the rest; what is too small takes no part."""

from functools import partial

import numpy as np
import pytest
from scipy.special import expit, softmax
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score
from transformers import EvalPrediction

from hf_fairtune.audits.class_numbers import of_class_aucs, single_key
from hf_fairtune.audits.compute import directions, fairness_metrics, greater_is_better, numbers, scores_from_logits
from hf_fairtune.audits.engine.class_rows import ClassRows, check_class_rows
from hf_fairtune.audits.engine.rows import check_rows
from hf_fairtune.errors import FairTuneError
from hf_fairtune.search.floors import Floors

GROUPS, CLASSES = ["F", "M"], ["bcc", "df", "mel", "nv"]


def rows(n: int = 400, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw labels of four classes, of which one has 8 rows, their logits and groups."""
    draw = np.random.default_rng(seed)
    labels, groups = draw.choice([0, 2, 3], n, p=[0.2, 0.3, 0.5]), np.arange(n) % 2
    labels[:8] = 1
    return labels, draw.normal(size=(n, 4)) + 1.3 * np.eye(4)[labels], groups


def found_in(labels: np.ndarray, logits: np.ndarray, groups: np.ndarray) -> dict[str, float]:
    metrics = fairness_metrics(GROUPS, class_names=CLASSES[: logits.shape[1]])
    return metrics(EvalPrediction(predictions=logits, label_ids=(labels, groups)))


def test_classes_against_the_rest() -> None:
    labels, logits, groups = rows()
    chances, found = softmax(logits, axis=1), found_in(labels, logits, groups)
    cells = np.full((4, 3), np.nan)
    for place, name in enumerate(CLASSES):
        for code, kept in enumerate((groups == 0, groups == 1, groups >= 0)):
            cells[place, code] = roc_auc_score(labels[kept] == place, chances[kept, place])
            key = f"auc_{name}" + (f"_{GROUPS[code]}" if code < 2 else "")
            assert found[key] == pytest.approx(cells[place, code])
    # Of 8 rows of `df` none takes part.
    taking = [0, 2, 3]
    assert found["min_group_auc_df"] != found["min_group_auc_df"]
    lowest = cells[taking, :2].min(axis=1)
    assert found["min_group_auc"] == pytest.approx(lowest.min())
    assert found["macro_min_group_auc"] == pytest.approx(lowest.mean())
    assert found["macro_auc"] == pytest.approx(cells[taking, 2].mean())
    assert found["auc"] == pytest.approx(cells[taking, 2].min())
    assert found["auc_gap"] == pytest.approx(np.ptp(cells[taking, :2], axis=1).max())
    assert found["macro_auc_gap"] == pytest.approx(np.ptp(cells[taking, :2], axis=1).mean())
    assert found["auc_F"] == pytest.approx(cells[taking, 0].min())
    assert (taking[int(lowest.argmin())], int(cells[taking][lowest.argmin(), :2].argmin())) == (
        found["worst_class"],
        found["worst_group"],
    )


def test_accuracy_and_loss_are_of_all_classes() -> None:
    labels, logits, groups = rows()
    found, chances = found_in(labels, logits, groups), softmax(logits, axis=1)
    assert found["accuracy"] == pytest.approx(accuracy_score(labels, logits.argmax(axis=1)))
    assert found["log_loss"] == pytest.approx(log_loss(labels, chances))
    by_group = [log_loss(labels[groups == g], chances[groups == g], labels=range(4)) for g in (0, 1)]
    assert found["max_group_log_loss"] == pytest.approx(max(by_group))
    assert found["log_loss_gap"] == pytest.approx(abs(by_group[0] - by_group[1]))


def test_a_class_has_the_numbers_of_its_rows_alone() -> None:
    labels, logits, groups = rows()
    found, chances = found_in(labels, logits, groups), softmax(logits, axis=1)
    single = numbers(check_rows((labels == 2).astype(int), chances[:, 2], groups, GROUPS), (0, 1))
    for key in ("equalized_odds_difference_fitted", "min_group_average_precision", "tpr", "net_benefit", "auc_gap"):
        assert found[f"{key}_mel"] == pytest.approx(single[key], nan_ok=True)


def test_findings_leave_out_rows_that_are_not_known() -> None:
    draw = np.random.default_rng(1)
    labels = (draw.random((300, 3)) < 0.3).astype(np.float32)
    labels[draw.random((300, 3)) < 0.2] = np.nan
    logits, groups = draw.normal(size=(300, 3)) + np.nan_to_num(labels), draw.integers(0, 2, 300)
    found = found_in(labels, logits, groups)
    scores = expit(logits)
    np.testing.assert_allclose(scores_from_logits(logits, multilabel=True), scores)
    lows = []
    for place, name in enumerate(CLASSES[:3]):
        known = ~np.isnan(labels[:, place])
        own = [
            roc_auc_score(labels[k, place], scores[k, place]) for k in (known & (groups == 0), known & (groups == 1))
        ]
        assert [found[f"auc_{name}_{group}"] for group in GROUPS] == pytest.approx(own)
        assert found[f"auc_{name}"] == pytest.approx(roc_auc_score(labels[known, place], scores[known, place]))
        lows.append(min(own))
    assert (found["min_group_auc"], found["macro_min_group_auc"]) == pytest.approx((min(lows), np.mean(lows)))
    assert found["accuracy_bcc"] == pytest.approx(
        ((logits[:, 0] >= 0) == labels[:, 0])[~np.isnan(labels[:, 0])].mean()
    )


def test_nothing_estimable_is_nan_and_bad_logits_too() -> None:
    labels, logits, groups = rows(30)
    assert np.isnan(found_in(labels, logits, groups)["min_group_auc_df"])
    few = found_in(labels[:16], logits[:16], groups[:16])
    assert np.isnan([few["min_group_auc"], few["macro_auc_gap"], few["worst_class"]]).all()
    logits[0, 0] = np.nan
    assert np.isnan(list(found_in(labels, logits, groups).values())).all()


def test_every_key_knows_its_direction() -> None:
    known, found = directions(GROUPS, CLASSES), found_in(*rows())
    assert {*known} <= {*found}
    for key in ("min_group_auc", "macro_min_group_auc", "min_group_auc_mel", "auc_mel_F"):
        assert known[key]
    assert not known["macro_equalized_odds_difference_fitted"]
    assert single_key("auc_gap_mel", CLASSES, directions()) == ("auc_gap", ("", "_mel"))
    assert single_key("macro_auc_gap", CLASSES, directions()) == ("auc_gap", ("macro_", ""))
    assert greater_is_better("min_group_auc") is True


def test_a_class_called_as_a_key_ends_has_keys_of_its_own() -> None:
    names = ["auc", *CLASSES[1:]]
    assert Floors.of("min_group_auc", 0.6, names) == Floors(0.6)
    assert Floors.of("min_group_auc_auc", 0.6, names) == Floors(0.6, auc="auc_auc")
    labels, logits, groups = rows()
    scored = check_class_rows(labels, scores_from_logits(logits), groups, GROUPS, names=names)
    aucs = np.random.default_rng(0).random((len(names), len(GROUPS) + 1))
    for key, cells in (("min_group_auc", aucs[[0, 2, 3], :-1]), ("min_group_auc_auc", aucs[0, :-1])):
        assert of_class_aucs(key, aucs, scored, range(len(GROUPS))) == cells.min()


@pytest.mark.parametrize("name", ["F", "gap", "auc"])
def test_a_class_must_not_take_a_key(name: str) -> None:
    names = ["mel", "auc", "auc"] if name == "auc" else ["mel", name]
    with pytest.raises(FairTuneError, match=f"The class name '{name}' makes the key .* twice"):
        fairness_metrics(GROUPS, class_names=names)


def test_what_does_not_fit_is_one_line() -> None:
    labels, logits, groups = rows(40)
    with pytest.raises(FairTuneError, match="The model has 4 classes; pass `class_names`"):
        fairness_metrics(GROUPS)(EvalPrediction(predictions=logits, label_ids=(labels % 2, groups)))
    check = partial(check_class_rows, groups=groups, group_names=GROUPS, names=CLASSES)
    for own, scores, line in (
        (labels, logits[:, :3], "shape .* for 4 classes"),
        (labels + 1, logits, "codes outside of 0 to 3"),
        (np.zeros((40, 3)), logits, "pass one of each"),
    ):
        with pytest.raises(FairTuneError, match=line):
            check(own, scores)
    assert isinstance(check(labels, logits), ClassRows)
