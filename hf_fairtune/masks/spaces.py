"""The spaces of masks: which parts of a block each bit moves (FairTune, ICLR 2024, section 4.1)."""

from dataclasses import dataclass

from ..errors import FairTuneError

Cell = tuple[int | None, str]


@dataclass(frozen=True)
class Space:
    """The bits of one block; a mask lists them block by block, `len(bits) * n_blocks` in all."""

    name: str
    bits: tuple[tuple[str, ...], ...]

    def length(self, n_blocks: int) -> int:
        """Return the number of bits of a mask."""
        return len(self.bits) * n_blocks

    def blocks(self, n_bits: int) -> int:
        """Return the number of blocks that `n_bits` bits describe.

        Raises:
            FairTuneError: the bits do not fill whole blocks.
        """
        if n_bits == 0 or n_bits % len(self.bits):
            raise FairTuneError(
                f"`mask` has {n_bits} entries but `{self.name}` takes {len(self.bits)} a block; "
                f"pass {self.length(12)} for 12 blocks."
            )
        return n_bits // len(self.bits)


SPACES = {
    space.name: space
    for space in (
        # Bit 3b both LayerNorms, 3b+1 attention, 3b+2 MLP of block b: the paper's 36 bits on 12 blocks.
        Space("paper36", (("norm1", "norm2"), ("attention",), ("mlp",))),
        Space("attention12", (("attention",),)),
        Space("layernorm12", (("norm1", "norm2"),)),
        Space("split48", (("norm1",), ("attention",), ("norm2",), ("mlp",))),
    )
}

PRESETS: dict[str, frozenset[str]] = {
    "linear": frozenset(),
    "layernorm": frozenset({"norm1", "norm2"}),
    "attention": frozenset({"attention"}),
    "mlp": frozenset({"mlp"}),
    "all": frozenset({"norm1", "norm2", "attention", "mlp"}),
}


def space_named(name: str) -> Space:
    """Return a space of `SPACES`.

    Raises:
        FairTuneError: unknown name.
    """
    if name not in SPACES:
        raise FairTuneError(f"`space` is {name!r}; choose from {', '.join(SPACES)}.")
    return SPACES[name]


def preset_named(name: str) -> frozenset[str]:
    """Return the kinds of parts that a preset trains.

    Raises:
        FairTuneError: unknown name.
    """
    if name not in PRESETS:
        raise FairTuneError(f"`mask` is {name!r}; pass bits, or one of {', '.join(PRESETS)}.")
    return PRESETS[name]
