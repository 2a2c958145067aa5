"""The grid of blocks and kinds behind a mask's bits: `grid(space, bits, blocks)`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

THREE_KINDS = ("LayerNorms", "attention", "MLP")
FOUR_KINDS = ("first LayerNorm", "attention", "second LayerNorm", "MLP")
SPACES: dict[str, tuple[tuple[str, ...], tuple[int, ...]]] = {
    "paper36": (THREE_KINDS, (0, 1, 2)),
    "split48": (FOUR_KINDS, (0, 1, 2, 3)),
    "attention12": (THREE_KINDS, (1,)),
    "layernorm12": (THREE_KINDS, (0,)),
}


@dataclass(frozen=True)
class PartGrid:
    """Values by block and kind; None where the space leaves the part frozen for every mask."""

    kinds: tuple[str, ...]
    cells: tuple[tuple[float | None, ...], ...]

    @property
    def blocks(self) -> int:
        """Count the blocks."""
        return len(self.cells)


def grid(space: str | None, bits: Sequence[float], blocks: int) -> PartGrid:
    """Lay the bits (or frequencies) of a mask out by block and kind."""
    kinds, places = SPACES.get(space or "", _unknown(len(bits), blocks))
    if len(bits) % len(places):
        kinds, places = ("part",), (0,)
    rows = []
    for start in range(0, len(bits), len(places)):
        row: list[float | None] = [None] * len(kinds)
        for place, bit in zip(places, bits[start : start + len(places)], strict=True):
            row[place] = bit
        rows.append(tuple(row))
    return PartGrid(kinds, tuple(rows))


def _unknown(bits: int, blocks: int) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Name the columns of a space this room has no names for."""
    if blocks < 1 or bits % blocks or bits == blocks:
        return ("part",), (0,)
    each = bits // blocks
    return tuple(f"part {i + 1}" for i in range(each)), tuple(range(each))


def words(space: str | None, bits: Sequence[int], blocks: int) -> str:
    """Say in words which parts a mask trains."""
    parts = grid(space, bits, blocks)
    if not any(bits):
        return "nothing but the classification head"
    said = []
    for column, kind in enumerate(parts.kinds):
        trained = [block for block, row in enumerate(parts.cells) if row[column]]
        if trained:
            said.append(f"{kind} of {_blocks(trained, parts.blocks)}")
    return "; ".join(said) + "; and the classification head"


def _blocks(trained: list[int], blocks: int) -> str:
    """Write block numbers as ranges: `blocks 0–3 and 7`."""
    if len(trained) == blocks:
        return "every block"
    runs: list[list[int]] = []
    for block in trained:
        if runs and runs[-1][-1] == block - 1:
            runs[-1].append(block)
        else:
            runs.append([block])
    texts = [str(run[0]) if len(run) == 1 else f"{run[0]}–{run[-1]}" for run in runs]
    listed = texts[0] if len(texts) == 1 else ", ".join(texts[:-1]) + " and " + texts[-1]
    return f"block{'s' if len(trained) > 1 else ''} {listed}"
