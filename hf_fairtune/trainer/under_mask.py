"""A mask under a method that trains everything: the mask decides what moves, the method how."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..document.run import MaskBits
from ..errors import FairTuneError
from ..families.family import model_type_of
from ..families.parts import parts_of
from ..masks.mask import Mask, apply_mask
from ..masks.space import space_of_parts
from ..methods.fairtune import bits_of
from ..methods.method import Method

if TYPE_CHECKING:
    from .fair import FairTrainer


def refuse_mask(method: Method, mask: str | None) -> None:
    """Refuse a mask for a method that takes none.

    Raises:
        FairTuneError: it is one.
    """
    if mask is not None and not method.takes_mask:
        raise FairTuneError(
            f"`under_mask` is {mask}, but what the method {method.name!r} trains is no matter of a mask: "
            f"{method.trains}; leave the mask out."
        )


def masked(trainer: FairTrainer, method: Method, model: Any) -> Any:
    """Return a prepared model of which only the units of the arguments' mask, and the head, are trained, if any is.

    Raises:
        FairTuneError: the method has left something frozen, or the mask does not fit the model.
    """
    mask = trainer.args.under_mask
    if mask is None:
        return model
    frozen = next((name for name, values in model.named_parameters() if not values.requires_grad), None)
    if frozen is not None:
        raise FairTuneError(
            f"`under_mask` is {mask}, but the method {method.name!r} keeps `{frozen}` still; leave the mask out."
        )
    space = space_of_parts(parts_of(model, trainer.args.head), model_type=model_type_of(model))
    found = Mask.of(mask, space)
    trainer.mask_bits = bits_of(found, space, model)
    return apply_mask(model, found, space)


def mask_of(trainer: object) -> MaskBits | None:
    """Return the mask that a trainer's last preparation applied; None without one."""
    return getattr(trainer, "mask_bits", None)
