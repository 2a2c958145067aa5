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
from hf_fairtune.importance.importance import Importance
from hf_fairtune.masks.repair_mask import MaskOptions, hard_mask
from tests.conftest import tiny_vit
from tests.masks.importances import drawn

HEAD = ("classifier.weight", "classifier.bias")


def pooled_ratios(importance: Importance, skip: tuple[str, ...]) -> dict[tuple[str, int], float]:
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


@pytest.mark.parametrize("rate", [0, 37.5, 50.0, 90, 100])
@pytest.mark.parametrize("skip", [(), HEAD])
def test_one_threshold_for_the_whole_model(vit: ViTForImageClassification, rate: float, skip: tuple[str, ...]) -> None:
    importance = drawn(vit)
    ratios = pooled_ratios(importance, skip)
    values = list(ratios.values())
    threshold = np.percentile(values, rate)
    mask = hard_mask(importance, rate, skip)
    for name, parameter in vit.named_parameters():
        wanted = [float(ratios.get((name, i), -math.inf) > threshold) for i in range(parameter.numel())]
        assert mask[name].flatten().tolist() == wanted, name
        assert mask[name].shape == parameter.shape
        assert mask[name].dtype == torch.float32


def test_the_rate_is_the_share_that_stays(vit: ViTForImageClassification) -> None:
    moved = torch.cat([v.flatten() for v in hard_mask(drawn(vit), 80.0, ()).values()])
    assert moved.mean().item() == pytest.approx(0.2, abs=1e-3)


@pytest.mark.parametrize("rate", [-1.0, 101.0, math.nan])
def test_a_rate_is_a_percentile(rate: float) -> None:
    with pytest.raises(FairTuneError, match=f"`rate` is {rate:g}; pass a percentile from 0 to 100"):
        MaskOptions("hard", rate=rate)


@given(st.integers(0, 2**32))
def test_a_random_mask_is_its_seed(seed: int) -> None:
    importance = drawn(tiny_vit(1))
    one, same, other = (MaskOptions("random", seed=s).make(importance, ()) for s in (seed, seed, seed + 1))
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["classifier.weight"], other["classifier.weight"])


def test_a_random_mask_is_uniform(vit: ViTForImageClassification) -> None:
    mask = MaskOptions("random").make(drawn(vit), ())
    values = torch.cat([v.flatten() for v in mask.values()])
    assert kstest(values.numpy(), "uniform").pvalue > 0.01
    assert ((values >= 0) & (values < 1)).all()
    assert all(mask[name].shape == p.shape for name, p in vit.named_parameters())


def test_ones(vit: ViTForImageClassification) -> None:
    mask = MaskOptions("none").make(drawn(vit), ())
    assert all(torch.equal(mask[name], torch.ones(p.shape)) for name, p in vit.named_parameters())
