"""Random models of many architectures, small enough to run in a blink."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import torch
import transformers
from torch import Tensor

from hf_fairtune.families.mae_encoder import classifier_of_mae

from .recipes import RECIPES, Recipe

CNNS = ("resnet", "mobilenet_v2", "efficientnet")
ONE_HEAD = tuple(name for name, recipe in RECIPES.items() if isinstance(recipe.head, str))


def backbone(name: str, num_labels: int = 2) -> Any:
    """Build a seeded random model of `RECIPES` whose signal neither fades nor is the same for every image."""
    torch.manual_seed(0)
    recipe = RECIPES[name]
    build = timm_model if recipe.timm else mae_model if name == "vit_mae" else transformers_model
    model = build(recipe, num_labels)
    for parameter in model.parameters():
        torch.nn.init.kaiming_normal_(parameter) if parameter.ndim > 1 else parameter.data.uniform_(0.5, 1.5)
    for key, buffer in model.named_buffers():
        if key.endswith(("running_mean", "running_var")):
            buffer.uniform_(0.5, 1.5)
    return with_small_logits(model.eval(), name)


@torch.no_grad()
def with_small_logits(model: Any, name: str) -> Any:
    """Scale the head of a network whose signal grows, so that its probabilities are not all 0 and 1."""
    largest = float(model(**inputs(name)).logits.abs().max())
    for head in heads(name) if largest > 10 else ():
        for parameter in model.get_submodule(head).parameters():
            parameter.mul_(3 / largest)
    return model


def heads(name: str) -> tuple[str, ...]:
    """Return the module names of the layers that give logits: one, or two that are averaged."""
    head = RECIPES[name].head
    return (head,) if isinstance(head, str) else head


def transformers_model(recipe: Recipe, num_labels: int) -> Any:
    config = getattr(transformers, f"{recipe.kind}Config")(num_labels=num_labels, **recipe.arguments)
    return getattr(transformers, f"{recipe.kind}{recipe.suffix}")(config)


def mae_model(recipe: Recipe, num_labels: int) -> Any:
    """Load the encoder of a masked autoencoder from a folder, as a user does."""
    with TemporaryDirectory() as folder:
        transformers.ViTMAEModel(transformers.ViTMAEConfig(**recipe.arguments)).save_pretrained(Path(folder))
        return classifier_of_mae(folder, [f"LABEL_{i}" for i in range(num_labels)])[0]


def timm_model(recipe: Recipe, num_labels: int) -> Any:
    try:
        import timm  # noqa: F401
        from transformers import TimmWrapperForImageClassification
    except (ImportError, RuntimeError) as error:  # torchvision without its compiled part is a RuntimeError
        pytest.skip(f"timm cannot be imported ({error}): install timm and torchvision to run on its models")
    config = transformers.TimmWrapperConfig(
        architecture=recipe.kind,
        num_labels=num_labels,
        model_args=recipe.arguments,
        pretrained_cfg={"input_size": [3, recipe.size, recipe.size]},
    )
    return TimmWrapperForImageClassification(config)


def images(n: int = 3, size: int = 32) -> Tensor:
    return torch.randn(n, 3, size, size, generator=torch.Generator().manual_seed(1))


def inputs(name: str, n: int = 3) -> dict[str, Tensor]:
    """Return what a backbone is called with; `siglip2` takes the patches of images, with their mask and shapes."""
    recipe = RECIPES[name]
    pixels = images(n, recipe.size)
    if recipe.kind != "Siglip2":
        return {"pixel_values": pixels}
    patch = recipe.arguments["vision_config"]["patch_size"]
    side = recipe.size // patch
    patches = pixels.unfold(2, patch, patch).unfold(3, patch, patch).permute(0, 2, 3, 4, 5, 1)
    return {
        "pixel_values": patches.reshape(n, side * side, -1),
        "pixel_attention_mask": torch.ones(n, side * side, dtype=torch.int64),
        "spatial_shapes": torch.tensor([[side, side]] * n),
    }
