"""A mask: one bit for each part of each block, 1 = trained, 0 = frozen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from ..errors import FairTuneError
from ..families.family import Part, family_of
from .spaces import Cell, preset_named, space_named


@dataclass(frozen=True)
class Mask:
    """Bits of a space, block by block (FairTune, eq. 2: the mask ω).

    Args:
        bits: zeros and ones, `3 * n_blocks` of them in the default space.
        space: one of `hf_fairtune.masks.spaces.SPACES`.
    """

    bits: tuple[int, ...]
    space: str = "paper36"

    def __post_init__(self) -> None:
        if set(self.bits) - {0, 1}:
            raise FairTuneError(f"`mask` holds {sorted(set(self.bits) - {0, 1})}; bits are 0 (frozen) or 1 (trained).")
        space_named(self.space).blocks(len(self.bits))

    @classmethod
    def of(cls, value: str | Sequence[int] | Mask, n_blocks: int, space: str = "paper36") -> Mask:
        """Read a preset ("linear", "attention", "layernorm", "mlp", "all"), a string of bits, or bits.

        Raises:
            FairTuneError: unknown preset, a preset outside the space, or a wrong number of bits.
        """
        if isinstance(value, Mask):
            mask = value
        elif isinstance(value, str) and not set(value) <= {"0", "1"}:
            mask = cls(preset_bits(value, n_blocks, space), space)
        else:
            mask = cls(tuple(int(bit) for bit in value), space)
        wanted = space_named(space).length(n_blocks)
        if len(mask.bits) != wanted:
            raise FairTuneError(
                f"`mask` has {len(mask.bits)} entries but `{space}` on {n_blocks} blocks has {wanted} parts. "
                "Pass one bit a part, or none to search."
            )
        return mask

    @property
    def n_blocks(self) -> int:
        """Return the number of blocks the mask describes."""
        return space_named(self.space).blocks(len(self.bits))

    def cells(self) -> list[Cell]:
        """List the (block, kind) pairs that are trained."""
        kinds = space_named(self.space).bits
        on = [i for i, bit in enumerate(self.bits) if bit]
        return [(i // len(kinds), kind) for i in on for kind in kinds[i % len(kinds)]]

    def flip(self, positions: Sequence[int]) -> Mask:
        """Return the mask with the bits at `positions` turned over."""
        return Mask(tuple(bit ^ (i in set(positions)) for i, bit in enumerate(self.bits)), self.space)

    def trained(self, model: nn.Module) -> list[Part]:
        """List the parts of a plain model that this mask trains; the head is always among them."""
        cells = set(self.cells())
        return [p for p in family_of(model).parts(model) if p.kind == "head" or (p.block, p.kind) in cells]


def preset_bits(name: str, n_blocks: int, space: str) -> tuple[int, ...]:
    """Return the bits of a preset in a space.

    Raises:
        FairTuneError: the preset is unknown, or the space has no bit for one of its kinds.
    """
    kinds = preset_named(name)
    bits = space_named(space).bits
    reachable = {kind for group in bits for kind in group}
    if not kinds <= reachable:
        raise FairTuneError(f"`mask` is {name!r}, but `{space}` can train only {', '.join(sorted(reachable))}.")
    return tuple(int(set(group) <= kinds) for group in bits) * n_blocks


def apply_mask(model: nn.Module, mask: Mask) -> nn.Module:
    """Set `requires_grad` of a plain model by `mask`: its parts and the head are trained, the rest is frozen."""
    trained = {name for part in mask.trained(model) for name in part.parameters}
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name in trained)
    return model
