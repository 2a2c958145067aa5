"""The parts of a model by structure: each parameter is in exactly one."""

import re
from dataclasses import dataclass
from typing import Any

from torch import nn

from .blocks import SQUEEZE_EXCITE, Block, blocks_of, has_attention, is_attention, is_norm
from .head import heads_of, plain

# Of a block with attention, and of one without; a scale multiplies features and has no other weights.
ATTENTION_KINDS = ("norm1", "attention", "norm2", "mlp")
CONVOLUTION_KINDS = ("convolution", "norm", "squeeze_excite", "shortcut", "mlp")
SCALE = "scale"
CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
HEAD = "head"
SHORTCUT = re.compile(r"(^|\.)(shortcut|downsample)(\.|$)", re.IGNORECASE)


@dataclass(frozen=True)
class Part:
    """Parameters of one kind in one block, or outside the blocks.

    Args:
        kind: of `ATTENTION_KINDS` or `CONVOLUTION_KINDS`, or "scale", in a block; outside "embeddings" (before the
            blocks), "transition" (between them), "final_norm" or "neck" (after them), or "head".
        block: number of the block; None outside.
        stage: number of the block's stage; None outside.
        parameters: names, as in `named_parameters()` of the plain model.
    """

    kind: str
    block: int | None
    stage: int | None
    parameters: tuple[str, ...]


def parts_of(model: Any, head: str | None = None) -> list[Part]:
    """Return the parts of a model in the order of its blocks, then those outside them.

    In a block with attention a parameter inside the attention belongs to that; of norms outside it the first is
    norm1, any other norm2; all other layers are the MLP. In a block without, layers under a squeeze-and-excitation or
    a shortcut belong to these, norms to the norm, all others to the convolution, or to the MLP where there is none.
    In both, a parameter of no layer with weights is a scale.

    Args:
        model: an image classifier, or the model inside one, which has no head; plain.
        head: module of the classification head, where it cannot be found.

    Raises:
        FairTuneError: no head is found in a classifier.
    """
    model = plain(model)
    heads = heads_of(model, head)
    blocks = blocks_of(model)
    found: dict[tuple[int | None, int | None, str], list[str]] = {}
    kinds = {block.name: kinds_of(model.get_submodule(block.name)) for block in blocks}
    modules = dict(model.named_modules())
    names = [name for name, _ in model.named_parameters()]
    owners = {name: owner(name, blocks) for name in names}
    inside = [place for place, name in enumerate(names) if owners[name] is not None] or [len(names)]
    for place, name in enumerate(names):
        block = owners[name]
        if any(name.startswith(f"{own}.") for own in heads):
            key: tuple[int | None, int | None, str] = (None, None, HEAD)
        elif block is not None:
            key = (block.number, block.stage, kinds[block.name][name.removeprefix(f"{block.name}.")])
        else:
            key = (None, None, outside(modules[name.rpartition(".")[0]], place, inside[0], inside[-1]))
        found.setdefault(key, []).append(name)
    order = sorted(found, key=lambda key: (key[0] is None, key[0] or 0))
    return [Part(kind, block, stage, tuple(found[block, stage, kind])) for block, stage, kind in order]


def owner(name: str, blocks: list[Block]) -> Block | None:
    """Return the block that a parameter lies in."""
    return next((block for block in blocks if name.startswith(f"{block.name}.")), None)


def outside(module: nn.Module, place: int, first: int, last: int) -> str:
    """Return the kind of a parameter outside the blocks, by its place among all and those of the blocks."""
    if place < first:
        return "embeddings"
    if place < last:
        return "transition"
    return "final_norm" if is_norm(module) else "neck"


def kinds_of(block: nn.Module) -> dict[str, str]:
    """Return the kind of each parameter of a block, by its name in the block."""
    modules, attention = dict(block.named_modules()), has_attention(block)
    dense = "convolution" if any(isinstance(module, CONVOLUTIONS) for module in modules.values()) else "mlp"
    norms, found = list[str](), dict[str, str]()
    for name, _ in block.named_parameters():
        place = name.rpartition(".")[0]
        above = [modules[".".join(place.split(".")[:i])] for i in range(1, place.count(".") + 2)] if place else []
        leaf = modules[place]
        if any(map(is_squeeze_excite, above)):
            found[name] = "squeeze_excite"
        elif any(map(is_attention, [block, *above])):
            found[name] = "attention"
        elif is_norm(leaf):
            norms += [] if place in norms else [place]
            found[name] = "norm" if not attention else "norm1" if place == norms[0] else "norm2"
        elif not isinstance(getattr(leaf, "weight", None), nn.Parameter):
            found[name] = SCALE
        elif attention:
            found[name] = "mlp"
        else:
            found[name] = "shortcut" if SHORTCUT.search(place) else dense
    return found


def is_squeeze_excite(module: nn.Module) -> bool:
    """Tell whether a module weighs channels by squeeze and excitation, by the name of its type."""
    return SQUEEZE_EXCITE.search(type(module).__name__) is not None
