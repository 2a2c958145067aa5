"""The soft mask against loops over single weights; what it must not depend on; what it refuses."""

import math
import statistics

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import ViTForImageClassification

from hf_fairtune.errors import FairTuneError
from hf_fairtune.masks.soft_mask import NORMALIZATIONS, soft_mask
from tests.masks.importances import alone, drawn, of

sizes = st.floats(0, 1e6, width=32)
pairs = st.lists(st.tuples(sizes, sizes), min_size=2, max_size=12)


def by_hand(values: list[float], normalization: str) -> list[float]:
    """Normalise a list, one value after the other."""
    if min(values) == max(values):
        return values
    if normalization == "min-max":
        return [(v - min(values)) / (max(values) - min(values)) for v in values]
    if normalization == "z-score":
        return [(v - statistics.fmean(values)) / statistics.stdev(values) for v in values]
    below = [sum(o < v for o in values) + (sum(o == v for o in values) - 1) / 2 for v in values]
    return [b / (len(values) - 1) for b in below]


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
@given(pairs)
def test_equals_equation_9_weight_by_weight(normalization: str, rows: list[tuple[float, float]]) -> None:
    prediction, bias = ([float(v) for v in side] for side in zip(*rows, strict=True))
    mask = soft_mask(alone(prediction, bias), normalization)["w"]
    above, below = by_hand(bias, normalization), by_hand(prediction, normalization)
    wanted = [abs(math.tanh(b / (p + 1e-10))) for b, p in zip(above, below, strict=True)]
    # What matters for nothing stays, wherever the others lie.
    wanted = [w if any(row) else 0.0 for w, row in zip(wanted, rows, strict=True)]
    assert mask.tolist() == pytest.approx(wanted, abs=1e-5)
    assert mask.dtype == torch.float32
    assert ((mask >= 0) & (mask <= 1)).all()


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_scale_of_the_losses_does_not_matter(vit: ViTForImageClassification, normalization: str) -> None:
    """By a power of two, so that nothing rounds; constant tensors, here none, would see the scale."""
    plain = drawn(vit)
    scaled = of({n: v * 2**-20 for n, v in plain.prediction.items()}, {n: v * 2**7 for n, v in plain.bias.items()})
    one, other = soft_mask(plain, normalization), soft_mask(scaled, normalization)
    assert list(one) == [name for name, _ in vit.named_parameters()]
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert all(one[name].shape == p.shape for name, p in vit.named_parameters())


def test_more_bias_moves_further_and_more_prediction_less() -> None:
    mask = soft_mask(alone([0.0, 0.5, 0.5, 0.9, 1.0], [0.0, 0.2, 0.4, 0.4, 1.0]))["w"]
    assert mask[0] == 0
    assert mask[1] < mask[2] > mask[3]


def test_a_constant_tensor_is_left_as_it_is() -> None:
    assert soft_mask(alone([3.0], [6.0]))["w"].item() == pytest.approx(math.tanh(2))
    assert soft_mask(alone([0.0, 0.0], [0.0, 0.0]))["w"].tolist() == [0, 0]
    assert soft_mask(alone([2.0, 2.0], [1.0, 3.0]))["w"].tolist() == pytest.approx([0, math.tanh(0.5)])


def test_layers_are_apart() -> None:
    """What one tensor holds does not move the mask of another."""
    one = of({"a": torch.rand(5), "b": torch.rand(3)}, {"a": torch.rand(5), "b": torch.rand(3)})
    other = of({**one.prediction, "b": torch.ones(3)}, {**one.bias, "b": torch.zeros(3)})
    assert torch.equal(soft_mask(one)["a"], soft_mask(other)["a"])


def test_unknown_normalization() -> None:
    with pytest.raises(FairTuneError, match="'l2'; choose from min-max, z-score, percentile"):
        soft_mask(alone([0.0, 1.0], [1.0, 0.0]), "l2")
