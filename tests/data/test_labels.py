"""Which value means disease: said, or plain from 0 and 1, never guessed."""

import numpy as np
import pandas as pd
import pytest

from hf_fairtune.data.labels import binary_labels
from hf_fairtune.errors import FairTuneError


def column(*values: object) -> pd.Series:
    return pd.Series(list(values), name="dx")


@pytest.mark.parametrize("values", [(0, 1, 1), ("0", "1", "1"), (False, True, True), (0.0, 1.0, 1.0)])
def test_zero_and_one_need_no_flag(values: tuple[object, ...]) -> None:
    found = binary_labels(column(*values))
    assert found.values.tolist() == [0, 1, 1]
    assert (found.negative, found.positive) in {("0", "1"), ("False", "True")}


def test_float32_cells_are_whole_numbers() -> None:
    assert binary_labels(pd.Series(np.array([0, 1], np.float32), name="dx")).positive == "1"


def test_positive_may_be_the_zero() -> None:
    found = binary_labels(column(0, 1, 1), ["0"])
    assert found.values.tolist() == [1, 0, 0]
    assert (found.negative, found.positive) == ("1", "0")


def test_several_positives_against_the_rest() -> None:
    found = binary_labels(column("nv", "mel", "bkl", "akiec"), ["mel", "akiec"])
    assert found.values.tolist() == [0, 1, 0, 1]
    assert (found.negative, found.positive) == ("other", "mel or akiec")


def test_a_positive_called_other_keeps_two_names() -> None:
    found = binary_labels(column("a", "b", "other"), ["other"])
    assert (found.negative, found.positive) == ("rest", "other")


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
        binary_labels(column(*values), positive)
    assert "\n" not in str(refusal.value)
