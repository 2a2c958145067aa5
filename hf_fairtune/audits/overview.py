"""An audit by several attributes as plain text."""

from __future__ import annotations

import math

from .attributes import AttributeAudits, Section
from .audit import Audit
from .gap import AucGap
from .table import aligned, estimate, note, span

SURE = 0.05
LONGEST = 40


def overview(found: AttributeAudits) -> str:
    """Lay an audit out for a terminal: a block a target, in it the groups, what stands across them, the thresholds."""
    blocks = []
    for everyone in found.overall:
        sections = [section for section in found.sections if section.target == everyone.target]
        blocks.append("\n".join(line.rstrip() for line in _target(everyone, sections)))
    return "\n\n".join([*blocks, f"p adjusted over {found.family}"])


def _target(everyone: Section, sections: list[Section]) -> list[str]:
    audit = everyone.audit
    clusters = "" if audit.clusters is None else f", {audit.clusters} clusters"
    lines = [f"{everyone.target}: {audit.n} rows, {audit.positives} positives{clusters}", ""]
    head = ("attribute", "n", "positives", "group", f"AUC [{audit.confidence:.0%} interval]", "lowest in", "status")
    total = ("", str(audit.n), str(audit.positives), "all rows", estimate(audit.auc), "", note("", audit.auc.reason))
    lines += aligned([head, total, *(row for section in sections for row in _groups(section))])
    for section in sections:
        lines += ["", f"{section.attribute}", *(f"  {line}" for line in _across(section))]
    return lines + _thresholds(sections)


def _groups(section: Section) -> list[tuple[str, ...]]:
    return [
        (
            section.attribute or "",
            str(row.n),
            str(row.positives),
            row.group,
            span(row.auc, row.auc_low, row.auc_high),
            "" if math.isnan(row.worst_share) else f"{row.worst_share:.0%}",
            note(row.status, row.reason),
        )
        for row in section.audit.groups
    ]


def _across(section: Section) -> list[str]:
    audit = section.audit
    lowest, gap = audit.min_group_auc, audit.auc_gap
    whose = f" ({lowest.group})" if lowest.group else ""
    lines = [note(f"lowest AUC {estimate(lowest)}{whose}", lowest.reason)]
    lines += [note(f"gap        {estimate(gap)}", gap.reason) + _chance(gap)]
    shown = sorted((pair for pair in audit.pairs if pair.p_adjusted < SURE), key=lambda pair: pair.p_adjusted)
    for pair in shown[:LONGEST]:
        difference = estimate(pair.auc_difference)
        lines += [f"{pair.group} - {pair.reference}: {difference}, p = {_p(pair.p_adjusted)} (adjusted)"]
    if audit.pairs and not shown:
        lines += [f"no pair of groups differs surely (adjusted p under {SURE:g}){_power(audit)}"]
    if audit.excluded:
        lines += [f"excluded   {', '.join(audit.excluded)}"]
    if section.comparison:
        lines += [f"against the reference: {section.comparison.verdict}"]
    return lines


def _chance(gap: AucGap) -> str:
    if math.isnan(gap.null_mean):
        return ""
    return f"; by chance alone {gap.null_mean:.3f}, up to {gap.null_high:.3f} in 95 %, p = {_p(gap.p)}"


def _power(audit: Audit) -> str:
    """Say how large a difference would have been seen."""
    found = [pair.detectable for pair in audit.pairs if not math.isnan(pair.detectable)]
    if not found:
        return ""
    low, high = min(found), max(found)
    size = f"{low:.3f}" if f"{low:.3f}" == f"{high:.3f}" else f"{low:.3f} to {high:.3f}"
    return f"; one of {size} would be found four times in five"


def _p(value: float) -> str:
    return f"{value:.3f}" if value >= 0.001 else "< 0.001"


def _thresholds(sections: list[Section]) -> list[str]:
    """Show what each threshold does across the groups of every attribute."""
    lines: list[str] = []
    for place, first in enumerate(sections[0].audit.thresholds):
        source = f", fitted on {first.fitted_on}" if first.fitted_on else ""
        value = "" if math.isnan(first.value) else f" {first.value:.4g}"
        lines += ["", f"threshold{value} ({first.policy}{source})"]
        head = ("  attribute", "", "", "equalized odds difference", "TPR difference", "FPR difference", "")
        rows: list[tuple[str, ...]] = [head]
        for section in sections:
            item = section.audit.thresholds[place]
            told = (item.equalized_odds_difference, item.tpr_difference, item.fpr_difference)
            flag = "DEGENERATE: one class for over 99 % of a group" if item.degenerate else ""
            flag = flag or note("", told[0].reason)
            rows.append((f"  {section.attribute}", "", "", *map(estimate, told), flag))
        lines += aligned(rows)
    return lines
