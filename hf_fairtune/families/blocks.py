"""Where a model repeats itself: its blocks, stage by stage, found by module types and places."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from torch import nn
from torch.nn.modules.batchnorm import _NormBase

CONTAINERS = (nn.ModuleList, nn.Sequential, nn.ModuleDict)
# Global response normalisation scales features by their norm over the image (ConvNeXt V2).
NORM = re.compile(r"(Norm(Act)?(\dd)?|GRN)$|GlobalResponseNorm")
ATTENTION = re.compile(r"attention|attn|modulation", re.IGNORECASE)
SQUEEZE_EXCITE = re.compile(r"(SE|Se)(Layer|Module|Block)$|SqueezeExcite")

# The name of a list of modules, and its elements by key.
Repeated = tuple[str, dict[str, nn.Module]]


@dataclass(frozen=True)
class Block:
    """A repeated module: its name in the model, its number among all blocks, and the number of its stage."""

    name: str
    number: int
    stage: int


def blocks_of(model: nn.Module) -> list[Block]:
    """Return the blocks of a model in the order of its modules.

    They are the elements of the innermost lists whose every element has more than one layer with weights, so that a
    convolution with its norm is no block; of a model without such a list, those of its longest list. Each list is a
    stage. Of a single list without attention, a stage begins at each strided convolution.
    There are none where the model has no list of modules with weights.
    """
    lists = [(name, elements) for name, elements in repeated(model) if all(map(is_composite, elements.values()))]
    found = innermost([(name, own) for name, own in lists if all(len(layers(m)) > 1 for m in own.values())])
    if not found:
        found = sorted(innermost(lists), key=lambda one: -len(one[1]))[:1]
    blocks = list[Block]()
    for stage, (name, elements) in enumerate(found):
        for key, element in elements.items():
            split = len(found) == 1 and not has_attention(element) and is_strided(element) and bool(blocks)
            stage = blocks[-1].stage + split if len(found) == 1 and blocks else stage
            blocks.append(Block(f"{name}.{key}" if name else key, len(blocks), stage))
    return blocks


def repeated(model: nn.Module) -> Iterator[Repeated]:
    """Yield each list of modules of a model: its name, and its elements that have parameters."""
    for name, module in model.named_modules():
        if isinstance(module, CONTAINERS):
            elements = {key: child for key, child in module.named_children() if any(True for _ in child.parameters())}
            if elements:
                yield name, elements


def innermost(lists: list[Repeated]) -> list[Repeated]:
    """Return the lists that hold no other of them."""
    names = [f"{name}." for name, _ in lists]
    return [one for one, own in zip(lists, names, strict=True) if not any(is_below(name, own) for name in names)]


def is_below(name: str, other: str) -> bool:
    """Tell whether a module lies below another, by names that end in a point; the model's own is the point."""
    return name != other and (other == "." or name.startswith(other))


def is_composite(module: nn.Module) -> bool:
    """Tell whether a module has modules with weights inside."""
    return any(True for child in module.children() for _ in child.parameters())


def layers(module: nn.Module) -> list[nn.Module]:
    """Return the leaves of a module that have weights and are no norm."""
    leaves = (leaf for leaf in module.modules() if not any(True for _ in leaf.children()))
    return [leaf for leaf in leaves if not is_norm(leaf) and isinstance(getattr(leaf, "weight", None), nn.Parameter)]


def is_norm(module: nn.Module) -> bool:
    """Tell whether a module normalises: by its type, or by the name of it."""
    stock = (nn.LayerNorm, nn.GroupNorm, _NormBase)
    return isinstance(module, stock) or NORM.search(type(module).__name__) is not None


def is_attention(module: nn.Module) -> bool:
    """Tell whether a module mixes tokens by attention or focal modulation, by the name of its type."""
    return ATTENTION.search(type(module).__name__) is not None


def has_attention(block: nn.Module) -> bool:
    """Tell whether a block holds attention."""
    return any(map(is_attention, block.modules()))


def is_strided(block: nn.Module) -> bool:
    """Tell whether a block makes the image smaller by a convolution."""
    return any(isinstance(module, nn.Conv2d) and max(module.stride) > 1 for module in block.modules())
