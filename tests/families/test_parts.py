"""Parts by structure, over every backbone: each parameter is in one, and a mask trains its own."""

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file

from hf_fairtune.errors import FairTuneError
from hf_fairtune.families.moved import moved_tensors
from hf_fairtune.families.parts import parts_of
from hf_fairtune.families.patch_input import check_takes_images
from hf_fairtune.masks.config import masked
from hf_fairtune.masks.mask import apply_mask
from hf_fairtune.masks.space import Space, space_of

from .backbone_table import committed
from .backbones import backbone, inputs
from .recipes import RECIPES

KINDS = {"norm1", "attention", "norm2", "mlp", "convolution", "norm", "squeeze_excite", "shortcut", "scale"}
OUTSIDE = {"embeddings", "transition", "final_norm", "neck", "head"}
# Kinds of the blocks of some architectures, by what their papers say.
KNOWN = {
    "vit": {"norm1", "attention", "norm2", "mlp"},
    "swin": {"norm1", "attention", "norm2", "mlp"},
    "beit": {"norm1", "attention", "norm2", "mlp", "scale"},
    "resnet": {"convolution", "norm", "shortcut"},
    "regnet": {"convolution", "norm", "shortcut", "squeeze_excite"},
    "efficientnet": {"convolution", "norm", "squeeze_excite"},
    "mobilenet_v2": {"convolution", "norm"},
    "convnext": {"convolution", "norm", "scale"},
    "poolformer": {"convolution", "norm", "scale"},
    "mobilevit": {"norm1", "attention", "norm2", "mlp", "convolution", "norm"},
}
pytestmark = [
    pytest.mark.filterwarnings("ignore:Unsupported layer type:UserWarning"),
    pytest.mark.parametrize("name", RECIPES),
]


def every_other(space: Space) -> list[int]:
    return [int(place % 2 == 0) for place in range(len(space))]


def step(model: Any, name: str) -> None:
    """Take one AdamW step in training mode on fixed labels."""
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-2)
    torch.manual_seed(3)
    logits = model.train()(**inputs(name, 4)).logits
    torch.nn.functional.cross_entropy(logits, torch.tensor([0, 1, 0, 1])).backward()
    optimizer.step()


def changed(model: Any, start: Any) -> set[str]:
    """Name the tensors, buffers too, that differ."""
    before = start.state_dict()
    return {name for name, values in model.state_dict().items() if not torch.equal(values, before[name])}


def test_every_parameter_is_in_one_part(name: str) -> None:
    model = backbone(name)
    parts = parts_of(model)
    assert sorted(p for part in parts for p in part.parameters) == sorted(p for p, _ in model.named_parameters())
    assert {part.kind for part in parts if part.block is not None} <= KINDS
    assert {part.kind for part in parts if part.block is None} <= OUTSIDE
    head = RECIPES[name].head
    heads = (head,) if isinstance(head, str) else head
    (own,) = [part for part in parts if part.kind == "head"]
    assert {p.rpartition(".")[0] for p in own.parameters} == {*heads}
    if name in KNOWN:
        assert {part.kind for part in parts if part.block is not None} == KNOWN[name]


def test_a_mask_moves_its_units_and_nothing_else(name: str) -> None:
    """Half of the units: what full training moves of them moves, and no running statistic of a frozen norm."""
    start = backbone(name)
    space = space_of(start)
    bits = every_other(space)
    trained = space.trained(bits)
    model, whole = apply_mask(copy.deepcopy(start), bits), copy.deepcopy(start)
    step(model, name)
    step(whole, name)
    moved, parameters = changed(model, start), {p for p, _ in start.named_parameters()}
    assert moved & parameters == changed(whole, start) & trained
    norms = {name.rpartition(".")[0] for name in trained}
    assert {buffer.rpartition(".")[0] for buffer in moved - parameters} <= norms


def test_the_table_tells_the_units_and_how_a_mask_is_kept(name: str) -> None:
    """A model that takes patches has units, too, but no Trainer of ours gives it them."""
    model = backbone(name)
    space = space_of(model)
    try:
        check_takes_images(model)
        kept = "adapter" if isinstance(masked(model, [1] * len(space)), PeftModel) else "tensors"
        found = f"yes, {space.granularity}, {kept}"
    except FairTuneError:
        found = "no"
    assert committed()[name]["mask search"] == found


def test_what_a_mask_trained_loads_without_this_package(name: str, tmp_path: Path) -> None:
    """An adapter by stock PEFT, or a file of tensors by stock safetensors; both give the same tensors as training."""
    start = backbone(name)
    bits = every_other(space_of(start))
    plain, tuned = apply_mask(copy.deepcopy(start), bits), masked(copy.deepcopy(start), bits)
    step(plain, name)
    step(tuned, name)
    if isinstance(tuned, PeftModel):
        tuned.save_pretrained(tmp_path, save_embedding_layers=False)
        found = PeftModel.from_pretrained(copy.deepcopy(start), tmp_path).merge_and_unload()
    else:
        save_file(moved_tensors(tuned), tmp_path / "delta.safetensors")
        found = copy.deepcopy(start)
        assert not found.load_state_dict(load_file(tmp_path / "delta.safetensors"), strict=False).unexpected_keys
    assert not changed(found, plain)
