"""The units of a model that the bits of a mask stand for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from ..errors import FairTuneError
from ..families.family import model_type_of
from ..families.parts import ATTENTION_KINDS, HEAD, Part, parts_of
from .granularities import ALL, AUTO, LAYERNORMS, Granularity, granularity_named, preset_named

UNITS = "units"


@dataclass(frozen=True)
class Unit:
    """What one bit trains.

    Args:
        name: as a file of units and the card have it, such as "block3.attention".
        place: number of the block or stage; 0 for a user's own unit.
        kinds: of its parts, such as ("norm1", "norm2"); of a user's own unit its name.
        parameters: names, as in `named_parameters()` of the plain model.
    """

    name: str
    place: int
    kinds: tuple[str, ...]
    parameters: tuple[str, ...] = ()


@dataclass(frozen=True)
class Space:
    """The units of a mask, in the order of its bits.

    Args:
        granularity: of `GRANULARITIES`, or "units" for a user's own.
        units: one a bit.
        present: kinds of the parts of all blocks of the model.
        model_type: of the model, for messages.
        head: names of the head's parameters, which every mask trains.
    """

    granularity: str
    units: tuple[Unit, ...]
    present: frozenset[str]
    model_type: str = "vit"
    head: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.units)

    @property
    def places(self) -> list[int]:
        """Return the numbers of the blocks or stages, in order."""
        return list(dict.fromkeys(unit.place for unit in self.units))

    @property
    def kinds(self) -> list[tuple[str, ...]]:
        """Return what a bit of a place can train, in the order of the bits."""
        return list(dict.fromkeys(unit.kinds for unit in self.units))

    def expresses(self, preset: str) -> bool:
        """Tell whether a preset trains something here that the bits can say; "linear" trains the head alone."""
        if self.granularity == UNITS and preset == ALL:
            return True
        wanted = preset_named(preset) & self.present
        known = {kind for unit in self.units for kind in unit.kinds}
        return wanted <= known and (bool(wanted) or not preset_named(preset))

    def preset(self, name: str) -> tuple[int, ...]:
        """Return the bits of a preset.

        Raises:
            FairTuneError: unknown, or it trains what no bit stands for.
        """
        kinds = preset_named(name)
        if not self.expresses(name):
            known = ", ".join(dict.fromkeys(kind for unit in self.units for kind in unit.kinds))
            advice = " Give bits, or all." if self.granularity == UNITS else ""
            raise FairTuneError(
                f"`mask` is {name!r}, but `{self.granularity}` of `{self.model_type}` can train only {known}.{advice}"
            )
        own = self.granularity == UNITS
        return tuple(int(own and name == ALL or set(unit.kinds) <= kinds) for unit in self.units)

    def trained(self, bits: Sequence[int]) -> set[str]:
        """Return the names of the parameters that a mask trains, those of the head among them.

        Raises:
            FairTuneError: it trains none, as a mask of zeros on a model without a head.
        """
        on = (unit.parameters for unit, bit in zip(self.units, bits, strict=True) if bit)
        names = {*self.head, *(name for names in on for name in names)}
        if not names:
            raise FairTuneError(f"the mask would train nothing, as `{self.model_type}` has no head; set a bit to 1.")
        return names


def space_of(model: Any, granularity: str = AUTO, own: Iterable[Unit] = (), head: str | None = None) -> Space:
    """Return the units of a model, plain.

    Args:
        model: a classifier, or the model inside one.
        granularity: "auto" is "paper36" for a transformer of equal blocks, "stages" where there are several, else
            "blocks".
        own: a user's own units, which stand for those of the granularity.
        head: module of the head, where it cannot be found.

    Raises:
        FairTuneError: an unknown granularity, one that the architecture does not have, or no blocks.
    """
    return space_of_parts(parts_of(model, head), granularity, own, model_type_of(model))


def space_of_parts(
    parts: Sequence[Part], granularity: str = AUTO, own: Iterable[Unit] = (), model_type: str = "model"
) -> Space:
    """Return the units of a model's parts; see `space_of`."""
    inside = [part for part in parts if part.block is not None]
    present = frozenset(part.kind for part in inside) - {"scale"}
    head = tuple(name for part in parts if part.kind == HEAD for name in part.parameters)
    if units := tuple(own):
        return Space(UNITS, units, present, model_type, head)
    if not inside:
        raise FairTuneError(f"`{model_type}` has no repeated blocks that a mask could name; list its units: --units.")
    found = granularity_named(automatic(inside) if granularity == AUTO else granularity)
    members = dict[tuple[int, str], list[str]]()
    for part in inside:
        place = part.stage if found.per == "stage" else part.block
        members.setdefault((place or 0, part.kind), []).extend(part.parameters)
    units = tuple(unit for unit in laid_out(found, members, model_type) if unit.parameters)
    return Space(found.name, units, present, model_type, head)


def automatic(inside: Sequence[Part]) -> str:
    """Return the granularity that fits the parts of all blocks."""
    kinds = dict[int | None, set[str]]()
    for part in inside:
        kinds.setdefault(part.block, set()).add(part.kind)
    if len({part.stage for part in inside}) > 1:
        return "stages"
    return "paper36" if all(own - {"scale"} == {*ATTENTION_KINDS} for own in kinds.values()) else "blocks"


def laid_out(granularity: Granularity, members: dict[tuple[int, str], list[str]], model_type: str) -> list[Unit]:
    """Return a unit for each bit of each place; those without parameters are refused where every place has all."""
    units = []
    for place, kinds in product(sorted({place for place, _ in members}), granularity.bits):
        names = tuple(name for kind in kinds for name in members.get((place, kind), ()))
        own = tuple(kind for kind in kinds if (place, kind) in members)
        if granularity.fixed and own != kinds:
            lacking = ", ".join(kind for kind in kinds if kind not in own)
            raise FairTuneError(
                f"`granularity` is {granularity.name!r}, but block {place} of `{model_type}` has no {lacking}; choose "
                "stages, blocks or auto."
            )
        units.append(Unit(unit_name(granularity, place, kinds), place, kinds, names))
    return units


def unit_name(granularity: Granularity, place: int, kinds: tuple[str, ...]) -> str:
    """Return the name of a unit, such as "block3.layernorms"."""
    return f"{granularity.per}{place}.{'layernorms' if kinds == LAYERNORMS else '_'.join(kinds)}"


def regular(granularity: str, n_blocks: int) -> Space:
    """Return the units of a transformer with so many equal blocks, without the names of its parameters."""
    found = granularity_named(granularity)
    every = product(range(n_blocks), found.bits)
    units = tuple(Unit(unit_name(found, place, kinds), place, kinds) for place, kinds in every)
    return Space(granularity, units, frozenset(ATTENTION_KINDS))
