"""MaskConfig: stock `get_peft_model` trains what the mask says; stock PEFT loads and merges the adapter."""

import subprocess
import sys
import warnings
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from peft import LNTuningConfig, PeftConfig, PeftModel, get_peft_model
from safetensors.torch import load_file
from transformers import ViTForImageClassification

from hf_fairtune.errors import FairTuneError
from hf_fairtune.masks.config import MaskConfig, masked
from hf_fairtune.masks.mask import Mask, apply_mask
from tests.conftest import tiny_vit

pytestmark = pytest.mark.filterwarnings("ignore:Unsupported layer type:UserWarning")


def step(model: torch.nn.Module, pixels: torch.Tensor) -> None:
    """Take one AdamW step on fixed labels."""
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-2)
    model(pixel_values=pixels, labels=torch.tensor([0, 1, 0, 1])).loss.backward()
    optimizer.step()


@settings(max_examples=25)
@given(st.lists(st.integers(0, 1), min_size=9, max_size=9))
def test_peft_and_requires_grad_train_alike(bits: list[int]) -> None:
    """The wrapped and the plain model see the same weights after a step, bit for bit."""
    pixels = torch.randn(4, 3, 16, 16, generator=torch.Generator().manual_seed(2))
    plain, wrapped = apply_mask(tiny_vit(), Mask(tuple(bits))), masked(tiny_vit(), Mask(tuple(bits)))
    step(plain, pixels)
    step(wrapped, pixels)
    merged = wrapped.merge_and_unload().state_dict()
    assert all(torch.equal(merged[name], value) for name, value in plain.state_dict().items())
    assert list(merged) == list(plain.state_dict())


@pytest.mark.parametrize("preset", ["linear", "layernorm", "attention", "mlp", "all"])
def test_a_preset_needs_no_number_of_blocks(vit: ViTForImageClassification, preset: str) -> None:
    by_name = get_peft_model(vit, MaskConfig(mask=preset))
    by_bits = masked(tiny_vit(), Mask.of(preset, 3))
    trained = [[n for n, p in m.named_parameters() if p.requires_grad] for m in (by_name, by_bits)]
    assert trained[0] == trained[1]


def saved(tmp_path: Path, pixels: torch.Tensor, bits: tuple[int, ...]) -> torch.Tensor:
    """Save a base model and a tuned adapter; return the tuned model's logits."""
    base = tiny_vit()
    base.save_pretrained(tmp_path / "base")
    model = masked(base, Mask(bits))
    step(model, pixels)
    model.save_pretrained(tmp_path / "adapter")
    with torch.no_grad():
        return model.eval()(pixel_values=pixels).logits


BITS = (1, 0, 0, 0, 1, 1, 0, 0, 1)


def test_stock_peft_loads_and_merges_it(tmp_path: Path, pixels: torch.Tensor) -> None:
    logits = saved(tmp_path, pixels, BITS)
    base = ViTForImageClassification.from_pretrained(tmp_path / "base")
    with pytest.warns(UserWarning, match="'granularity', 'mask', 'model_type'"):
        loaded = PeftModel.from_pretrained(base, tmp_path / "adapter").eval()
    assert type(loaded.peft_config["default"]) is LNTuningConfig
    with torch.no_grad():
        assert torch.equal(loaded(pixel_values=pixels).logits, logits)
        merged = loaded.merge_and_unload()
        assert type(merged) is ViTForImageClassification
        assert torch.equal(merged(pixel_values=pixels).logits, logits)


def test_stock_peft_without_this_package(tmp_path: Path, pixels: torch.Tensor) -> None:
    """A process that refuses to import hf_fairtune gets the same logits."""
    torch.save({"pixels": pixels, "logits": saved(tmp_path, pixels, BITS)}, tmp_path / "seen.pt")
    code = """
import sys; sys.modules["hf_fairtune"] = None
import torch; from transformers import AutoModelForImageClassification; from peft import PeftModel
seen = torch.load("seen.pt")
model = PeftModel.from_pretrained(AutoModelForImageClassification.from_pretrained("base"), "adapter").eval()
with torch.no_grad(): assert torch.equal(model(pixel_values=seen["pixels"]).logits, seen["logits"])
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_adapter_holds_only_what_moved(tmp_path: Path, pixels: torch.Tensor) -> None:
    saved(tmp_path, pixels, BITS)
    model = apply_mask(tiny_vit(), Mask(BITS))
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    tensors = load_file(tmp_path / "adapter" / "adapter_model.safetensors")
    assert sum(t.numel() for t in tensors.values()) == trained


def test_the_mask_is_read_back(tmp_path: Path, pixels: torch.Tensor) -> None:
    saved(tmp_path, pixels, BITS)
    config = MaskConfig.from_pretrained(str(tmp_path / "adapter"))
    assert config.mask == list(BITS)
    assert (config.granularity, config.model_type) == ("paper36", "vit")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert type(PeftConfig.from_pretrained(str(tmp_path / "adapter"))) is LNTuningConfig


def test_a_mask_for_another_depth_is_refused(vit: ViTForImageClassification) -> None:
    with pytest.raises(FairTuneError, match="has 36 entries but `paper36` on 3 blocks has 9 parts"):
        MaskConfig.for_model(vit, Mask((1,) * 36))
    with pytest.raises(FairTuneError, match="'swin', but masks know vit"):
        MaskConfig(mask="all", model_type="swin")
