"""The contract of a family: what the structure of an architecture does not tell."""

import copy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from .. import catalog
from ..errors import FairTuneError, first_line
from .frozen_eval import frozen_eval


@dataclass(frozen=True)
class Family:
    """What is to be known of an architecture beside its parts; the defaults are those of any other.

    Args:
        stem: module whose output the first block takes, as each block takes that of the one before; None where
            more passes between them.
        read: how many first tokens of the last block's output the layers after it read, each token alone; None for
            all.
        copies: whether PEFT can put a copy of a layer in its place; not where its parent reads more than its output.
    """

    stem: str | None = None
    read: int | None = None
    copies: bool = True

    def narrow(self, block: Any, hidden: Tensor) -> Tensor | None:
        """Return the first `read` tokens that a block gives for [n, tokens, width], without the work for the others.

        None where the block has to be run whole.
        """
        return None

    def resize(self, model: Any, image_size: int) -> bool:
        """Make `model` take images of `image_size` pixels where it stores positions; return whether it does."""
        return False


def model_type_of(model: Any) -> str:
    """Return a model's `config.model_type`, or the name of its class where it has none."""
    return str(getattr(getattr(model, "config", None), "model_type", type(model).__name__))


def family_of(model: nn.Module) -> Family:
    """Return the family of a model, by its `config.model_type`; the default one where no file is there for it."""
    kind = model_type_of(model)
    family: Family = catalog.find("families", kind).FAMILY if kind in catalog.names("families") else Family()
    return family


def image_size_of(model: Any) -> int | None:
    """Return the image height in pixels that a model says it is made for, or None where it says none."""
    config = getattr(model, "config", None)
    # Models of two towers keep it with that for images.
    size = getattr(config, "image_size", getattr(getattr(config, "vision_config", None), "image_size", None))
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
    if family_of(model).resize(model, size):
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
        config.image_size = size if _fits_weights(model, size) else config.image_size
    elif known is not None:
        config.pretrained_cfg["input_size"] = [config.pretrained_cfg["input_size"][0], size, size]


def _fits_weights(model: Any, size: int) -> bool:
    """Tell whether a model made for images of `size` pixels has weights of the same shapes, so that it can be loaded.

    One that interpolates its positions has not: it stays a model for its own size that takes others.
    """
    config = copy.deepcopy(model.config)
    config.image_size = size
    with torch.device("meta"):
        other = type(model)(config).state_dict()
    return {name: v.shape for name, v in other.items()} == {name: v.shape for name, v in model.state_dict().items()}


def counts(model: Any) -> tuple[int, int]:
    """Return the number of parameters of the plain model and of those trained, also where PEFT holds copies."""
    added = getattr(getattr(model, "base_model", None), "prefix", "ln_tuning_"), ".modules_to_save."
    originals = [p for name, p in model.named_parameters() if not any(part in name for part in added)]
    trained = [p for p in model.parameters() if p.requires_grad]
    return sum(p.numel() for p in originals), sum(p.numel() for p in trained)
