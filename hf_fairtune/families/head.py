"""The classification head of a model: finding it, ordering its classes, scaling its logits."""

import re
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from ..errors import FairTuneError

CONVENTIONAL = ("classifier", "head", "fc")
MULTI_LABEL = "multi_label_classification"
DISTILLED = re.compile(r"(^|[._])dist(ill\w*)?(?=[._]|$)")


def is_multi_label(model: Any) -> bool:
    """Say whether each logit of a model is the log-odds of a finding of its own, by `config.problem_type`."""
    return getattr(getattr(plain(model), "config", None), "problem_type", None) == MULTI_LABEL


def classes_of(model: Any) -> int:
    """Return the number of a model's logits by `config.num_labels`; two where it has no config."""
    classes: int = getattr(getattr(plain(model), "config", None), "num_labels", 2)
    return classes


def find_head(model: Any, name: str | None = None) -> str:
    """Return the module name of the layer that gives the logits.

    It is the linear layer (or, where there is none, the 1x1 convolution) with an output for each class; of several,
    the one `get_classifier()` gives or the one under a conventional name.

    Args:
        model: an image classifier of `classes_of(model)` classes. Names are those of the plain model where PEFT wraps
            it.
        name: the head, or a module around it; None to look for it.

    Raises:
        FairTuneError: two heads whose logits are averaged, no head or several, or an unknown name.
    """
    model = plain(model)
    classes = classes_of(model)
    listed = outputs(model, classes)
    if name is not None and name not in dict(model.named_modules()):
        raise FairTuneError(f"`head` is {name!r}, which is no module of the model; pass one of {listing(listed)}.")
    found = [leaf for leaf in listed if name is None or f"{leaf}.".startswith(f"{name}." if name else "")]
    if any(DISTILLED.search(leaf) for leaf in listed):
        raise FairTuneError(
            f"the model averages the logits of two heads ({listing(listed)}), but one is wanted here; choose another "
            "method, or load it as a class without a distillation head."
        )
    found = found if len(found) == 1 else conventional(model, found)
    if len(found) != 1:
        where = listing(listed) if name is None else f"{listing(found)} in {name!r}"
        count = {1: "one output", 2: "two outputs"}.get(classes, f"{classes} outputs")
        raise FairTuneError(f"the head is not clear, layers with {count} are {where}; pass `head=` with its name.")
    return found[0]


def heads_of(model: Any, name: str | None = None) -> list[str]:
    """Return the module names of all layers that give logits: one, or two whose logits are averaged.

    None of a model that is no classifier, such as `ViTModel`.

    Raises:
        FairTuneError: as `find_head`.
    """
    model = plain(model)
    listed = outputs(model, classes_of(model))
    is_inner = getattr(model, "base_model", None) is model and "Classification" not in type(model).__name__
    if name is None and is_inner and not (conventional(model, listed) if len(listed) > 1 else listed):
        return []
    distilled = [leaf for leaf in listed if DISTILLED.search(leaf)]
    return listed if distilled and name is None else [find_head(model, name)]


def plain(model: Any) -> Any:
    """Return the model inside a PEFT model, whose adapters stay in it, or the model itself."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def outputs(model: nn.Module, classes: int) -> list[str]:
    """List the leaves with an output for each class: linear layers, or 1x1 convolutions where no linear layer has."""
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
def order_classes(model: Any, heads: Sequence[str], order: Sequence[int]) -> None:
    """Order the classes in place: logit i becomes the old logit `order[i]`, and the config's names follow.

    Args:
        heads: all that `heads_of` names.

    Raises:
        FairTuneError: `order` does not hold every class once.
    """
    parameters = [model.get_parameter(name) for head in heads for name in head_parameters(model, head)]
    classes, order = len(parameters[0]), list(order)
    if sorted(order) != list(range(classes)):
        raise FairTuneError(f"`order` is {order}; give each of the {classes} classes of the head once, from 0 on.")
    for parameter in parameters:
        parameter.copy_(parameter[order])
    config = getattr(model, "config", None)
    if config is not None:
        names = [config.id2label[i] for i in order]
        config.id2label, config.label2id = dict(enumerate(names)), {name: i for i, name in enumerate(names)}


@torch.no_grad()
def scale_head(
    model: nn.Module, head: str, slope: float | Sequence[float], intercept: float | Sequence[float]
) -> None:
    """Fold `z' = slope * z + intercept` into the head in place.

    Of two classes, z is the log-odds logit 1 - logit 0, and the logits become `slope * logits + (-intercept / 2,
    +intercept / 2)`. With an intercept for each output z is the logits. Ranks stay where `slope > 0`.

    Args:
        head: as `find_head` names it.
        slope: one, or one for each output.
        intercept: one for each output; for a head of two classes, one number.

    Raises:
        FairTuneError: numbers that are not finite, too many or too few, or a head without a bias.
    """
    layer: Any = plain(model).get_submodule(head)
    if layer.bias is None:
        raise FairTuneError(f"head `{head}` has no bias to hold an intercept; give it one, or leave calibration out.")
    halves = [-intercept / 2, intercept / 2] if isinstance(intercept, float | int) else intercept
    shifts, scales = layer.bias.new_tensor(halves), layer.bias.new_tensor(slope)
    if not (scales.isfinite().all() and shifts.isfinite().all()):
        raise FairTuneError(
            f"slope {slope} and intercept {intercept} must be finite; check the scores they came from."
        )
    count = len(layer.bias)
    if len(shifts) != count or scales.shape not in ((), shifts.shape):
        raise FairTuneError(
            f"slope {slope} and intercept {intercept} do not fit head `{head}` of {count} outputs; give a slope, "
            "or one an output, and an intercept an output."
        )
    for parameter in (layer.weight, layer.bias):
        parameter.mul_(slope if scales.ndim == 0 else scales.reshape(-1, *[1] * (parameter.ndim - 1)))
    layer.bias.add_(shifts)
