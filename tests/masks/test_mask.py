"""Masks: bit <-> module, presets, lengths, and which weights move, bit for bit."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import ViTForImageClassification

from hf_fairtune.errors import FairTuneError
from hf_fairtune.masks.mask import Mask, apply_mask
from hf_fairtune.masks.space import regular
from tests.conftest import tiny_vit

TWO = regular("paper36", 2)


def published_prefixes(bit: int) -> list[str]:
    """Modules of bit i of the published 36 bits: block i // 3, kind i % 3 (norms, attention, MLP)."""
    block = f"vit.layers.{bit // 3}."
    kinds = [["layernorm_before.", "layernorm_after."], ["attention."], ["mlp."]]
    return [block + name for name in kinds[bit % 3]]


@pytest.mark.parametrize("bit", range(9))
def test_one_bit_trains_its_modules_and_the_head(vit: ViTForImageClassification, bit: int) -> None:
    apply_mask(vit, Mask(tuple(int(i == bit) for i in range(9))))
    trained = {name for name, p in vit.named_parameters() if p.requires_grad}
    prefixes = (*published_prefixes(bit), "classifier.")
    assert trained == {name for name, _ in vit.named_parameters() if name.startswith(prefixes)}


@given(st.lists(st.integers(0, 1), min_size=9, max_size=9))
def test_a_step_moves_exactly_the_masked_weights(bits: list[int]) -> None:
    model = apply_mask(tiny_vit(), Mask(tuple(bits)))
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-2, weight_decay=0.1)
    model(torch.randn(4, 3, 16, 16), labels=torch.tensor([0, 1, 0, 1])).loss.backward()
    optimizer.step()
    allowed = tuple(p for i, bit in enumerate(bits) if bit for p in published_prefixes(i)) + ("classifier.",)
    for name, parameter in model.named_parameters():
        assert torch.equal(parameter, before[name]) != name.startswith(allowed), name


def test_presets() -> None:
    assert Mask.of("linear", TWO).bits == (0,) * 6
    assert Mask.of("layernorm", TWO).bits == (1, 0, 0) * 2
    assert Mask.of("attention", TWO).bits == (0, 1, 0) * 2
    assert Mask.of("mlp", TWO).bits == (0, 0, 1) * 2
    assert Mask.of("all", TWO).bits == (1,) * 6
    assert Mask.of("layernorm", regular("split48", 2)).bits == (1, 0, 1, 0) * 2
    assert Mask.of("010101", TWO).bits == (0, 1, 0, 1, 0, 1)


def test_lengths_by_granularity() -> None:
    wanted = {"paper36": 36, "attention12": 12, "layernorm12": 12, "split48": 48}
    assert {name: len(regular(name, 12)) for name in wanted} == wanted


@pytest.mark.parametrize(
    ("value", "granularity", "message"),
    [
        ([1, 0], "paper36", "`mask` has 2 entries but `paper36` of `vit` has 6 units"),
        ([1] * 36, "paper36", "has 36 entries but `paper36` of `vit` has 6 units"),
        ([2] * 6, "paper36", r"`mask` holds \[2\]"),
        ("everything", "paper36", "`mask` is 'everything'; pass bits, or one of linear"),
        ("mlp", "attention12", "`attention12` of `vit` can train only attention"),
        ("convolution", "paper36", "`paper36` of `vit` can train only norm1, norm2, attention, mlp"),
        ("all", "nowhere", "`granularity` is 'nowhere'; choose from auto, paper36"),
    ],
)
def test_a_wrong_mask_is_one_clear_line(value: str | list[int], granularity: str, message: str) -> None:
    with pytest.raises(FairTuneError, match=message) as caught:
        Mask.of(value, regular(granularity, 2))
    assert "\n" not in str(caught.value)


def test_a_mask_is_read_back_from_its_string() -> None:
    one = regular("paper36", 1)
    assert Mask.of(str(Mask((0, 1, 0))), one) == Mask((0, 1, 0), "paper36")


@pytest.mark.parametrize("blocks", [1, 2, 4, 14])
def test_a_mask_of_another_number_of_blocks_is_refused_and_moves_nothing(
    vit: ViTForImageClassification, blocks: int
) -> None:
    with pytest.raises(FairTuneError, match=f"`mask` has {3 * blocks} entries but `paper36` of `vit` has 9 units"):
        apply_mask(vit, Mask((0,) * 3 * blocks))
    assert all(parameter.requires_grad for parameter in vit.parameters())


def test_a_mask_is_counted_by_its_own_granularity(vit: ViTForImageClassification) -> None:
    with pytest.raises(FairTuneError, match="`mask` has 12 entries but `layernorm12` of `vit` has 3 units"):
        apply_mask(vit, Mask((1,) * 12, "layernorm12"))
    apply_mask(vit, Mask((0, 1, 0), "layernorm12"))
    trained = {name for name, p in vit.named_parameters() if p.requires_grad}
    prefixes = ("vit.layers.1.layernorm_before.", "vit.layers.1.layernorm_after.", "classifier.")
    assert trained == {name for name, _ in vit.named_parameters() if name.startswith(prefixes)}


def test_a_mask_of_another_granularity_is_refused() -> None:
    with pytest.raises(FairTuneError, match="the mask is of `layernorm12`, but `paper36` is wanted"):
        Mask.of(Mask((1,) * 6, "layernorm12"), TWO)
