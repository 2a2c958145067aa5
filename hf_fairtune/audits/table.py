"""An audit as plain text."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ..intervals.estimate import Estimate

if TYPE_CHECKING:
    from .audit import Audit
    from .threshold_audit import ThresholdAudit


def audit_table(audit: Audit) -> str:
    """Lay out an audit: a row a group, then the numbers across groups, then each threshold."""
    head = ("group", "n", "positives", f"AUC [{audit.confidence:.0%} interval]", "status")
    rows = [
        (
            row.group,
            str(row.n),
            str(row.positives),
            span(row.auc, row.auc_low, row.auc_high),
            note(row.status, row.reason),
        )
        for row in audit.groups
    ]
    total = ("overall", str(audit.n), str(audit.positives), estimate(audit.auc), note("", audit.auc.reason))
    lines = [*aligned([head, *rows, total]), "", *_across(audit)]
    for threshold in audit.thresholds:
        lines += ["", *_threshold(threshold)]
    return "\n".join(line.rstrip() for line in lines)


def aligned(rows: list[tuple[str, ...]]) -> list[str]:
    """Pad cells to columns: counts to the right, the rest to the left."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]

    def cell(text: str, place: int) -> str:
        return text.rjust(widths[place]) if place in (1, 2) else text.ljust(widths[place])

    return ["  ".join(cell(text, place) for place, text in enumerate(row)) for row in rows]


def span(value: float, low: float, high: float) -> str:
    """Write "0.812 [0.764, 0.851]", without the bracket where there is no interval and "-" where no value."""
    if math.isnan(value):
        return "-"
    return f"{value:.3f}" if math.isnan(low) else f"{value:.3f} [{low:.3f}, {high:.3f}]"


def estimate(item: Estimate) -> str:
    """Write an estimate without its reason."""
    return span(item.value, item.low, item.high)


def note(text: str, reason: str | None) -> str:
    """Put the reason in brackets after a text."""
    if reason is None:
        return text
    return f"{text} ({reason})" if text else f"({reason})"


def _across(audit: Audit) -> list[str]:
    lowest, gap = audit.min_group_auc, audit.auc_gap
    whose = f"  {lowest.group}" if lowest.group else ""
    pair = f"  {gap.best} - {gap.worst}" if gap.best else ""
    lines = [note(f"lowest AUC  {estimate(lowest)}{whose}", lowest.reason)]
    lines += [note(f"AUC gap     {estimate(gap)}{pair}", gap.reason)]
    if not math.isnan(gap.null_mean):
        lines += [f"            by chance alone {gap.null_mean:.3f}, 95th percentile {gap.null_high:.3f}"]
    for item in audit.pairs:
        text = f"{item.group} - {item.reference}  {estimate(item.auc_difference)}"
        lines += [note(text, item.auc_difference.reason)]
    lines += [f"excluded    {', '.join(audit.excluded)}"] if audit.excluded else []
    return [*lines, f"intervals   AUC: {audit.auc.method}; lowest AUC: {lowest.method}; gap: {gap.method}"]


def _threshold(threshold: ThresholdAudit) -> list[str]:
    source = f", fitted on {threshold.fitted_on}" if threshold.fitted_on else ""
    flag = "  DEGENERATE: a group is predicted one class over 99 %" if threshold.degenerate else ""
    lines = [f"threshold {threshold.value:.4g} ({threshold.policy}{source}){flag}"]
    for label, item in (
        ("equalized odds difference", threshold.equalized_odds_difference),
        ("demographic parity difference", threshold.demographic_parity_difference),
    ):
        lines += [note(f"  {label}  {estimate(item)}", item.reason)]
    head = ("  group", "TP/positives", "FP/negatives", "TPR", "FPR", "selected")
    rows = [
        (
            f"  {row.group}",
            f"{row.true_positives}/{row.positives}",
            f"{row.false_positives}/{row.negatives}",
            *(estimate(item) for item in (row.tpr, row.fpr, row.selection_rate)),
        )
        for row in (*threshold.groups, threshold.overall)
    ]
    return lines + aligned([head, *rows])
