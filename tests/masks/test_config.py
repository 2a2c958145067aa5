"""MaskConfig: stock `get_peft_model` trains what the mask says; stock PEFT loads and merges the adapter."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

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
    by_bits = masked(tiny_vit(), preset)
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
    assert (config.granularity, config.units) == ("paper36", None)
    kept = json.loads((tmp_path / "adapter" / "mask.json").read_text(encoding="utf-8"))
    assert list(kept["units"])[:2] == ["block0.layernorms", "block0.attention"]
    assert type(PeftConfig.from_pretrained(str(tmp_path / "adapter"))) is LNTuningConfig


def test_our_config_puts_the_adapter_back(tmp_path: Path, pixels: torch.Tensor) -> None:
    logits, folder = saved(tmp_path, pixels, BITS), str(tmp_path / "adapter")
    base = ViTForImageClassification.from_pretrained(tmp_path / "base")
    loaded = PeftModel.from_pretrained(base, folder, config=MaskConfig.from_pretrained(folder)).eval()
    assert loaded.peft_config["default"].mask == list(BITS)
    with torch.no_grad():
        assert torch.equal(loaded(pixel_values=pixels).logits, logits)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mask": [1] * 36}, "has 36 entries but `paper36` of `vit` has 9 units"),
        ({"mask": "convolution"}, "`mask` is 'convolution', but `paper36` of `vit` can train only norm1, norm2"),
        ({"mask": "head"}, "`mask` is 'head'; pass bits, or one of linear"),
        ({"mask": [1, 2]}, r"`mask` holds \[2\]"),
        ({"mask": "all", "granularity": "bits"}, "`granularity` is 'bits'; choose from auto, paper36"),
        ({"mask": "all", "target_modules": ["fc1"]}, "`target_modules` is given beside `mask`"),
    ],
)
def test_a_mask_that_does_not_fit_is_one_line(
    vit: ViTForImageClassification, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(FairTuneError, match=message) as refused:
        get_peft_model(vit, MaskConfig(**options))
    assert "\n" not in str(refused.value)


@pytest.mark.filterwarnings("ignore:You are trying to modify:UserWarning", "ignore:Already found:UserWarning")
def test_a_model_with_an_adapter_is_refused(vit: ViTForImageClassification) -> None:
    once = get_peft_model(vit, MaskConfig(mask="attention"))
    with pytest.raises(FairTuneError, match="the model has an adapter already; merge it first"):
        get_peft_model(once, MaskConfig(mask="attention"))


def test_a_model_without_a_head(pixels: torch.Tensor) -> None:
    """`ViTModel` gives features; its mask trains the units alone, and must train some."""
    inner = tiny_vit().vit
    model = get_peft_model(inner, MaskConfig(mask="attention"))
    trained = {name for name, p in model.named_parameters() if p.requires_grad}
    assert trained == {name for name in dict(model.named_parameters()) if ".ln_tuning_layers." in name}
    assert len(trained) == 3 * 8
    assert model(pixels).last_hidden_state.requires_grad
    with pytest.raises(FairTuneError, match="the mask would train nothing, as `vit` has no head"):
        get_peft_model(tiny_vit().vit, MaskConfig(mask="linear"))
