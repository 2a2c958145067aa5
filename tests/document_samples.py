"""Documents with given counts and random numbers: enough to see what a published one keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from itertools import product
from typing import Any

import numpy as np

from hf_fairtune.audits.decision_curve import CUTS
from hf_fairtune.audits.metrics.metric import cut_metrics, gaps, rates
from hf_fairtune.document.audit import (
    AucGap,
    Audit,
    CalibrationAudit,
    CalibrationGroup,
    CrossGroup,
    GroupAudit,
    MinGroupAuc,
    OperatingPointGroup,
    OperatingPoints,
    Pair,
    RankedGroup,
    Ranking,
    RateGroup,
    ThresholdAudit,
)
from hf_fairtune.document.comparison import Comparison, GroupChange, GroupPower, Power, RateChange, ThresholdChange
from hf_fairtune.document.curves import DecisionCurve, ReliabilityBin, ReliabilityCurve, RocCurve
from hf_fairtune.document.data import AttributeSheet, Data, Level, SplitSheet, Target
from hf_fairtune.document.document import Audited, Document
from hf_fairtune.document.estimate import Estimate, Reason
from hf_fairtune.document.run import Model

# Positives and negatives of a group.
Counts = tuple[int, int]
# Of each cell, by its level of every attribute.
Cells = Mapping[tuple[str, ...], Counts]
NAMES = ("sex", "age", "site")
# Two attributes whose groups are large, and one cell of theirs that is not.
SMALL_CELL: Cells = {
    ("F", "<=60"): (140, 300),
    ("M", "<=60"): (150, 320),
    ("F", ">60"): (7, 130),
    ("M", ">60"): (58, 80),
}
COUNTED = Reason("too_few", unit="positives", count=17, needed=20)


def partitions(cells: Cells) -> dict[str, dict[str, Counts]]:
    """Count the groups of every attribute, and of their intersection where there are several."""
    width = len(next(iter(cells)))
    found: dict[str, dict[str, Counts]] = {name: {} for name in NAMES[:width]}
    joint = " & ".join(found)
    for levels, (positives, negatives) in cells.items():
        for name, group in [*zip(NAMES, levels, strict=False), *([(joint, " & ".join(levels))] if width > 1 else [])]:
            old = found.setdefault(name, {}).get(group, (0, 0))
            found[name][group] = (old[0] + positives, old[1] + negatives)
    return found


def document(cells: Cells, *, compared: bool = False, exclude: tuple[str, ...] = (), seed: int = 0) -> Document:
    """Build the document of an audit of one binary target with these cells."""
    groups = partitions(cells)
    total = tuple(sum(counts) for counts in zip(*cells.values(), strict=True))
    make = Maker(np.random.default_rng(seed), (total[0], total[1]), exclude)
    audits = [Audited("model", "all", "y", None, make.audit({"all rows": make.total}))]
    for name, counts in groups.items():
        comparison = make.comparison(counts) if compared else None
        audits.append(
            Audited("model", "all", "y", name, make.audit(counts), "reference" if compared else None, comparison)
        )
    data = Data("table", "y", "binary", [Target("y")], list(NAMES[: len(next(iter(cells)))]), None, "0", True, {})
    data.splits["all"] = sheet(groups, make.total)
    return Document("audit", data, "model", [Model("model", "model")], audits)


def sheet(groups: Mapping[str, Mapping[str, Counts]], total: Counts) -> SplitSheet:
    """Count a split."""
    parts = []
    for name, counts in groups.items():
        levels = [Level(group, sum(both), "missing" in group, {"y": both[0]}) for group, both in counts.items()]
        missing = sum(int(level.n) for level in levels if level.missing)
        kind = "intersection" if " & " in name else "levels"
        parts.append(AttributeSheet(name, name.split(" & "), kind, [], missing, levels))
    return SplitSheet(sum(total), "0", None, {"y": total[0]}, parts)


class Maker:
    """Builds audits whose numbers are random and whose counts are right."""

    def __init__(self, rng: np.random.Generator, total: Counts, exclude: tuple[str, ...] = ()) -> None:
        self.rng, self.total, self.exclude = rng, total, exclude

    def real(self) -> float:
        """Draw a number."""
        return float(self.rng.random())

    def estimate(self) -> Estimate:
        """Draw a number with its interval."""
        low, value, high = np.sort(self.rng.normal(size=3)).tolist()
        return Estimate(value, low, high, "made up", (COUNTED,))

    def named(self, names: tuple[str, ...]) -> dict[str, Estimate]:
        """Draw some numbers by name."""
        return {name: self.estimate() for name in names}

    def audit(self, counts: Mapping[str, Counts]) -> Audit:
        """Build the audit of an attribute."""
        taking = [group for group in counts if group not in self.exclude]
        pairs = [
            Pair(group, taking[0], self.estimate(), self.real(), self.real(), "z", self.real(), 437, 1312)
            for group in taking[1:]
        ]
        curves = [np.sort(np.append(self.rng.random((2, 98)), [[0, 1]] * 2, axis=1), axis=1) for _ in counts]
        return Audit(
            sum(self.total),
            *self.total,
            clusters=None,
            confidence=0.95,
            n_boot=100,
            seed=0,
            excluded=[group for group in counts if group in self.exclude],
            auc=self.estimate(),
            min_group_auc=MinGroupAuc(*self._numbers(), "m", group=taking[0]),
            auc_gap=AucGap(*self._numbers(), "m", (), taking[0], taking[-1], *self.rng.random(4).tolist(), 100),
            es_auc=self.estimate(),
            measures=self.named(("average_precision",)),
            across=self.named(("min_group_average_precision", "average_precision_gap")),
            groups=[self.group(group, both) for group, both in counts.items()],
            pairs=pairs,
            cross_group=[CrossGroup(group, self.estimate(), self.estimate()) for group in taking if pairs],
            operating_points=[self.points(counts)],
            calibration=CalibrationAudit(10, self.calibration("overall"), [self.calibration(g) for g in counts]),
            thresholds=[
                self.threshold(counts, "fixed", None, 0.123456),
                self.threshold(counts, "youden", "validation", 0.618034),
            ],
            ranking=Ranking("m", self.real(), self.real(), [self.ranked(g, i) for i, g in enumerate(taking)], []),
            roc=[RocCurve(group, *points.tolist()) for group, points in zip(counts, curves, strict=True)],
            reliability=[ReliabilityCurve(g, [self.bin(sum(both))] * 10) for g, both in counts.items()],
            decision=[DecisionCurve(group, CUTS, *self.rng.random((4, len(CUTS))).tolist()) for group in counts],
        )

    def _numbers(self) -> list[float]:
        return np.sort(self.rng.normal(size=3)).tolist()[1:] + [9.0]

    def group(self, name: str, both: Counts) -> GroupAudit:
        """Build a group's row."""
        share = both[0] / sum(both) if sum(both) else float("nan")
        measures = self.named(("average_precision",))
        return GroupAudit(name, sum(both), *both, share, "ok", (COUNTED,), self.estimate(), self.real(), measures)

    def ranked(self, name: str, place: int) -> RankedGroup:
        """Build a group's row of a ranking."""
        return RankedGroup(name, *self.rng.random(4).tolist(), place + 1)

    def calibration(self, name: str) -> CalibrationGroup:
        """Build a group's calibration."""
        numbers = self.rng.random(5).tolist()
        return CalibrationGroup(name, self.estimate(), *numbers, self.estimate(), self.estimate())

    def points(self, counts: Mapping[str, Counts]) -> OperatingPoints:
        """Build operating points."""
        overall, *rows = [OperatingPointGroup(g, self.estimate(), *self.rng.random(2)) for g in ("overall", *counts)]
        return OperatingPoints("sensitivity at specificity", 0.9, overall, rows)

    def decided(self, name: str, both: Counts) -> RateGroup:
        """Build a group's rates."""
        found = [int(self.rng.integers(count + 1)) for count in both]
        return RateGroup(name, sum(both), *both, *found, self.named((*rates(), *cut_metrics())))

    def threshold(
        self, counts: Mapping[str, Counts], policy: str, fitted_on: str | None, value: float
    ) -> ThresholdAudit:
        """Build the audit of a threshold."""
        overall, *rows = [self.decided(g, both) for g, both in [("overall", self.total), *counts.items()]]
        return ThresholdAudit(policy, fitted_on, value, None, False, overall, rows, self.named(tuple(gaps())))

    def bin(self, n: int) -> ReliabilityBin:
        """Build a bin."""
        return ReliabilityBin(*self.rng.random(4).tolist(), n // 10)

    def comparison(self, counts: Mapping[str, Counts]) -> Comparison:
        """Build a comparison with a reference."""
        groups = [
            GroupChange(
                g, sum(both), *both, "ok", (COUNTED,), self.estimate(), self.real(), self.estimate(), self.real()
            )
            for g, both in counts.items()
        ]
        changed = [RateChange(group, self.named(("tpr", "fpr", "selection_rate"))) for group in counts]
        excluded = [group for group in counts if group in self.exclude]
        change = ThresholdChange("youden", "validation", self.real(), self.real(), changed, self.named(tuple(gaps())))
        sizes = (sum(self.total), *self.total)
        power = Power(self.real(), self.real(), [GroupPower(group, self.real(), self.real()) for group in counts])
        numbers = (self.estimate(), self.real(), self.estimate(), self.estimate())
        return Comparison(0.95, 100, 0, None, *sizes, excluded, *numbers, groups, [change], 0.02, "not shown", power)


def random_cells(rng: np.random.Generator, width: int = 2, most: int = 3) -> dict[tuple[str, ...], Counts]:
    """Draw cells, many of them small."""
    levels = [[f"{name}{i}" for i in range(rng.integers(2, most + 1))] for name in NAMES[:width]]
    drawn = rng.choice([0, 1, 2, 5, 7, 8, 9, 12, 13, 18, 23, 60, 103], size=(*map(len, levels), 2))
    cells = zip(product(*levels), drawn.reshape(-1, 2).tolist(), strict=True)
    return {cell: (both[0], both[1]) for cell, both in cells if sum(both)} or {("a",) * width: (1, 30)}


def held(part: Any, kind: type) -> list[Any]:
    """List all parts of a kind, however deep."""
    if isinstance(part, kind):
        return [part]
    inner = [getattr(part, f.name) for f in fields(part)] if is_dataclass(part) and not isinstance(part, type) else []
    inner += list(part.values()) if isinstance(part, dict) else list(part) if isinstance(part, (list, tuple)) else []
    return [found for item in inner for found in held(item, kind)]
