"""Which value means disease, and which score column is whose: said or plain from the names, never guessed."""

import numpy as np
import pandas as pd
import pytest

from hf_fairtune.data.class_scores import ClassScores, class_columns, match
from hf_fairtune.data.targets import binary_targets
from hf_fairtune.errors import FairTuneError


def column(*values: object) -> pd.Series:
    return pd.Series(list(values), name="dx")


@pytest.mark.parametrize("values", [(0, 1, 1), ("0", "1", "1"), (False, True, True), (0.0, 1.0, 1.0)])
def test_zero_and_one_need_no_flag(values: tuple[object, ...]) -> None:
    found = binary_targets(column(*values))
    assert found.labels[:, 0].tolist() == [0, 1, 1]
    assert (found.negative, *found.names) in {("0", "1"), ("False", "True")}


def test_float32_cells_are_whole_numbers() -> None:
    assert binary_targets(pd.Series(np.array([0, 1], np.float32), name="dx")).names == ["1"]


def test_positive_may_be_the_zero() -> None:
    found = binary_targets(column(0, 1, 1), ["0"])
    assert found.labels[:, 0].tolist() == [1, 0, 0]
    assert (found.negative, *found.names) == ("1", "0")


def test_several_positives_against_the_rest() -> None:
    found = binary_targets(column("nv", "mel", "bkl", "akiec"), ["mel", "akiec"])
    assert found.labels[:, 0].tolist() == [0, 1, 0, 1]
    assert (found.negative, *found.names) == ("other", "mel or akiec")


def test_a_positive_of_the_name_other_keeps_two_names() -> None:
    found = binary_targets(column("a", "b", "other"), ["other"])
    assert (found.negative, *found.names) == ("rest", "other")


@pytest.mark.parametrize(
    ("values", "positive", "line"),
    [
        (("benign", "malignant"), [], "nothing says which mean disease; pass --positive"),
        ((1, 2), [], "values 1, 2 and nothing says"),
        ((0, 1, 2), [], "values 0, 1, 2 and nothing says"),
        (("nv", "mel"), ["melanoma"], "--positive melanoma is not a value of `dx`; its values are mel, nv"),
        ((0, 1, None, float("nan"), " "), [], "`dx` is empty in 3 of 5 rows"),
        (("nv", "nv"), ["nv"], "`dx` has one value"),
        (("nv", "mel"), ["nv", "mel"], "Every row of `dx` is positive"),
    ],
)
def test_refuses(values: tuple[object, ...], positive: list[str], line: str) -> None:
    with pytest.raises(FairTuneError, match=line) as refusal:
        binary_targets(column(*values), positive)
    assert "\n" not in str(refusal.value)


def columns(*names: str, model: bool = False) -> ClassScores:
    return ClassScores(np.zeros((2, len(names))), list(names), model=model)


@pytest.mark.parametrize(
    ("names", "classes", "found"),
    [
        (["nev", "mel"], ["mel"], ["nev", "mel"]),
        (["p_nev", "p_mel"], ["mel", "nev"], ["nev", "mel"]),
        (["LABEL_0", "LABEL_1", "LABEL_10"], ["0", "1"], ["0", "1", "10"]),
        (["prob0", "prob1"], ["0", "1"], ["0", "1"]),
        (["score.a", "score.ba"], ["a"], ["a", "ba"]),
    ],
)
def test_found(names: list[str], classes: list[str], found: list[str]) -> None:
    assert match(classes, names) == found


@pytest.mark.parametrize(
    ("names", "classes"),
    [
        (["p_nonmel", "p_nonnev"], ["mel"]),  # the start would be `p_non`
        (["p_nonmel", "p_mel"], ["nev"]),
        (["p_mel", "q_nev"], ["mel", "nev"]),
        (["mel", "mel"], ["mel"]),
        (["12", "11"], ["2", "1"]),
    ],
)
def test_not_found(names: list[str], classes: list[str]) -> None:
    assert match(classes, names) is None


def test_two_unnamed_classes_of_a_model_are_negative_and_positive() -> None:
    assert class_columns(["melanoma"], ["melanoma", "nevus"], columns("LABEL_0", "LABEL_1", model=True)) == [1]
    with pytest.raises(FairTuneError, match="--score names LABEL_0, LABEL_1, which do not identify mel"):
        class_columns(["melanoma"], ["melanoma", "nevus"], columns("LABEL_0", "LABEL_1"))
    with pytest.raises(
        FairTuneError, match="the model's classes are LABEL_0, LABEL_1, which do not identify .*id2label"
    ):
        class_columns(["mel", "nev"], ["mel", "nev"], columns("LABEL_0", "LABEL_1", model=True))


def test_sums_of_probabilities_stay_probabilities() -> None:
    values = np.array([[0.1] * 10, [0.05] * 10, [0.5] * 10])
    scores = ClassScores(values + [[1e-9], [0], [0]], [str(i) for i in range(10)])
    np.testing.assert_allclose(scores.of(range(10)), [1, 0.5, 5])
    assert scores.of(range(10))[0] == 1
