"""The Fisher information row by row with autograd, as the definition says; and small models to try it on."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from transformers import (
    EfficientNetConfig,
    EfficientNetForImageClassification,
    MobileNetV2Config,
    MobileNetV2ForImageClassification,
    ResNetConfig,
    ResNetForImageClassification,
    SwinConfig,
    SwinForImageClassification,
)

from hf_fairtune.losses.contrast import Contrast
from hf_fairtune.losses.loss import bias_loss_named
from tests.conftest import tiny_vit

Batch = dict[str, Tensor]


def rows(n: int = 11, n_groups: int = 2, size: int = 16, seed: int = 0) -> Batch:
    """Draw rows in which every group has both labels."""
    draw = torch.Generator().manual_seed(seed)
    return {
        "pixel_values": torch.randn(n, 3, size, size, generator=draw, dtype=torch.float64),
        "labels": torch.arange(n) % 2,
        "groups": torch.arange(n) // 2 % n_groups,
    }


def split(batch: Batch, size: int) -> list[Batch]:
    """Cut rows into batches."""
    n = len(batch["labels"])
    return [{name: values[start : start + size] for name, values in batch.items()} for start in range(0, n, size)]


def log_odds(model: Any, pixels: Tensor) -> Tensor:
    """Return the log-odds, from a Hugging Face output or bare logits."""
    output = model(pixel_values=pixels)
    logits = getattr(output, "logits", output)
    return logits[:, 1] - logits[:, 0]


def squared(model: nn.Module, value: Tensor) -> dict[str, Tensor]:
    """Return the squared gradient of a scalar."""
    names, parameters = zip(*model.named_parameters(), strict=True)
    found = torch.autograd.grad(value, parameters, allow_unused=True, materialize_grads=True)
    return {name: gradient.square() for name, gradient in zip(names, found, strict=True)}


def mean(parts: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    """Average dictionaries of tensors."""
    return {name: torch.stack([part[name] for part in parts]).mean(0) for name in parts[0]}


def by_row(model: nn.Module, batch: Batch, bias: str, contrast: Contrast) -> tuple[dict[str, Tensor], ...]:
    """Return both importances: for every row, only its own log-odds carries a gradient."""
    labels, n = batch["labels"], len(batch["labels"])
    constants = torch.cat([log_odds(model, x).detach() for x in batch["pixel_values"].split(1)])
    share = labels.double().mean()
    prediction, biased = [], []
    for i in range(n):
        z = log_odds(model, batch["pixel_values"][i : i + 1])
        p = torch.sigmoid(z[0])
        prediction.append(squared(model, -(1 - share) * p.log() if labels[i] else -share * (1 - p).log()))
        z = log_odds(model, batch["pixel_values"][i : i + 1])
        margins = torch.cat([constants[:i], z, constants[i + 1 :]])
        found = contrast(bias_loss_named(bias), margins.sigmoid(), labels, batch["groups"])
        biased.append(squared(model, n * found.value))
    return mean(prediction), mean(biased)


def lively(model: nn.Module) -> nn.Module:
    """Give a model seeded weights and running statistics that are not 0 and 1, in double precision."""
    draw = torch.Generator().manual_seed(3)
    for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
        if name.endswith("running_var"):
            tensor.copy_(torch.rand(tensor.shape, generator=draw) + 0.5)
        elif tensor.is_floating_point():
            fan_in = tensor[0].numel() if tensor.ndim > 1 else 25
            tensor.data.copy_(torch.randn(tensor.shape, generator=draw) / fan_in**0.5)
            if "norm" in name and name.endswith("weight"):
                tensor.data.add_(1)
    return model.double().eval()


def resnet() -> nn.Module:
    """Build a ResNet with bottlenecks."""
    return ResNetForImageClassification(
        ResNetConfig(embedding_size=6, hidden_sizes=[8, 12], depths=[1, 2], layer_type="bottleneck", num_labels=2)
    )


def mobilenet() -> nn.Module:
    """Build a MobileNetV2."""
    return MobileNetV2ForImageClassification(MobileNetV2Config(image_size=32, depth_multiplier=0.25, num_labels=2))


def efficientnet() -> nn.Module:
    """Build an EfficientNet of three stages."""
    return EfficientNetForImageClassification(
        EfficientNetConfig(
            image_size=32,
            width_coefficient=0.25,
            in_channels=[32, 16, 24],
            out_channels=[16, 24, 40],
            kernel_sizes=[3, 3, 5],
            strides=[1, 2, 2],
            num_block_repeats=[1, 1, 2],
            expand_ratios=[1, 6, 6],
            depthwise_padding=[1],
            hidden_dim=320,
            num_labels=2,
        )
    )


def swin() -> nn.Module:
    """Build a Swin transformer, whose windows are folded into the rows."""
    return SwinForImageClassification(
        SwinConfig(
            image_size=16, patch_size=2, embed_dim=8, depths=[2, 1], num_heads=[2, 2], window_size=4, num_labels=2
        )
    )


MODELS: dict[str, Callable[[], nn.Module]] = {
    "vit": tiny_vit,
    "resnet": resnet,
    "mobilenet": mobilenet,
    "efficientnet": efficientnet,
}
