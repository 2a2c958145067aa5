"""One audit as it is shown: beside the reference's, with the change between them, and under its names."""

from collections.abc import Iterable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from ..document.audit import Audit, ThresholdAudit
from ..document.comparison import Comparison, ThresholdChange
from ..document.document import Document
from ..document.estimate import NAN
from .words import percent


@dataclass(frozen=True)
class View:
    """An audit of a document's model by the groups of an attribute.

    `audits` are by the title of their model: the reference's, where there is one, then this; `all_rows` is that of all
    rows together. `title` and `reference` name the models, the second "" without one. `scope` is target and split,
    where there are several, each after a comma; `place` is attribute and scope. `level` is that of the intervals,
    `digits` those of a number.
    """

    audit: Audit
    comparison: Comparison | None
    audits: dict[str, Audit]
    all_rows: Audit | None
    attribute: str
    split: str
    title: str
    reference: str
    scope: str
    place: str
    level: str
    digits: int

    def change(self, at: ThresholdAudit) -> ThresholdChange | None:
        """Return the changes at a threshold of this audit, where they were taken."""
        for found in self.comparison.thresholds if self.comparison else ():
            if (found.policy, found.fitted_on, str(found.value)) == (at.policy, at.fitted_on, str(at.value)):
                return found
        return None


def views(document: Document) -> list[View]:
    """Return every audit of the document's model by an attribute, split by split and target by target."""
    found, data = [], document.data
    titles = dict(map(attrgetter("id", "title"), document.models))
    if len(set(titles.values())) < len(titles):
        titles = {id: f"{title} ({id})" for id, title in titles.items()}
    for split in splits(document):
        for target in data.targets:
            scope = f", {target.words}" if len(data.targets) > 1 else ""
            scope += f", on {split}" if len(data.splits) > 1 else ""
            whole = document.find(document.model, split, target.name, None)
            for entry in document.select(document.model, split, target.name):
                attribute, reference = entry.attribute, entry.reference
                if attribute is None:
                    continue
                other = document.find(reference, split, target.name, attribute) if reference else None
                view = View(
                    audit=entry.audit,
                    comparison=entry.comparison,
                    audits=({titles[other.model]: other.audit} if other else {}) | {titles[entry.model]: entry.audit},
                    all_rows=whole.audit if whole else None,
                    attribute=attribute,
                    split=split,
                    title=titles[entry.model],
                    reference=titles[reference] if reference else "",
                    scope=scope,
                    place=f"by {attribute}{scope}",
                    level=f"{percent(entry.audit.confidence)} interval",
                    digits=3 if document.shared is None else 2,
                )
                found.append(view)
    return found


def splits(document: Document) -> list[str]:
    """List the splits to show: the test split and further test sets; without any of them the first audited."""
    audited = dict.fromkeys(map(attrgetter("split"), document.select(document.model)))
    tests = list(filter(audited.__contains__, ("test", *document.data.test_sets)))
    return tests or list(audited)[:1]


def prevalences(audit: Audit) -> list[float]:
    """Return the share with the finding in every group and, last, in all rows, as far as their sizes are shown."""
    n, positives, found = audit.n, audit.positives, list(map(attrgetter("prevalence"), audit.groups))
    found.append(positives / n if isinstance(n, int) and isinstance(positives, int) and n else NAN)
    return found


def beside(parts: Iterable[Any], name: str) -> list[tuple[Any, ...]]:
    """Set lists of several audits or thresholds beside each other: what each says of the same group."""
    return list(zip(*map(attrgetter(name), parts), strict=True))
