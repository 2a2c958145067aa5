"""The numbers of an audit that a rule may be about, by the name of their metric."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from ..audits.engine.bands import Bounds
from ..audits.metrics.metric import Metric, cut_metrics, gaps, metrics, rates, score_metrics
from ..audits.threshold_audit import OVERALL
from ..document.audit import Audit, ThresholdAudit
from ..document.document import Document
from ..document.estimate import Estimate
from ..document.gate import GateRow

ACROSS = ("min_group_auc", "auc_gap", "es_auc")
CALIBRATION = ("brier", "calibration_slope", "calibration_intercept")


@dataclass(frozen=True)
class Place:
    """Where a number stands in an audit; one `of_all` rows is that of the group `overall`, beside those of groups."""

    limits: Bounds
    by_group: bool = False
    of_all: bool = False
    at_threshold: bool = False


@cache
def known() -> dict[str, Place]:
    """Return every number's name with its place: those of any audit, then the files of `audits/metrics`."""
    own, found = metrics(Metric), {}
    for name in ("auc", *ACROSS):
        found[name] = Place(own[name].limits)
    for name in ("group_auc", "bpsn", "bnsp", "auc_difference"):
        found[name] = Place(own[name.removeprefix("group_")].limits, by_group=True)
    for name in (*CALIBRATION, *rates()):
        found[name] = Place(own[name].limits, by_group=True, of_all=True, at_threshold=name in rates())
    for name, at_cut in cut_metrics().items():
        found[name] = Place(at_cut.limits, by_group=True, of_all=True, at_threshold=True)
    for name, gap in gaps().items():
        found[name] = Place(gap.limits, at_threshold=True)
    for name, metric in score_metrics().items():
        (low, high), (worst, gap_key) = metric.limits, metric.across_keys(name)
        found[name] = Place(metric.limits, by_group=True, of_all=True)
        found |= {worst: Place(metric.limits), gap_key: Place((0.0, high - low))}
    return found


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
        for line in (audit.calibration.overall, *audit.calibration.groups):
            for metric in CALIBRATION:
                yield Number(metric, getattr(line, metric.removeprefix("calibration_")), line.group)
    for threshold in audit.thresholds:
        name, degenerate = threshold_name(threshold), threshold.degenerate
        yield from (Number(metric, found, None, None, name, degenerate) for metric, found in threshold.gaps.items())
        for decided in (threshold.overall, *threshold.groups):
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
