"""What a mask trained of every backbone is loaded in a process that refuses to import this package."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from safetensors.torch import save_file

from hf_fairtune.families.moved import moved_tensors
from hf_fairtune.masks.config import masked
from hf_fairtune.masks.space import space_of

from .backbones import backbone, inputs
from .recipes import RECIPES

SCRIPT = """
import sys, pathlib
sys.modules["hf_fairtune"] = None
import torch, transformers
from peft import PeftModel
from safetensors.torch import load_file
for folder in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    seen = torch.load(folder / "seen.pt")
    model = getattr(transformers, seen["class"]).from_pretrained(folder / "base")
    kind = "adapter" if (folder / "adapter").is_dir() else "tensors"
    if kind == "adapter":
        model = PeftModel.from_pretrained(model, folder / "adapter").merge_and_unload()
    else:
        assert not model.load_state_dict(load_file(folder / "delta.safetensors"), strict=False).unexpected_keys
    own = model.state_dict()
    same = all(torch.equal(own[name], values) for name, values in seen["state"].items())
    with torch.no_grad():
        logits = model.eval()(**seen["inputs"]).logits
    print(folder.name, kind, same and torch.allclose(logits, seen["logits"], rtol=1e-4, atol=1e-5))
"""
# Those of which PEFT cannot copy every module: attention has a bare parameter, or padding reads a layer's stride.
TENSORS = {
    "swin",
    "swinv2",
    "levit",
    "levit with teacher",
    "mobilenet_v1",
    "mobilenet_v2",
    "swiftformer",
    "data2vec-vision",
}


@pytest.mark.filterwarnings("ignore:Unsupported layer type:UserWarning")
def test_in_a_process_without_this_package(tmp_path: Path) -> None:
    """Every unit is moved by noise, as only loading is tried. LeViT keeps what evaluation mode calculated."""
    wanted = set()
    for name, recipe in RECIPES.items():
        if recipe.timm:
            continue
        folder = tmp_path / name
        model: Any = backbone(name)
        model.save_pretrained(folder / "base")
        kind = type(model).__name__
        tuned = masked(model, [1] * len(space_of(model)))
        with torch.no_grad():
            for parameter in tuned.parameters():
                if parameter.requires_grad:
                    parameter.add_(0.01 * torch.randn_like(parameter))
        if isinstance(tuned, PeftModel):
            tuned.save_pretrained(folder / "adapter", save_embedding_layers=False)
        else:
            save_file(moved_tensors(tuned), folder / "delta.safetensors")
        with torch.no_grad():
            logits = tuned.train().eval()(**inputs(name)).logits
        torch.save(
            {"class": kind, "inputs": inputs(name), "logits": logits, "state": moved_tensors(tuned)},
            folder / "seen.pt",
        )
        wanted.add(f"{name} {'adapter' if isinstance(tuned, PeftModel) else 'tensors'} True")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SCRIPT, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert {*done.stdout.splitlines()} == wanted
    assert {line.removesuffix(" tensors True") for line in wanted if line.endswith(" tensors True")} == TENSORS
