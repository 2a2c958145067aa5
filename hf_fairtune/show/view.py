"""One audit as it is shown: beside the reference's, with the change between them, and under its names."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from ..document.audit import Audit, ThresholdAudit
from ..document.comparison import Comparison, ThresholdChange
from ..document.document import Audited, Document
from .words import percent


@dataclass(frozen=True)
class View:
    """An audit of the document's model by the groups of an attribute."""

    document: Document
    entry: Audited

    @property
    def audit(self) -> Audit:
        """Return the audit."""
        return self.entry.audit

    @property
    def comparison(self) -> Comparison | None:
        """Return the model's changes against the reference, where they were taken."""
        return self.entry.comparison

    @cached_property
    def audits(self) -> dict[str, Audit]:
        """Return audits by the title of their model: the reference's, where there is one, then this."""
        entry, found = self.entry, None
        if entry.reference is not None:
            found = self.document.find(entry.reference, entry.split, entry.target, entry.attribute)
        own = {self.title: self.audit}
        return own if found is None else {self.document.model_named(found.model).title: found.audit} | own

    @property
    def title(self) -> str:
        """Return the title of the model."""
        return self.document.model_named(self.entry.model).title

    @property
    def reference(self) -> str:
        """Return the title of the reference."""
        return self.document.model_named(self.entry.reference).title if self.entry.reference else ""

    @property
    def scope(self) -> str:
        """Name the target and the split, where there are several."""
        data = self.document.data
        target = [finding(self.document, self.entry.target)] if len(data.targets) > 1 else []
        return ", ".join([*target, *([f"on {self.entry.split}"] if len(data.splits) > 1 else [])])

    @property
    def place(self) -> str:
        """Name the audit: its attribute, and its scope."""
        return ", ".join(filter(None, [f"by {self.entry.attribute}", self.scope]))

    @property
    def level(self) -> str:
        """Return the level of the intervals."""
        return f"{percent(self.audit.confidence)} interval"

    @property
    def digits(self) -> int:
        """Return the digits that numbers are written with: those that a shared document has."""
        return 3 if self.document.shared is None else 2

    @property
    def all_rows(self) -> Audit | None:
        """Return the audit of all rows together."""
        entry = self.entry
        found = self.document.find(entry.model, entry.split, entry.target, None)
        return None if found is None else found.audit

    def cuts(self, asked: ThresholdAudit) -> dict[str, ThresholdAudit]:
        """Return a threshold of this audit by the title of the model, beside the reference's one chosen alike."""
        found = {
            title: next((cut for cut in audit.thresholds if _same(cut, asked)), None)
            for title, audit in self.audits.items()
        }
        return {title: cut for title, cut in found.items() if cut is not None}

    def change(self, asked: ThresholdAudit) -> ThresholdChange | None:
        """Return the changes at a threshold of this audit, where they were taken."""
        changes = self.comparison.thresholds if self.comparison else []
        return next((change for change in changes if _same(change, asked)), None)


def _same(one: ThresholdAudit | ThresholdChange, other: ThresholdAudit) -> bool:
    """Tell whether two thresholds were chosen alike: by the same fit, or as the same fixed number."""
    fixed = other.fitted_on is None and one.value == one.value
    alike = (one.policy, one.fitted_on) == (other.policy, other.fitted_on)
    return alike and (not fixed or one.value == other.value)


def splits(document: Document) -> list[str]:
    """List the splits to show: the test split and further test sets; without any of them the first audited."""
    audited = dict.fromkeys(entry.split for entry in document.select(document.model))
    return [name for name in ("test", *document.data.test_sets) if name in audited] or list(audited)[:1]


def views(document: Document) -> list[View]:
    """Return every audit of the document's model by an attribute, split by split and target by target."""
    return [
        View(document, entry)
        for split in splits(document)
        for target in document.data.targets
        for entry in document.select(document.model, split, target.name)
        if entry.attribute is not None
    ]


def finding(document: Document, target: str) -> str:
    """Return what class 1 of a target means to a clinician."""
    return next((one.finding or one.name for one in document.data.targets if one.name == target), target)
