"""The hard, random and full masks: one threshold a model, one draw a seed."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kstest
from transformers import ViTForImageClassification

from hf_fairtune.errors import FairTuneError
from hf_fairtune.masks.control_masks import hard_mask, ones_mask, random_mask
from tests.conftest import tiny_vit
from tests.masks.importances import Drawn, alone, drawn

HEAD = ("classifier.weight", "classifier.bias")


def pooled_ratios(importance: Drawn, skip: tuple[str, ...]) -> dict[tuple[str, int], float]:
    """Return the ratio of every single weight that counts, by (name, flat index)."""
    found = {}
    for name in set(importance.prediction) - set(skip):
        sides = []
        for side in (importance.bias, importance.prediction):
            values = side[name].flatten().tolist()
            low, high = min(values), max(values)
            sides.append([(v - low) / (high - low) if high > low else v for v in values])
        found |= {(name, i): b / (p + 1e-10) for i, (b, p) in enumerate(zip(*sides, strict=True))}
    return found


@pytest.mark.parametrize("rate", [0, 37.5, 50.0, 90, 100, None])
@pytest.mark.parametrize("skip", [(), HEAD])
def test_one_threshold_for_the_whole_model(
    vit: ViTForImageClassification, rate: float | None, skip: tuple[str, ...]
) -> None:
    importance = drawn(vit)
    ratios = pooled_ratios(importance, skip)
    values = list(ratios.values())
    threshold = sum(values) / len(values) if rate is None else np.percentile(values, rate)
    mask = hard_mask(importance, rate, skip)
    for name, parameter in vit.named_parameters():
        wanted = [float(ratios.get((name, i), -math.inf) > threshold) for i in range(parameter.numel())]
        assert mask[name].flatten().tolist() == wanted, name
        assert mask[name].shape == parameter.shape
        assert mask[name].dtype == torch.float32


def test_the_rate_is_the_share_that_stays(vit: ViTForImageClassification) -> None:
    moved = torch.cat([v.flatten() for v in hard_mask(drawn(vit), 80.0).values()])
    assert moved.mean().item() == pytest.approx(0.2, abs=1e-3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rate": 101.0}, "`rate` is 101.0"),
        ({"rate": math.nan}, "`rate` is nan"),
        ({"skip": ["head.weight"]}, "unknown parameters head.weight"),
        ({"skip": ["w"]}, "every parameter"),
    ],
)
def test_hard_mask_refuses(options: dict, message: str) -> None:
    with pytest.raises(FairTuneError, match=message):
        hard_mask(alone([0.0, 1.0], [1.0, 0.0]), **options)


@given(st.integers(0, 2**32))
def test_a_random_mask_is_its_seed(seed: int) -> None:
    importance = drawn(tiny_vit(1))
    one, same, other = (random_mask(importance, s) for s in (seed, seed, seed + 1))
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["classifier.weight"], other["classifier.weight"])


def test_a_random_mask_is_uniform(vit: ViTForImageClassification) -> None:
    mask = random_mask(drawn(vit), 0)
    values = torch.cat([v.flatten() for v in mask.values()])
    assert kstest(values.numpy(), "uniform").pvalue > 0.01
    assert ((values >= 0) & (values < 1)).all()
    assert all(mask[name].shape == p.shape for name, p in vit.named_parameters())


def test_ones(vit: ViTForImageClassification) -> None:
    mask = ones_mask(drawn(vit))
    assert all(torch.equal(mask[name], torch.ones(p.shape)) for name, p in vit.named_parameters())


@pytest.mark.parametrize("make", [hard_mask, random_mask, ones_mask])
def test_importances_are_checked(make: object) -> None:
    with pytest.raises(FairTuneError, match="`w` is NaN"):
        make(alone([math.nan, 1.0], [1.0, 0.0]))
