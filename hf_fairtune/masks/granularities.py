"""The granularities of a mask: what a bit trains, by block or by stage (FairTune, ICLR 2024, section 4.1)."""

from dataclasses import dataclass
from typing import Literal

from ..errors import FairTuneError
from ..families.parts import ATTENTION_KINDS, CONVOLUTION_KINDS

LAYERNORMS = ("norm1", "norm2")
# What a bit can train in any architecture, in the order of the bits of a block or a stage.
EVERY = (LAYERNORMS, ("norm",), ("attention",), ("mlp",), ("convolution",), ("squeeze_excite",), ("shortcut",))
AUTO, ALL = "auto", "all"


@dataclass(frozen=True)
class Granularity:
    """What the bits of a mask stand for.

    Args:
        name: as a user writes it.
        bits: the kinds of parts that each bit of one place trains.
        per: what a place is.
        fixed: whether every place has all these bits; else a bit is left out where the model has no such part.
    """

    name: str
    bits: tuple[tuple[str, ...], ...]
    per: Literal["block", "stage"] = "block"
    fixed: bool = True


GRANULARITIES = {
    granularity.name: granularity
    for granularity in (
        # Bit 3b both LayerNorms, 3b+1 attention, 3b+2 MLP of block b: the paper's 36 bits on 12 blocks.
        Granularity("paper36", (LAYERNORMS, ("attention",), ("mlp",))),
        Granularity("attention12", (("attention",),)),
        Granularity("layernorm12", (LAYERNORMS,)),
        Granularity("split48", (("norm1",), ("attention",), ("norm2",), ("mlp",))),
        Granularity("stages", EVERY, "stage", fixed=False),
        Granularity("blocks", EVERY, "block", fixed=False),
    )
}

PRESETS: dict[str, frozenset[str]] = {
    "linear": frozenset(),
    "layernorm": frozenset(LAYERNORMS),
    "norm": frozenset({"norm"}),
    "attention": frozenset({"attention"}),
    "mlp": frozenset({"mlp"}),
    "convolution": frozenset({"convolution"}),
    ALL: frozenset({*ATTENTION_KINDS, *CONVOLUTION_KINDS}),
}


def granularity_named(name: str) -> Granularity:
    """Return a granularity of `GRANULARITIES`."""
    if name not in GRANULARITIES:
        raise FairTuneError(f"`granularity` is {name!r}; choose from {', '.join([AUTO, *GRANULARITIES])}.")
    return GRANULARITIES[name]


def preset_named(name: str) -> frozenset[str]:
    """Return the kinds of parts that a preset trains."""
    if name not in PRESETS:
        raise FairTuneError(f"`mask` is {name!r}; pass bits, or one of {', '.join(PRESETS)}.")
    return PRESETS[name]
