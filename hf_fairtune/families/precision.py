"""Half precision kept out of scores: its rounding would tie images that a model ranks."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import FairTuneError
from .head import heads_of, plain

HALF = (torch.bfloat16, torch.float16)
logger = logging.getLogger(__name__)


@contextmanager
def in_float32(model: nn.Module) -> Iterator[None]:
    """Hold parameters and buffers of half precision in float32 for a while, which is exact; they come back as is."""
    half = [(values, values.data) for values in chain(model.parameters(), model.buffers()) if values.dtype in HALF]
    try:
        for values, data in half:
            values.data = data.float()
        yield
    finally:
        for values, data in half:
            values.data = data


@contextmanager
def float32_head(model: Any, name: str | None = None) -> Iterator[None]:
    """Calculate the logits in float32 for a while, under autocast too; the layers before stay in half precision.

    Args:
        model: a classifier, plain or in PEFT.
        name: of the head, see `find_head`. Where none is found, logits stay as they are, and a warning says so.
    """
    try:
        heads: list[nn.Module] = [plain(model).get_submodule(leaf) for leaf in heads_of(model, name)]
    except FairTuneError as error:
        logger.warning("Scores are rounded to half precision, and images may tie: %s", error)
        yield
        return
    hooks = [head.register_forward_hook(again_in_float32) for head in heads]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def again_in_float32(layer: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> Tensor | None:
    """Return the output of a layer in float32, or None where it is that already."""
    if output.dtype not in HALF:
        return None
    exact = {name: values.float() for name, values in layer.named_parameters()}
    with torch.autocast(output.device.type, enabled=False):
        found: Tensor = torch.func.functional_call(layer, exact, (args[0].float(),))
    return found
