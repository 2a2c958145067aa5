"""A mask: one bit for each unit of a model, 1 = trained, 0 = frozen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import FairTuneError
from .eval_mode import hold_statistics
from .granularities import AUTO, granularity_named
from .space import UNITS, Space, space_of


@dataclass(frozen=True)
class Mask:
    """Bits, unit by unit (FairTune, eq. 2: the mask ω).

    Args:
        bits: zeros and ones; on a ViT three a block: LayerNorms, attention, MLP.
        granularity: what a bit stands for, one of `hf_fairtune.masks.granularities.GRANULARITIES`; "auto" is the
            model's own, see `space_of`.
    """

    bits: tuple[int, ...]
    granularity: str = AUTO

    def __post_init__(self) -> None:
        if set(self.bits) - {0, 1}:
            raise FairTuneError(f"`mask` holds {sorted(set(self.bits) - {0, 1})}; bits are 0 (frozen) or 1 (trained).")
        if self.granularity not in (AUTO, UNITS):
            granularity_named(self.granularity)

    def __str__(self) -> str:
        """Return the bits as a string, which `of` reads."""
        return "".join(map(str, self.bits))

    @classmethod
    def of(cls, value: str | Sequence[int] | Mask, space: Space) -> Mask:
        """Read a preset ("linear", "attention", "all", ...), a string of bits, bits, or check a mask.

        Raises:
            FairTuneError: unknown preset, one that trains nothing here, a wrong number of bits, or a mask of another
                granularity.
        """
        if isinstance(value, Mask):
            bits = value.bits
            if value.granularity not in (AUTO, space.granularity):
                raise FairTuneError(f"the mask is of `{value.granularity}`, but `{space.granularity}` is wanted.")
        elif isinstance(value, str) and not set(value) <= {"0", "1"}:
            bits = space.preset(value)
        else:
            bits = tuple(int(bit) for bit in value)
        if len(bits) != len(space):
            raise FairTuneError(
                f"`mask` has {len(bits)} entries but `{space.granularity}` of `{space.model_type}` has {len(space)} "
                "units; pass one bit a unit, as `fairtune units` lists them."
            )
        return cls(bits, space.granularity)


def apply_mask(model: Any, mask: Mask | str | Sequence[int], space: Space | None = None) -> Any:
    """Set `requires_grad` of a plain model by `mask`: its units and the head are trained, the rest is frozen.

    Running statistics of frozen batch norms do not move.

    Args:
        model: a classifier, or the model inside one.
        mask: a mask, its bits, or a preset.
        space: the units; by default those of the mask's granularity.

    Raises:
        FairTuneError: the mask does not fit the model, or would train nothing; the model is untouched.
    """
    space = space or space_of(model, mask.granularity if isinstance(mask, Mask) else AUTO)
    trained, named = space.trained(Mask.of(mask, space).bits), dict(model.named_parameters())
    if lacking := sorted(trained - {*named}):
        raise FairTuneError(
            f"`{lacking[0]}` is no parameter of the model; give the plain model, and units of its own."
        )
    for name, parameter in named.items():
        parameter.requires_grad_(name in trained)
    hold_statistics(model)
    return model
