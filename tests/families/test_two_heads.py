"""Two heads whose logits a model averages: turned round, scaled and kept in float32 together."""

from typing import Any

import pytest
import torch

from hf_fairtune.families.head import heads_of, order_classes, scale_head
from hf_fairtune.families.precision import float32_head

from .backbones import ONE_HEAD, RECIPES, backbone, heads, inputs

TWO_HEADS = [name for name in RECIPES if name not in ONE_HEAD]


@torch.no_grad()
def logits(model: Any, name: str) -> torch.Tensor:
    return model(**inputs(name)).logits


@pytest.mark.parametrize("name", TWO_HEADS)
def test_turned_round_and_scaled(name: str) -> None:
    model = backbone(name)
    before = logits(model, name)
    assert heads_of(model) == list(heads(name))
    order_classes(model, heads_of(model), (1, 0))
    assert torch.equal(logits(model, name), before.flip(1))
    for leaf in heads_of(model):
        scale_head(model, leaf, 2.5, -0.75)
    before, after = before.flip(1), logits(model, name)
    torch.testing.assert_close(after[:, 1] - after[:, 0], 2.5 * (before[:, 1] - before[:, 0]) - 0.75)


@pytest.mark.parametrize("name", TWO_HEADS)
def test_both_in_float32_under_autocast(name: str) -> None:
    model = backbone(name)
    with torch.autocast("cpu", torch.bfloat16):
        assert logits(model, name).dtype == torch.bfloat16
        with float32_head(model):
            assert logits(model, name).dtype == torch.float32
        assert logits(model, name).dtype == torch.bfloat16
