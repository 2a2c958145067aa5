"""The granularities of a mask: which parts of a block each bit trains (FairTune, ICLR 2024, section 4.1)."""

from dataclasses import dataclass

from ..errors import FairTuneError


@dataclass(frozen=True)
class Granularity:
    """The bits of one block as kinds of parts; a mask lists them block by block, `len(bits) * n_blocks` in all."""

    name: str
    bits: tuple[tuple[str, ...], ...]

    @property
    def kinds(self) -> set[str]:
        """Return the kinds of parts that some bit trains."""
        return {kind for group in self.bits for kind in group}

    def length(self, n_blocks: int) -> int:
        """Return the number of bits of a mask."""
        return len(self.bits) * n_blocks

    def blocks(self, n_bits: int) -> int:
        """Return the number of blocks that `n_bits` bits fill."""
        if n_bits == 0 or n_bits % len(self.bits):
            raise FairTuneError(
                f"`mask` has {n_bits} entries but `{self.name}` takes {len(self.bits)} a block; "
                f"pass {self.length(12)} for 12 blocks."
            )
        return n_bits // len(self.bits)


GRANULARITIES = {
    granularity.name: granularity
    for granularity in (
        # Bit 3b both LayerNorms, 3b+1 attention, 3b+2 MLP of block b: the paper's 36 bits on 12 blocks.
        Granularity("paper36", (("norm1", "norm2"), ("attention",), ("mlp",))),
        Granularity("attention12", (("attention",),)),
        Granularity("layernorm12", (("norm1", "norm2"),)),
        Granularity("split48", (("norm1",), ("attention",), ("norm2",), ("mlp",))),
    )
}

PRESETS: dict[str, frozenset[str]] = {
    "linear": frozenset(),
    "layernorm": frozenset({"norm1", "norm2"}),
    "attention": frozenset({"attention"}),
    "mlp": frozenset({"mlp"}),
    "all": frozenset({"norm1", "norm2", "attention", "mlp"}),
}


def granularity_named(name: str) -> Granularity:
    """Return a granularity of `GRANULARITIES`."""
    if name not in GRANULARITIES:
        raise FairTuneError(f"`granularity` is {name!r}; choose from {', '.join(GRANULARITIES)}.")
    return GRANULARITIES[name]


def preset_named(name: str) -> frozenset[str]:
    """Return the kinds of parts that a preset trains."""
    if name not in PRESETS:
        raise FairTuneError(f"`mask` is {name!r}; pass bits, or one of {', '.join(PRESETS)}.")
    return PRESETS[name]
