"""A tiny masked autoencoder, and its folder as the Hub holds one."""

from pathlib import Path
from typing import Any

import torch
from transformers import ViTImageProcessor, ViTMAEConfig, ViTMAEForPreTraining


def autoencoder() -> Any:
    """Build a tiny random one."""
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    decoder = {f"decoder_{name}": value for name, value in sizes.items()}
    model = ViTMAEForPreTraining(ViTMAEConfig(**sizes, **decoder, image_size=16, patch_size=8))
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return model.eval()


def autoencoder_folder(place: Path) -> Path:
    """Save it with its processor."""
    autoencoder().save_pretrained(place)
    ViTImageProcessor(size={"height": 16, "width": 16}).save_pretrained(place)
    return place
