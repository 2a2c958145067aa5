"""What an audit document holds, asked by target and attribute; a count that is withheld is None."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..audit_cells.blank import WITHHELD as NOT_TOLD
from ..audit_cells.few_values import REASON as FEW_VALUES
from ..report.layout import number
from ..report.sheet import labels
from ..report.threshold_table import name_of

Document = dict[str, Any]
WITHHELD = "–"


@dataclass(frozen=True)
class View:
    """One audit of a document: of a target, by an attribute."""

    document: Document
    target: str
    attribute: str
    audit: dict[str, Any]

    @property
    def place(self) -> str:
        """Name the audit for a title: the attribute, and the target where there are several."""
        alone = len(self.document["targets"]) < 2
        return f"by {self.attribute}" if alone else f"{self.finding}, by {self.attribute}"

    @property
    def finding(self) -> str:
        """Return what class 1 means to a clinician."""
        return finding(self.document, self.target)

    @property
    def level(self) -> str:
        """Write the level of the intervals."""
        return f"{100 * self.audit['confidence']:g} %"

    @property
    def overall(self) -> dict[str, Any] | None:
        """Return the audit of all rows of the target."""
        found = (entry["audit"] for entry in self.document["overall"] if entry["target"] == self.target)
        return next(found, None)

    def called(self, width: int, lines: int = 1) -> dict[str, str]:
        """Return what each group is called in a figure; a name the font cannot draw becomes its number."""
        names = [row["group"] for row in self.audit["groups"]]
        return dict(zip(names, labels(names, width, lines), strict=True))

    def of(self, key: str) -> list[dict[str, Any]]:
        """Return this audit's entries of one of the document's lists."""
        asked = (self.target, self.attribute)
        return [entry for entry in self.document[key] if (entry["target"], entry["attribute"]) == asked]

    def curves(self, kind: str, attribute: str | None = None) -> list[dict[str, Any]]:
        """Return the curves ("roc" or "reliability") of this attribute, or of all rows for ""."""
        asked = (self.target, self.attribute if attribute is None else attribute or None)
        found = (e[kind] for e in self.document["curves"] if (e["target"], e["attribute"]) == asked)
        return next(found, None) or []


def views(document: Document) -> Iterator[View]:
    """Yield every audit of a document, targets in their order."""
    for target in document["targets"]:
        for entry in document["audits"]:
            if entry["target"] == target["name"]:
                yield View(document, target["name"], entry["attribute"], entry["audit"])


def finding(document: Document, target: str) -> str:
    """Return what class 1 of a target means to a clinician."""
    return next((str(t["finding"]) for t in document["targets"] if t["name"] == target), target)


def count(value: int | None) -> str:
    """Write a count with its thousands apart, or a dash where it is withheld."""
    return WITHHELD if value is None else f"{value:,}"


def share(part: int | None, whole: int | None) -> str:
    """Write `12 / 340`, or a dash where either is withheld."""
    return WITHHELD if part is None or whole is None else f"{part:,} / {whole:,}"


def probability(p: float | None) -> str:
    """Write a p-value; never 0."""
    if p is None:
        return WITHHELD
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def informative(audit: dict[str, Any]) -> dict[str, Any] | None:
    """Return the shared threshold to draw: the first that was fitted and decides something, else the first such.

    One whose rates by group are withheld is drawn only if there is no other.
    """
    able = [cut for cut in audit["thresholds"] if not cut["degenerate"] and not cut["by_group"]]
    ranked = sorted(able, key=lambda cut: (not _has_rates(cut), not cut["fitted_on"]))
    return next(iter(ranked), None)


def _has_rates(cut: dict[str, Any]) -> bool:
    return any(row[rate]["value"] is not None for row in cut.get("groups", ()) for rate in ("tpr", "fpr"))


def is_withheld(item: dict[str, Any]) -> bool:
    """Tell whether an estimate is not told for privacy, rather than undefined."""
    return item["value"] is None and item["reason"] in (NOT_TOLD, FEW_VALUES)


def chance_is_withheld(gap: dict[str, Any]) -> bool:
    """Tell whether what chance makes of a gap is not told for privacy."""
    return gap["p"] is None and gap["reason"] == NOT_TOLD


def title_of(cut: dict[str, Any]) -> str:
    """Name a threshold: how it was chosen, where, and its value where it has one."""
    name = name_of(cut["policy"], cut["fitted_on"])
    if cut["by_group"]:
        return f"{name} (own cuts)"
    return name if cut["value"] is None else f"{name} ({number(cut['value'])})"
