"""What importances must be: numbers, of the same parameters on both sides."""

import math

import pytest
import torch
from torch import Tensor

from hf_fairtune.errors import FairTuneError
from tests.masks.importances import alone, of


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("side", ["prediction", "bias"])
def test_no_numbers_are_refused(value: float, side: str) -> None:
    values = {"prediction": [0.0, 1.0], "bias": [1.0, 0.0], side: [0.0, value]}
    with pytest.raises(FairTuneError, match="importance of `w` is NaN or infinite"):
        alone(**values)


@pytest.mark.parametrize(
    ("prediction", "bias"),
    [
        ({"w": torch.ones(2)}, {}),
        ({}, {"w": torch.ones(2)}),
        ({"w": torch.ones(2)}, {"w": torch.ones(3)}),
    ],
)
def test_importances_of_two_models_are_refused(prediction: dict[str, Tensor], bias: dict[str, Tensor]) -> None:
    with pytest.raises(FairTuneError, match="`w` for prediction and for bias do not match"):
        of(prediction, bias)
