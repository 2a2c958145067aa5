"""Which numbers of an audit or a comparison rest on too few cases of a class, and what stands for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cache
from itertools import product
from typing import Any

from ..document.audit import Audit, CrossGroup, Pair
from ..document.comparison import Comparison
from ..document.data import SplitSheet
from ..document.estimate import NAN, Estimate, Reason, Unit, exact
from ..document.rewrite import Path
from .metrics.metric import gaps, rates

FEW = 10
BOTH: tuple[Unit, ...] = ("positives", "negatives")
OTHERS: dict[Unit, Unit] = {"positives": "positives_of_others", "negatives": "negatives_of_others"}
# Fields that rest on every group that takes part, and those of all rows together.
ACROSS = ("min_group_auc", "auc_gap", "es_auc", "across", "gaps", "worst_share")
WHOLE = ("auc", "p", "measures", "overall")


@cache
def needs_of(metric: str) -> tuple[Unit, ...]:
    """Name the class that a rate or a gap needs where it needs only one; both for anything else."""
    needs = getattr((rates() | gaps()).get(metric), "needs", BOTH)
    return BOTH if "rows" in needs else needs


@dataclass(frozen=True)
class Cases:
    """The cases behind the numbers of an audit or a comparison.

    Args:
        counts: positives and negatives of each group, of all rows under None.
        included: groups that take part in numbers across groups.
    """

    counts: Mapping[str | None, Mapping[Unit, int]] = field(default_factory=dict)
    included: tuple[str | None, ...] = ()

    @classmethod
    def of(cls, audited: Audit | Comparison) -> Cases:
        """Take the cases from an exact audit or comparison."""
        counts: dict[str | None, dict[Unit, int]] = {}
        for name, row in [(None, audited), *((row.group, row) for row in audited.groups)]:
            counts[name] = {"positives": exact(row.positives), "negatives": exact(row.negatives)}
        return cls(counts, tuple(name for name in counts if name is not None and name not in audited.excluded))

    def few(self, path: Path) -> tuple[Reason, ...]:
        """Say which groups that a part rests on have fewer than 10 cases of a class that it needs.

        Args:
            path: of the part, from the audit or the comparison; what is in neither rests on no group.
        """
        if not self.counts:
            return ()
        names: tuple[str | None, ...] = ()
        needs = BOTH
        for owner, name in path:
            if isinstance(owner, CrossGroup):
                return self._few_across(owner.group, "negatives" if name == "bpsn" else "positives")
            if isinstance(owner, dict):
                needs = needs_of(name)
            names = names or self._groups(owner, name)
        return _reasons(names, needs, self.counts)

    def _groups(self, owner: Any, name: str) -> tuple[str | None, ...]:
        """Name the groups that a field rests on, None for all rows; none where its parts decide."""
        if name in ACROSS:
            return self.included
        if name == "ranking":
            return tuple(row.group for row in owner.ranking.groups) if owner.ranking else ()
        if isinstance(owner, Pair):
            return owner.group, owner.reference
        if hasattr(owner, "group"):
            return (owner.group,)
        return (None,) if name in WHOLE else ()

    def _few_across(self, group: str, unit: Unit) -> tuple[Reason, ...]:
        """Judge a group's cases of one class, and those of the other class in all others together."""
        (other,) = (one for one in BOTH if one != unit)
        pooled = sum(self.counts[name][other] for name in self.included if name != group)
        own = {unit: self.counts[group][unit], OTHERS[other]: pooled}
        return _reasons((group,), (unit, OTHERS[other]), {group: own})


def withheld(estimate: Estimate, reasons: tuple[Reason, ...]) -> Estimate:
    """Return an estimate without its numbers and without whose they are."""
    gone: dict[str, Any] = {
        part.name: NAN if isinstance(getattr(estimate, part.name), float) else None
        for part in fields(estimate)
        if part.name not in ("method", "permutations")
    }
    return replace(estimate, **gone | {"reasons": reasons})


def few_groups(sheet: SplitSheet) -> Iterator[str]:
    """Yield the groups of an exact split with fewer than 10 cases of a class of some target."""
    for level in (level for part in sheet.attributes for level in part.levels):
        positives = [exact(count) for count in level.positives.values()]
        if min(*positives, *(exact(level.n) - count for count in positives)) < FEW:
            yield level.group


def _reasons(
    names: tuple[str | None, ...], needs: tuple[Unit, ...], counts: Mapping[str | None, Mapping[Unit, int]]
) -> tuple[Reason, ...]:
    found: list[Reason] = []
    for name, unit in product(names, needs):
        if counts[name][unit] < FEW:
            found.append(Reason("few_cases", name, unit, needed=FEW))
    return tuple(found)
