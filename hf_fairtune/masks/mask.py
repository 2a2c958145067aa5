"""A mask: one bit for each part of each block, 1 = trained, 0 = frozen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from ..errors import FairTuneError
from ..families.family import Cell, family_of
from .granularities import granularity_named, preset_named


@dataclass(frozen=True)
class Mask:
    """Bits, block by block (FairTune, eq. 2: the mask ω).

    Args:
        bits: zeros and ones, `3 * n_blocks` of them by default.
        granularity: what a bit stands for, one of `hf_fairtune.masks.granularities.GRANULARITIES`.
    """

    bits: tuple[int, ...]
    granularity: str = "paper36"

    def __post_init__(self) -> None:
        if set(self.bits) - {0, 1}:
            raise FairTuneError(f"`mask` holds {sorted(set(self.bits) - {0, 1})}; bits are 0 (frozen) or 1 (trained).")
        granularity_named(self.granularity).blocks(len(self.bits))

    def __str__(self) -> str:
        """Return the bits as a string, which `of` reads."""
        return "".join(map(str, self.bits))

    @classmethod
    def of(cls, value: str | Sequence[int] | Mask, n_blocks: int, granularity: str = "paper36") -> Mask:
        """Read a preset ("linear", "attention", "layernorm", "mlp", "all"), a string of bits, bits, or check a mask.

        Raises:
            FairTuneError: unknown preset, a preset outside the granularity, or a wrong number of bits.
        """
        if isinstance(value, Mask):
            mask = value
        elif isinstance(value, str) and not set(value) <= {"0", "1"}:
            mask = cls(preset_bits(value, n_blocks, granularity), granularity)
        else:
            mask = cls(tuple(int(bit) for bit in value), granularity)
        wanted = granularity_named(mask.granularity).length(n_blocks)
        if len(mask.bits) != wanted:
            raise FairTuneError(
                f"`mask` has {len(mask.bits)} entries but `{mask.granularity}` on {n_blocks} blocks has {wanted} "
                "parts. Pass one bit a part, or none to search."
            )
        return mask

    @property
    def n_blocks(self) -> int:
        """Return the number of blocks the mask describes."""
        return granularity_named(self.granularity).blocks(len(self.bits))

    def cells(self) -> list[Cell]:
        """List the (block, kind) pairs that are trained."""
        kinds = granularity_named(self.granularity).bits
        on = [i for i, bit in enumerate(self.bits) if bit]
        return [(i // len(kinds), kind) for i in on for kind in kinds[i % len(kinds)]]


def preset_bits(name: str, n_blocks: int, granularity: str) -> tuple[int, ...]:
    """Return the bits of a preset; refuse one whose kinds no bit of the granularity trains."""
    kinds, known = preset_named(name), granularity_named(granularity)
    if not kinds <= known.kinds:
        raise FairTuneError(
            f"`mask` is {name!r}, but `{granularity}` can train only {', '.join(sorted(known.kinds))}."
        )
    return tuple(int(set(group) <= kinds) for group in known.bits) * n_blocks


def apply_mask(model: nn.Module, mask: Mask) -> nn.Module:
    """Set `requires_grad` of a plain model by `mask`: its parts and the head are trained, the rest is frozen.

    Raises:
        FairTuneError: the mask describes another number of blocks; the model is untouched.
    """
    family = family_of(model)
    cells = {(None, "head"), *Mask.of(mask, family.count(model), mask.granularity).cells()}
    trained = {name for cell, names in family.parts(model).items() if cell in cells for name in names}
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name in trained)
    return model
