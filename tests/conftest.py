"""Models small enough to train in a blink, and where the real data and weights are, if they are."""

import os
from pathlib import Path

import pytest
import torch
from transformers import ViTConfig, ViTForImageClassification

SHARED = Path(__file__).parent.parent.parent / "shared"


def tiny_vit(n_blocks: int = 3, num_labels: int = 2, image_size: int = 16) -> ViTForImageClassification:
    """Build a seeded random ViT of hidden size 16."""
    torch.manual_seed(0)
    config = ViTConfig(
        hidden_size=16,
        num_hidden_layers=n_blocks,
        num_attention_heads=2,
        intermediate_size=32,
        image_size=image_size,
        patch_size=8,
        num_labels=num_labels,
    )
    model = ViTForImageClassification(config)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return model.eval()


@pytest.fixture
def vit() -> ViTForImageClassification:
    return tiny_vit()


@pytest.fixture
def pixels() -> torch.Tensor:
    return torch.randn(4, 3, 16, 16, generator=torch.Generator().manual_seed(1))


def real(variable: str, default: str) -> Path:
    """Return the folder of real material, or skip the test with the reason."""
    folder = Path(os.environ.get(variable, SHARED / default))
    if not folder.is_dir():
        pytest.skip(f"no {folder}: set {variable} to run on real material")
    return folder


@pytest.fixture
def real_weights() -> Path:
    return real("FAIRTUNE_REAL_WEIGHTS", "weights")


@pytest.fixture
def real_data() -> Path:
    return real("FAIRTUNE_REAL_DATA", "data")
