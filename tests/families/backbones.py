"""Random two-class models of many architectures, small enough to run in a blink."""

from collections.abc import Callable
from typing import Any

import torch
import transformers

SMALL_VIT = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 16}
RECIPES: dict[str, tuple[str, dict[str, Any], str]] = {
    "vit": ("ViT", SMALL_VIT | {"image_size": 32, "patch_size": 8}, "classifier"),
    "deit": ("DeiT", SMALL_VIT | {"image_size": 32, "patch_size": 8}, "classifier"),
    "swin": (
        "Swin",
        {"image_size": 32, "window_size": 4, "embed_dim": 8, "depths": [1, 1], "num_heads": [1, 2]},
        "classifier",
    ),
    "resnet": ("ResNet", {"embedding_size": 8, "hidden_sizes": [8, 8], "depths": [1, 1]}, "classifier.1"),
    "mobilenet_v2": ("MobileNetV2", {"depth_multiplier": 0.1, "image_size": 32}, "classifier"),
    "efficientnet": (
        "EfficientNet",
        {"width_coefficient": 0.1, "depth_coefficient": 0.1, "hidden_dim": 128, "image_size": 32},
        "classifier",
    ),
}
CNNS = ("resnet", "mobilenet_v2", "efficientnet")


def backbone(name: str, num_labels: int = 2) -> Any:
    """Build a seeded random model of `RECIPES` whose signal neither fades nor is the same for every image."""
    torch.manual_seed(0)
    kind, arguments, _ = RECIPES[name]
    config = getattr(transformers, f"{kind}Config")(num_labels=num_labels, **arguments)
    build: Callable[[Any], Any] = getattr(transformers, f"{kind}ForImageClassification")
    model = build(config)
    for parameter in model.parameters():
        torch.nn.init.kaiming_normal_(parameter) if parameter.ndim > 1 else parameter.data.uniform_(0.5, 1.5)
    for key, buffer in model.named_buffers():
        if key.endswith(("running_mean", "running_var")):
            buffer.uniform_(0.5, 1.5)
    return model.eval()


def images(n: int = 3, size: int = 32) -> torch.Tensor:
    return torch.randn(n, 3, size, size, generator=torch.Generator().manual_seed(1))
