"""ViT: the published parameter counts, positions resized once."""

from collections.abc import Sequence

import pytest
import torch
from transformers import ViTConfig, ViTForImageClassification

from hf_fairtune.errors import FairTuneError
from hf_fairtune.families.family import family_of
from hf_fairtune.families.parts import parts_of
from hf_fairtune.masks.mask import Mask, apply_mask
from tests.conftest import tiny_vit


@pytest.fixture(scope="module")
def vit_base() -> ViTForImageClassification:
    with torch.device("meta"):
        return ViTForImageClassification(ViTConfig(num_labels=2))


def size(model: torch.nn.Module, names: Sequence[str]) -> int:
    return sum(model.get_parameter(name).numel() for name in names)


def test_counts_of_vit_base(vit_base: ViTForImageClassification) -> None:
    """Parameters per block and kind, and outside the blocks, as in the published search space."""
    parts = parts_of(vit_base)
    for block in range(12):
        counts = {part.kind: size(vit_base, part.parameters) for part in parts if part.block == block}
        assert counts["norm1"] + counts["norm2"] == 3_072
        assert counts["attention"] == 2_362_368
        assert counts["mlp"] == 4_722_432
    rest = {part.kind: size(vit_base, part.parameters) for part in parts if part.block is None}
    assert rest == {"embeddings": 590_592 + 768 + 151_296, "final_norm": 1_536, "head": 1_538}


def test_all_ones_is_not_all_parameters(vit_base: ViTForImageClassification) -> None:
    apply_mask(vit_base, Mask((1,) * 36))
    trained = sum(p.numel() for p in vit_base.parameters() if p.requires_grad)
    assert trained == 85_056_002
    assert sum(p.numel() for p in vit_base.parameters()) == 85_800_194


def test_resize_equals_interpolation_in_the_forward_pass() -> None:
    model = tiny_vit(image_size=32)
    pixels = torch.randn(2, 3, 16, 16)
    with torch.no_grad():
        wanted = model(pixels, interpolate_pos_encoding=True).logits
        family_of(model).resize(model, 16)
        assert torch.equal(model(pixels).logits, wanted)


def test_resized_model_saves_and_loads(tmp_path) -> None:
    model = tiny_vit(image_size=32)
    family_of(model).resize(model, 16)
    model.save_pretrained(tmp_path)
    again = ViTForImageClassification.from_pretrained(tmp_path)
    pixels = torch.randn(2, 3, 16, 16)
    with torch.no_grad():
        assert torch.equal(again.eval()(pixels).logits, model(pixels).logits)


def test_resize_to_a_broken_patch_is_refused(vit: ViTForImageClassification) -> None:
    with pytest.raises(FairTuneError, match="patches are 8 pixels; use 24"):
        family_of(vit).resize(vit, 21)
