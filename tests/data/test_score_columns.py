"""Which score column is whose: found surely, or refused."""

import numpy as np
import pytest

from hf_fairtune.data.score_columns import ClassScores, class_columns, match
from hf_fairtune.errors import FairTuneError


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
    assert match(classes, columns(*names)) == found


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
    assert match(classes, columns(*names)) is None


def test_two_unnamed_classes_of_a_model_are_negative_and_positive() -> None:
    assert class_columns(["melanoma"], ["melanoma", "nevus"], columns("LABEL_0", "LABEL_1", model=True)) == [1]
    with pytest.raises(FairTuneError, match="--score names LABEL_0, LABEL_1, which do not tell the columns of mel"):
        class_columns(["melanoma"], ["melanoma", "nevus"], columns("LABEL_0", "LABEL_1"))
    with pytest.raises(FairTuneError, match="the model's classes are LABEL_0, LABEL_1, which do not tell .*id2label"):
        class_columns(["mel", "nev"], ["mel", "nev"], columns("LABEL_0", "LABEL_1", model=True))


def test_sums_of_probabilities_stay_probabilities() -> None:
    values = np.array([[0.1] * 10, [0.05] * 10, [0.5] * 10])
    scores = ClassScores(values + [[1e-9], [0], [0]], [str(i) for i in range(10)])
    np.testing.assert_allclose(scores.of(range(10)), [1, 0.5, 5])
    assert scores.of(range(10))[0] == 1
