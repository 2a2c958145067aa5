"""How often searches trained each part of a model, over tasks and folds."""

import math
from collections.abc import Sequence

import numpy as np

from ..document.benchmark import MaskShares
from ..document.run import MaskBits
from ..document.search import Search, Trial
from .scored_methods import ScoredTask


def mask_shares(tasks: Sequence[ScoredTask]) -> list[MaskShares]:
    """Count by method and model how often trials trained each unit; tasks with other units stand apart."""
    found: dict[tuple[str, str, tuple[str, ...]], list[tuple[str, MaskBits, Search]]] = {}
    for task in tasks:
        for method in task.methods:
            for search in method.searches if method.mask else ():
                if method.mask and finished_masks(search):
                    names = tuple(unit.name for unit in method.mask.units)
                    key = method.name, task.model, names or (str(len(method.mask.bits)),)
                    found.setdefault(key, []).append((task.name, method.mask, search))
    return [_shares(method, model, some) for (method, model, _), some in found.items()]


def finished_masks(search: Search) -> list[Trial]:
    """List the complete and feasible trials with a mask, best first; ties go to the earlier trial."""
    sign = -1 if search.direction == "maximize" else 1
    return sorted((one for one in search.complete if one.mask), key=lambda one: (sign * one.value, one.number))


def _shares(method: str, model: str, some: Sequence[tuple[str, MaskBits, Search]]) -> MaskShares:
    mask, chosen, best, tried = some[0][1], list[list[int]](), list[list[int]](), list[list[int]]()
    for _, _, search in some:
        done = [one.mask for one in finished_masks(search)]
        tried += done
        best += done[: math.ceil(len(done) / 4)]
        chosen += [search.chosen.mask] if search.chosen and search.chosen.mask else []
    parts = [np.mean(bits, axis=0).tolist() if bits else [] for bits in (chosen, best, tried)]
    tasks, units = list(dict.fromkeys(name for name, _, _ in some)), [*mask.units]
    places = method, model, mask.granularity, mask.blocks, units, tasks
    return MaskShares(*places, len(some), len(tried), *parts)
