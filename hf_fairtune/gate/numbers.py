"""The numbers of an audit, by the name of their metric."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from ..document.audit import Audit, ThresholdAudit
from ..document.document import Document, GateRow
from ..document.estimate import Estimate
from .metrics import ACROSS, CALIBRATION
from .rules import OVERALL


@dataclass(frozen=True)
class Number:
    """A number of an audit, and the group (against another) and the threshold that it belongs to."""

    metric: str
    found: Estimate
    group: str | None = None
    against: str | None = None
    threshold: str | None = None
    degenerate: bool = False


def numbers(audit: Audit) -> Iterator[Number]:
    """Yield every number; that of all rows beside its groups is one of the group `overall`."""
    yield from (Number(metric, getattr(audit, metric)) for metric in ("auc", *ACROSS))
    yield from (Number(metric, found) for metric, found in audit.across.items())
    yield from (Number(metric, found, OVERALL) for metric, found in audit.measures.items())
    for row in audit.groups:
        yield Number("group_auc", row.auc, row.group)
        yield from (Number(metric, found, row.group) for metric, found in row.measures.items())
    for pair in audit.pairs:
        yield Number("auc_difference", pair.auc_difference, pair.group, pair.reference)
    for crossing in audit.cross_group:
        yield Number("bpsn", crossing.bpsn, crossing.group)
        yield Number("bnsp", crossing.bnsp, crossing.group)
    if audit.calibration:
        for line in (replace(audit.calibration.overall, group=OVERALL), *audit.calibration.groups):
            for metric in CALIBRATION:
                yield Number(metric, getattr(line, metric.removeprefix("calibration_")), line.group)
    for threshold in audit.thresholds:
        name, degenerate = threshold_name(threshold), threshold.degenerate
        yield from (Number(metric, found, None, None, name, degenerate) for metric, found in threshold.gaps.items())
        for decided in (replace(threshold.overall, group=OVERALL), *threshold.groups):
            for metric, found in decided.rates.items():
                yield Number(metric, found, decided.group, None, name, degenerate)


def threshold_name(threshold: ThresholdAudit) -> str:
    """Name a threshold by its policy; one that no data chose by its value."""
    is_number = threshold.policy == "fixed" and not math.isnan(threshold.value)
    return f"{threshold.value:g}" if is_number else threshold.policy


def number_of(document: Document, row: GateRow) -> Estimate | None:
    """Return the number that a gate's row is about as a document has it; None where it is undefined or withheld."""
    entry = document.find(document.model, row.split, row.target, row.attribute)
    about = (row.metric, row.group, row.against, row.threshold)
    for number in numbers(entry.audit) if entry else ():
        if number.found.defined and (number.metric, number.group, number.against, number.threshold) == about:
            return number.found
    return None
