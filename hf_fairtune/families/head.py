"""The classification head of a two-class model: finding it, turning its classes round, scaling its log-odds."""

import math
import re
from typing import Any

import torch
from torch import nn

from ..errors import FairTuneError

CONVENTIONAL = ("classifier", "head", "fc")
DISTILLED = re.compile(r"(^|[._])dist(ill\w*)?(?=[._]|$)")


def find_head(model: Any, name: str | None = None, classes: int = 2) -> str:
    """Return the module name of the layer that gives the two logits, or the one if `classes` is 1.

    It is the linear layer (or, where there is none, the 1x1 convolution) with an output for each class; of several,
    the one `get_classifier()` gives or the one under a conventional name.

    Args:
        model: an image classifier; its number of classes is `config.num_labels`, two where it has no config. Names
            are those of the plain model where PEFT wraps it.
        name: the head, or a module around it; None to look for it.
        classes: how many logits there are to be.

    Raises:
        FairTuneError: not two classes, two heads whose logits are averaged, no head or several, or an unknown name.
    """
    model = plain(model)
    if (own := getattr(getattr(model, "config", None), "num_labels", classes)) != classes:
        raise FairTuneError(f"the model has {own} classes but two are wanted; load it with `num_labels=2`.")
    listed = outputs(model, classes)
    if name is not None and name not in dict(model.named_modules()):
        raise FairTuneError(f"`head` is {name!r}, which is no module of the model; pass one of {listing(listed)}.")
    found = [leaf for leaf in listed if name is None or f"{leaf}.".startswith(f"{name}." if name else "")]
    if any(DISTILLED.search(leaf) for leaf in listed):
        raise FairTuneError(
            f"the model averages the logits of two heads ({listing(listed)}), but one is wanted; "
            "load it as the class without a distillation head."
        )
    found = found if len(found) == 1 else conventional(model, found)
    if len(found) != 1:
        where = listing(listed) if name is None else f"{listing(found)} in {name!r}"
        count = "two outputs" if classes == 2 else "one output"
        raise FairTuneError(f"the head is not clear, layers with {count} are {where}; pass `head=` with its name.")
    return found[0]


def plain(model: Any) -> Any:
    """Return the model inside a PEFT model, whose adapters stay in it, or the model itself."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def outputs(model: nn.Module, classes: int = 2) -> list[str]:
    """List the leaves with two outputs: linear layers, or 1x1 convolutions where no linear layer has two.

    Or with as many as `classes`.
    """
    # PEFT keeps the layer that it replaced under these names, and what it adds to one that stays under the last.
    within = (".base_layer", ".original_module"), ".lora_"
    leaves = {n: m for n, m in model.named_modules() if not n.endswith(within[0]) and within[1] not in n}
    linear = [n for n, m in leaves.items() if isinstance(m, nn.Linear) and m.out_features == classes]
    convolutions = {n: (m.out_channels, *m.kernel_size) for n, m in leaves.items() if isinstance(m, nn.Conv2d)}
    return linear or [n for n, sizes in convolutions.items() if sizes == (classes, 1, 1)]


def conventional(model: Any, found: list[str]) -> list[str]:
    """Keep the leaves that the model calls its classifier, or that lie under a conventional name."""
    own = getattr(getattr(model, "timm_model", model), "get_classifier", None)
    if own is not None and isinstance(module := own(), nn.Module):
        inner = set(module.modules())
        return [leaf for leaf in found if model.get_submodule(leaf) in inner]
    for root in CONVENTIONAL:
        if under := [leaf for leaf in found if f"{leaf.removeprefix('timm_model.')}.".startswith(f"{root}.")]:
            return under
    return found


def listing(leaves: list[str]) -> str:
    """List module names for a message."""
    return ", ".join(f"`{leaf}`" for leaf in leaves[:6]) or "none"


def head_parameters(model: nn.Module, head: str) -> list[str]:
    """List the parameter names of the head, as in `named_parameters()`."""
    return [f"{head}.{name}" if head else name for name, _ in model.get_submodule(head).named_parameters()]


@torch.no_grad()
def swap_classes(model: Any, head: str) -> None:
    """Exchange the two classes in place: logit 1 becomes the old logit 0, and the config's names follow."""
    for name in head_parameters(model, head):
        parameter = model.get_parameter(name)
        parameter.copy_(parameter.flip(0))
    config = getattr(model, "config", None)
    if config is not None:
        first, second = config.id2label[0], config.id2label[1]
        config.id2label, config.label2id = {0: second, 1: first}, {second: 0, first: 1}


@torch.no_grad()
def scale_head(model: nn.Module, head: str, slope: float, intercept: float) -> None:
    """Fold `z' = slope * z + intercept` into the head in place, z = logit 1 - logit 0 being the log-odds.

    The logits become `slope * logits + (-intercept / 2, +intercept / 2)`; their ranks stay where `slope > 0`.
    """
    layer: Any = plain(model).get_submodule(head)
    if not (math.isfinite(slope) and math.isfinite(intercept)):
        raise FairTuneError(
            f"slope {slope} and intercept {intercept} must be finite; check the scores they came from."
        )
    if layer.bias is None:
        raise FairTuneError(f"head `{head}` has no bias to hold an intercept; give it one, or leave calibration out.")
    layer.weight.mul_(slope)
    layer.bias.mul_(slope).add_(layer.bias.new_tensor([-intercept / 2, intercept / 2]))
