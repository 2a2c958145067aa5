"""The contract of a family: the parts of an architecture, each parameter in exactly one."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain, product
from typing import Any

import torch
from torch import Tensor, nn

from .. import catalog
from ..errors import FairTuneError, first_line
from .frozen_eval import frozen_eval

KINDS = ("norm1", "attention", "norm2", "mlp")
# A part: its kind in the block of that number, or of the whole model where the block is None.
Cell = tuple[int | None, str]


@dataclass(frozen=True)
class Family:
    """Module names of an architecture.

    Args:
        blocks: name of the ModuleList of transformer blocks.
        leaves: kind of part -> leaf modules of a block, relative to it.
        head: the classifier, always trained.
        rest: kind -> module outside the blocks, frozen by every mask.
        stem: module whose output the first block takes, as each block takes that of the one before; None where
            more passes between them.
        read: how many first tokens of the last block's output the layers after it read, each token alone; None for
            all.
    """

    blocks: str
    leaves: Mapping[str, tuple[str, ...]]
    head: str
    rest: Mapping[str, str]
    stem: str | None = None
    read: int | None = None

    def count(self, model: nn.Module) -> int:
        """Return the number of transformer blocks."""
        return len(list(model.get_submodule(self.blocks).children()))

    def parts(self, model: nn.Module) -> dict[Cell, list[str]]:
        """Return the names of the parameters of each part; refuse a model with others, which a mask would miss."""
        parts: dict[Cell, list[str]] = {}
        for block, kind in product(range(self.count(model)), KINDS):
            modules = tuple(f"{self.blocks}.{block}.{leaf}." for leaf in self.leaves[kind])
            parts[block, kind] = [name for name, _ in model.named_parameters() if name.startswith(modules)]
        for kind, module in {**self.rest, "head": self.head}.items():
            parts[None, kind] = [name for name, _ in model.named_parameters() if name.startswith(f"{module}.")]
        left = {name for name, _ in model.named_parameters()} - set(chain(*parts.values()))
        if left:
            raise FairTuneError(f"parameters {sorted(left)[:3]} belong to no part; extend the family file.")
        return parts

    def pattern(self, cells: Iterable[Cell]) -> str:
        """Return a regular expression that matches the head and the leaf modules of `cells`.

        A cell's block None stands for every block.
        """
        choices = [re.escape(self.head)]
        for block, kind in cells:
            number = r"\d+" if block is None else str(block)
            leaves = "|".join(re.escape(leaf) for leaf in self.leaves[kind])
            choices.append(rf"{re.escape(self.blocks)}\.{number}\.(?:{leaves})")
        return "|".join(choices)

    def narrow(self, block: Any, hidden: Tensor) -> Tensor | None:
        """Return the first `read` tokens that a block gives for [n, tokens, width], without the work for the others.

        None where the block has to be run whole.
        """
        return None

    def resize(self, model: Any, image_size: int) -> None:
        """Make `model` take images of `image_size` pixels; nothing to do where positions are not stored."""


def family_named(model_type: str) -> Family:
    """Return the family of a `config.model_type`."""
    known = catalog.names("families")
    if model_type not in known:
        raise FairTuneError(
            f"`model_type` is {model_type!r}, but masks know {', '.join(known)}; "
            "choose such a model, or a method that needs no mask, as full fine-tuning does."
        )
    family: Family = catalog.find("families", model_type).FAMILY
    return family


def model_type_of(model: Any) -> str:
    """Return a model's `config.model_type`, or the name of its class where it has none."""
    return str(getattr(getattr(model, "config", None), "model_type", type(model).__name__))


def family_of(model: nn.Module) -> Family:
    """Return the family of a model, by its `config.model_type`."""
    return family_named(model_type_of(model))


def known_family(model: nn.Module) -> Family | None:
    """Return the family of a model, or None where no file is there for it."""
    return family_of(model) if model_type_of(model) in catalog.names("families") else None


def image_size_of(model: Any) -> int | None:
    """Return the image height in pixels that a model says it is made for, or None where it says none."""
    config = getattr(model, "config", None)
    size = getattr(config, "image_size", None)
    if size is None:
        size = (getattr(config, "pretrained_cfg", None) or {}).get("input_size", (None, None))[1]
    return size if isinstance(size, int | None) else int(size[0])


def fit_image_size(model: Any, size: int) -> None:
    """Make a model take square images of `size` pixels, in place.

    A family's file resizes stored positions. Any other model is run on one blank image: convolutions take it,
    while positions stored for another size do not.

    Raises:
        FairTuneError: the model does not take images of that size, and no family file says how to resize it.
    """
    config: Any = getattr(model, "config", None)
    if (family := known_family(model)) is not None:
        family.resize(model, size)
        return
    known = image_size_of(model)
    if known == size:
        return
    try:
        with torch.no_grad(), frozen_eval(model):
            model(next(model.parameters()).new_zeros(1, getattr(config, "num_channels", 3), size, size))
    except (ValueError, RuntimeError, AssertionError) as error:
        advice = f"use images of {known} pixels" if known else "use larger images"
        raise FairTuneError(
            f"`{model_type_of(model)}` does not take images of {size} pixels ({first_line(error)}); {advice}."
        ) from None
    if getattr(config, "image_size", None) is not None:
        config.image_size = size
    elif known is not None:
        config.pretrained_cfg["input_size"] = [config.pretrained_cfg["input_size"][0], size, size]


def counts(model: Any) -> tuple[int, int]:
    """Return the number of parameters of the plain model and of those trained, also where PEFT holds copies."""
    added = getattr(getattr(model, "base_model", None), "prefix", "ln_tuning_"), ".modules_to_save."
    originals = [p for name, p in model.named_parameters() if not any(part in name for part in added)]
    trained = [p for p in model.parameters() if p.requires_grad]
    return sum(p.numel() for p in originals), sum(p.numel() for p in trained)
