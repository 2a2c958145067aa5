"""The prefix of a model: its embeddings and first blocks, where nothing of them is trained."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import takewhile
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.dropout import _DropoutNd

from .blocks import blocks_of
from .family import Family, family_of
from .frozen_eval import frozen_eval
from .head import plain
from .weights_hash import weights_hash

# What of a configuration changes no number.
NAMES = ("_name_or_path", "transformers_version", "id2label", "label2id")


@dataclass(frozen=True)
class Prefix:
    """The frozen layers that come first; what they give for an image stays the same while the rest is trained.

    Args:
        embeddings: module that takes pixels [n, channels, height, width].
        blocks: those in a row after it that are frozen.
        trained: the blocks that follow.
        family: of the model.
        config: what else decides its numbers, as JSON.
    """

    embeddings: nn.Module
    blocks: tuple[nn.Module, ...]
    trained: tuple[nn.Module, ...]
    family: Family
    config: str

    @classmethod
    def of(cls, model: Any) -> Prefix | None:
        """Return the prefix of a model, plain or in PEFT, by what requires a gradient.

        None where the first block or something before it is trained, or its family does not tell where blocks begin.
        """
        model = plain(model)
        family = family_of(model)
        if family.stem is None or is_trained(stem := model.get_submodule(family.stem)):
            return None
        blocks = [model.get_submodule(block.name) for block in blocks_of(model)]
        frozen = tuple(takewhile(lambda block: not is_trained(block), blocks))
        settings = {name: value for name, value in model.config.to_dict().items() if name not in NAMES}
        config = json.dumps(settings, sort_keys=True, default=str)
        return cls(stem, frozen, tuple(blocks[len(frozen) :]), family, config) if frozen else None

    @property
    def depth(self) -> int:
        """Return the number of blocks of the whole model."""
        return len(self.blocks) + len(self.trained)

    @property
    def read(self) -> int | None:
        """Return how many first tokens of what it gives count, None for all of them."""
        return None if self.trained else self.family.read

    @property
    def modules(self) -> tuple[nn.Module, ...]:
        """Return the embeddings and the blocks."""
        return self.embeddings, *self.blocks

    @property
    def is_random(self) -> bool:
        """Tell whether dropout makes what it gives in training a matter of chance."""
        return any(drops(inner) for module in self.modules for inner in module.modules())

    @property
    def digest(self) -> str:
        """Hash the weights and settings, which decide what it gives."""
        content = f"{len(self.blocks)} {self.read} {self.config} {weights_hash(nn.ModuleList(self.modules))}"
        return hashlib.sha256(content.encode()).hexdigest()

    @torch.no_grad()
    def __call__(self, pixels: Tensor) -> Tensor:
        """Return what the layers after it read of some images, [n, tokens, width], in evaluation mode."""
        weight = next(self.embeddings.parameters())
        with frozen_eval(nn.ModuleList(self.modules)):
            hidden: Tensor = self.embeddings(pixels.to(weight.device, weight.dtype))
            for block in self.blocks:
                hidden = block(hidden)
        return hidden[:, : self.read]

    @contextmanager
    def skipped(self) -> Iterator[None]:
        """Let the model take, for a while, what the prefix gave [n, tokens, width] in place of pixels.

        The last block then calculates only the tokens that are read. Pixels go their usual way. Names, weights and
        hooks of the model stay.
        """
        gate, changed = Gate(), self.modules + self.trained[-1:]
        own = [vars(module).get("forward") for module in changed]
        self.embeddings.forward = gate.first(self.embeddings.forward)
        for block in self.blocks:
            block.forward = gate.instead(block.forward, lambda values: values)
        for block in self.trained[-1:]:
            if not any(map(drops, block.modules())):
                block.forward = gate.instead(block.forward, partial(self.family.narrow, block))
        try:
            yield
        finally:
            for module, forward in zip(changed, own, strict=True):
                vars(module).pop("forward", None)
                if forward is not None:
                    module.forward = forward


class Gate:
    """Whether the forward pass under way began with stored values."""

    open = False

    def first(self, forward: Callable[..., Any]) -> Callable[..., Any]:
        """Return the embeddings' forward, which lets stored values pass."""

        def gated(values: Tensor, *args: Any, **kwargs: Any) -> Any:
            self.open = values.ndim == 3
            return values if self.open else forward(values, *args, **kwargs)

        return gated

    def instead(self, forward: Callable[..., Any], other: Callable[[Tensor], Any]) -> Callable[..., Any]:
        """Return a block's forward, which is `other` after stored values, where that gives something."""

        def gated(values: Tensor, *args: Any, **kwargs: Any) -> Any:
            found = other(values) if self.open else None
            return forward(values, *args, **kwargs) if found is None else found

        return gated


def is_trained(module: nn.Module) -> bool:
    """Tell whether a parameter of a module requires a gradient."""
    return any(parameter.requires_grad for parameter in module.parameters())


def drops(module: nn.Module) -> bool:
    """Tell whether a module is dropout, or attention that drops some weights."""
    return isinstance(module, _DropoutNd) and module.p > 0 or getattr(module, "attention_dropout", 0) > 0
