"""How a part of a document is shown: sizes rounded, numbers to two digits, withheld where they rest on few cases."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from functools import cache
from itertools import product
from typing import Any, get_args, get_origin, get_type_hints

from .audits.metrics.metric import gaps, rates
from .document.audit import (
    Audit,
    GroupAudit,
    OperatingPointGroup,
    Pair,
    Ranking,
    RateGroup,
    ThresholdAudit,
)
from .document.benchmark_task import BenchmarkTask, CutNumbers, MethodOnTask, TaskGroup
from .document.comparison import Comparison, GroupChange, Power, ThresholdChange
from .document.curves import ReliabilityBin
from .document.enrichment import ValueErrors
from .document.estimate import NAN, SMALL, Effective, Estimate, Real, Reason, Size, Unit, exact
from .document.replication import GroupContrast, Replication
from .document.run import Step, Training

FEW = 10
BOTH: tuple[Unit, ...] = ("positives", "negatives")
CROSSING: dict[str, tuple[Unit, ...]] = {
    "bpsn": ("negatives", "positives_of_others"),
    "bnsp": ("positives", "negatives_of_others"),
}
# Fields of numbers across groups, and of all rows together.
ACROSS = ("min_group_auc", "auc_gap", "es_auc", "across", "gaps", "worst_share")
WHOLE = ("auc", "p", "measures")
PATH = re.compile(r"(?<![\w.:/\\])(?:[A-Za-z]:[/\\]|~?/|\\\\)[^\s'\"`]*?([^\s'\"`/\\]+)[/\\]*(?=[\s'\"`]|$)")
# Ends of names in a log: steps, and speeds beside seconds, count rows.
COUNTERS = ("step", "_per_second")
# Reasons whose counts are not of rows or patients.
NO_CASES = ("too_few_groups", "few_trainings", "missing_trainings")
Fields = Mapping[tuple[type, str], Any]
# What stands for a field whatever it holds. Bins are equally large: all of them together tell the group's size.
# Balanced weights tell the counts of the classes.
NEVER: Fields = {
    **dict.fromkeys([(RateGroup, "true_positives"), (RateGroup, "false_positives"), (ReliabilityBin, "n")], None),
    **dict.fromkeys([(ValueErrors, "cases"), (ValueErrors, "errors"), (ValueErrors, "scarcer")], None),
    (OperatingPointGroup, "threshold"): NAN,
    (Training, "class_weights"): [],
}


def rounded(count: Any) -> Size:
    """Round a number of rows, cases or patients to the nearest 5; 1 to 7 are `SMALL`, and None stays None."""
    if not isinstance(count, int) or count == 0:
        return count
    return SMALL if count < 8 else 5 * round(count / 5)


@dataclass(frozen=True)
class Place:
    """A field of a document, and what a number there rests on: groups (None is all rows) and classes."""

    owner: Any = None
    name: str = ""
    groups: tuple[str | None, ...] = ()
    needs: tuple[Unit, ...] = BOTH


@dataclass(frozen=True)
class Rule:
    """Shows a part of a document by the types of its fields, so that no new field goes unseen.

    `never` stands for a field whatever it holds. `cases` are exact, of each group and, under None, of all rows;
    `included` groups take part in numbers across groups. A log loses names that end in `unlogged`.
    """

    size: Callable[[Any], Size] = rounded
    never: Fields = field(default_factory=lambda: NEVER)
    cases: Mapping[str | None, Mapping[Unit, int]] = field(default_factory=dict)
    included: tuple[str | None, ...] = ()
    unlogged: tuple[str, ...] = COUNTERS

    def of(self, found: Audit | Comparison | Replication | BenchmarkTask) -> Rule:
        """Return the rule for an exact audit, comparison, replication or task of a benchmark."""
        cases: dict[str | None, dict[Unit, int]] = {}
        included: list[str | None] = []
        for row in (found, *found.groups):
            group = getattr(row, "group", None)
            cases[group] = cases_of(row)
            if group is not None and group not in found.excluded:
                included.append(group)
        return replace(self, cases=cases, included=tuple(included))

    def show(self, part: Any, kind: Any = None, at: Place | None = None) -> Any:
        """Return a part, a dataclass of a document or what a field of type `kind` holds, as it is shown."""
        at = at or Place()
        fact = isinstance(at.owner, Step) and at.name == "facts"
        if (type(at.owner), at.name) in self.never:
            return self.never[type(at.owner), at.name]
        if isinstance(part, str):
            return PATH.sub(r"\1", part)
        if kind == Size or (fact and type(part) is int):
            return self.size(part)
        if isinstance(at.owner, GroupAudit) and at.name == "prevalence" and not self.few(at):
            # The exact one would give exact sizes back; of weighted rows the shown sizes do not make it.
            if at.owner.effective is not None:
                return NAN
            positives, n = self.size(at.owner.positives), self.size(at.owner.n)
            return round(positives / n, 2) if isinstance(positives, int) and isinstance(n, int) else NAN
        if kind == Real or (fact and type(part) is float):
            return NAN if self.few(at) else _digits(part, at)
        if isinstance(part, Reason):  # counts of cases go, those of groups and trainings stay
            return replace(part, count=part.count if part.kind in NO_CASES else None)
        if isinstance(at.owner, Pair) and isinstance(part, int):
            return None if self.few(at) else int(_digits(part, at))
        if isinstance(part, (Estimate, Ranking)) and (few := self.few(at)):
            return _withheld(part, few) if isinstance(part, Estimate) else None
        return self._inside(part, kind, at)

    def _inside(self, part: Any, kind: Any, at: Place) -> Any:
        if is_dataclass(part) and not isinstance(part, type):
            types = _types(type(part)).items()
            return replace(part, **{n: self.show(getattr(part, n), k, self.below(part, n, at)) for n, k in types})
        if not isinstance(part, (dict, list, tuple)):
            return part
        # A field that may also be another thing, such as None, is a union.
        inner = next(get_args(one) for one in (kind, *get_args(kind)) if get_origin(one) is type(part))
        if not isinstance(part, dict):
            return type(part)(self.show(item, inner[0], at) for item in part)
        ends = self.unlogged if isinstance(at.owner, Step) and at.name == "log" else ()
        kept = {key: item for key, item in part.items() if not (ends and key.endswith(ends))}
        return {key: self.show(item, inner[1], replace(at, needs=_needs(key))) for key, item in kept.items()}

    def below(self, owner: Any, name: str, at: Place) -> Place:
        """Step into a field, and note which groups it rests on; a number's own parts rest on nothing more."""
        groups, needs = at.groups, CROSSING.get(name, at.needs)
        if isinstance(owner, Estimate):
            groups = ()
        elif name in ACROSS:
            groups = self.included
        elif isinstance(owner, Pair):
            groups = (owner.group, owner.reference)
        elif at.name == "overall" or isinstance(owner, Power):
            groups = (None,)
        elif isinstance(getattr(owner, "group", None), str):
            groups = (owner.group,)
        elif isinstance(owner, (Comparison, Replication, MethodOnTask, CutNumbers)):
            groups = (None,) if name in WHOLE else ()
        elif isinstance(owner, Audit):
            ranked = tuple(row.group for row in owner.ranking.groups) if name == "ranking" and owner.ranking else ()
            groups = (None,) if name in WHOLE else ranked
        return Place(owner, name, groups, needs)

    def few(self, at: Place) -> tuple[Reason, ...]:
        """Return which groups have too few cases of a class that a number there needs."""
        found = []
        for group, unit in product(at.groups if self.cases else (), at.needs):
            own: Any = unit.removesuffix("_of_others")
            # A group without a row has no known case.
            count = self.cases.get(group, {}).get(own, 0)
            if own != unit:
                count = -count
                for name in self.included:
                    count += self.cases[name][own]
            if count < FEW:
                found.append(Reason("few_cases", group, unit, needed=FEW))
        return tuple(found)


def cases_of(
    row: Audit | Comparison | Replication | GroupAudit | GroupChange | GroupContrast | BenchmarkTask | TaskGroup,
) -> dict[Unit, int]:
    """Count the cases of each class that a number rests on: of weighted ones what they are worth."""
    found: dict[Unit, int] = {"positives": exact(row.positives), "negatives": exact(row.negatives)}
    if isinstance(row, Effective) and row.effective is not None:
        # One heavy row among light ones would be told by a rate.
        found["positives"] = min(found["positives"], exact(row.effective_positives))
        found["negatives"] = min(found["negatives"], exact(row.effective_negatives))
    return found


@cache
def _types(kind: type) -> dict[str, Any]:
    """Return the types of a dataclass's fields."""
    types = get_type_hints(kind, include_extras=True)
    return {part.name: types[part.name] for part in fields(kind)}


@cache
def _needs(metric: str) -> tuple[Unit, ...]:
    """Name the class that a rate or a gap needs where it needs only one; both for anything else."""
    needs = getattr((rates() | gaps()).get(metric), "needs", BOTH)
    return BOTH if "rows" in needs else needs


def _digits(value: float, at: Place) -> float:
    """Round to two decimals, p-values and fitted cuts to two digits; what a user chose is no number of patients."""
    cut = at.owner if isinstance(at.owner, (ThresholdAudit, ThresholdChange)) else None
    if at.name in ("learning_rate", "margin") or (cut and not cut.fitted_on):
        return value
    if cut or isinstance(at.owner, Pair) or at.name in ("p", "p_adjusted"):
        return float(f"{value:.2g}")
    return round(value, 2) + 0.0


def _withheld(found: Estimate, few: tuple[Reason, ...]) -> Estimate:
    """Take from an estimate its numbers and whose they are."""
    gone: dict[str, Any] = {}
    for name, value in vars(found).items():
        if name not in ("method", "permutations", "reasons"):
            gone[name] = NAN if isinstance(value, float) else None
    return replace(found, **gone, reasons=few)
