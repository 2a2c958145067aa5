"""An audit by several attributes as plain text."""

from __future__ import annotations

import math
import shlex
from dataclasses import dataclass

from .attributes import AttributeAudits, Section
from .audit import Audit
from .comparison import Comparison
from .gap import AucGap
from .guards import EXCLUDE, counted
from .levelling import MEANINGS
from .pairs import Pair
from .table import aligned, estimate, note, span

SURE = 0.05
LONGEST = 40
LEGEND = (
    "lowest in: share of resamples in which the group has the lowest AUC of its attribute",
    "intervals of lowest AUC and gap: simultaneous over the groups, unlike those of single groups",
)


@dataclass(frozen=True)
class _Whole:
    """What the parts of an audit share: how many pairs are tested, and which groups are left out."""

    tested: int
    excluded: tuple[str, ...]

    @classmethod
    def of(cls, sections: list[Section]) -> _Whole:
        """Count over all sections."""
        tested = sum(not math.isnan(pair.p) for section in sections for pair in section.audit.pairs)
        return cls(tested, tuple(name for section in sections for name in section.audit.excluded))

    def hinted(self, audit: Audit, reason: str | None) -> str | None:
        """Turn the hint to exclude groups into the flag that does, ready to paste."""
        lacking = [row.group for row in audit.groups if math.isnan(row.auc)]
        names = " ".join(map(_quoted, dict.fromkeys([*self.excluded, *lacking])))
        return reason.replace(EXCLUDE, f"(to leave out: --exclude {names})") if reason else None


def overview(found: AttributeAudits) -> str:
    """Lay an audit out for a terminal: a block a target, in it the groups, what stands across them, the thresholds."""
    blocks, whole = [], _Whole.of(found.sections)
    for everyone in found.overall:
        sections = [section for section in found.sections if section.target == everyone.target]
        blocks.append("\n".join(line.rstrip() for line in _target(everyone, sections, whole)))
    legend = LEGEND if found.sections else ()
    return "\n\n".join([*blocks, "\n".join([*legend, f"p adjusted over {found.family}"])])


def _target(everyone: Section, sections: list[Section], whole: _Whole) -> list[str]:
    audit = everyone.audit
    counts = {"rows": audit.n, "positives": audit.positives, "clusters": audit.clusters}
    told = ", ".join(counted(n, what) for what, n in counts.items() if n is not None)
    lines = [f"{everyone.target}: {told}", ""]
    head = ("attribute", "n", "positives", "group", f"AUC [{audit.confidence:.0%} interval]", "lowest in", "status")
    total = ("", str(audit.n), str(audit.positives), "all rows", estimate(audit.auc), "", note("", audit.auc.reason))
    lines += aligned([head, total, *(row for section in sections for row in _groups(section))])
    for section in sections:
        lines += ["", f"{section.attribute}", *(f"  {line}" for line in _across(section, whole))]
    return lines + _thresholds(sections, whole)


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


def _across(section: Section, whole: _Whole) -> list[str]:
    audit = section.audit
    lowest, gap = audit.min_group_auc, audit.auc_gap
    worst = next((row for row in audit.groups if row.group == lowest.group), None)
    whose = f" ({gap.best} - {gap.worst})" if gap.best else ""
    if worst and worst.status == "not estimable":
        lines = [f"lowest AUC {estimate(lowest)} ({worst.group}, not estimable: {worst.reason})"]
        why = gap.reason
    else:
        told = f"lowest AUC {estimate(lowest)}" + (f" ({worst.group})" if worst else "")
        lines = [note(told, whole.hinted(audit, lowest.reason))]
        why = "for the same reason" if gap.reason and gap.reason == lowest.reason else gap.reason
    lines += [note(f"gap        {estimate(gap)}{whose}", whole.hinted(audit, why)) + _chance(gap)]
    lines += _pairs(audit, whole.tested)
    if audit.excluded:
        lines += [f"excluded   {', '.join(audit.excluded)}"]
    return lines + (_compared(section.comparison) if section.comparison else [])


def _quoted(name: str) -> str:
    return shlex.quote(name) if set(name) & set('"$`\\!') else f'"{name}"'


def _chance(gap: AucGap) -> str:
    if math.isnan(gap.null_mean):
        return ""
    chance = f"; by chance alone {gap.null_mean:.3f}, up to {gap.null_high:.3f} in 95 %"
    return f"{chance}, p {_p(gap.p)} (unadjusted)"


def _pairs(audit: Audit, tested: int) -> list[str]:
    """Show every pair that differs surely, and in any case the one that differs most."""
    known = [pair for pair in audit.pairs if not math.isnan(pair.p_adjusted)]
    if not known:
        return [f"no pair of groups can be tested{_power(audit)}"] if audit.pairs else []
    sure = sorted((pair for pair in known if pair.p_adjusted < SURE), key=lambda pair: pair.p_adjusted)
    largest = max(known, key=lambda pair: abs(pair.auc_difference.value))
    doubt = f" after adjustment for {counted(tested, 'comparisons')}" if largest.p < SURE else ""
    last = [] if largest in sure else [f"{_pair(largest)}: not sure{doubt}{_power(audit)}"]
    return [*_shortened([_pair(pair) for pair in sure]), *last]


def _pair(pair: Pair) -> str:
    named = f"{pair.group} - {pair.reference}: {estimate(pair.auc_difference)}"
    return f"{named}, p {_p(pair.p)}, adjusted {_p(pair.p_adjusted).removeprefix('= ')}"


def _power(audit: Audit) -> str:
    """Say how large a difference would have been seen."""
    found = [pair.detectable for pair in audit.pairs if not math.isnan(pair.detectable)]
    if not found:
        return ""
    low, high = min(found), max(found)
    size = f"{low:.3f}" if f"{low:.3f}" == f"{high:.3f}" else f"{low:.3f} to {high:.3f}, by pair,"
    return f"; with these counts a true difference of {size} would be found with 80 % power"


def _p(value: float) -> str:
    return f"= {value:.3f}" if value >= 0.001 else "< 0.001"


def _compared(comparison: Comparison) -> list[str]:
    """Say what the change did, and how much every group gained or lost."""
    meaning = MEANINGS[comparison.verdict]
    rows = [note(f"  {row.group}: {estimate(row.auc)}", row.auc.reason) for row in comparison.groups]
    gap = note(f"  gap: {estimate(comparison.auc_gap)}", comparison.auc_gap.reason)
    return [f"against the reference: {comparison.verdict} ({meaning}); changes of AUC:", *_shortened(rows), gap]


def _shortened(lines: list[str]) -> list[str]:
    more = len(lines) - LONGEST
    return [*lines[:LONGEST], f"and {more} more in audit.json"] if more > 0 else lines


def _thresholds(sections: list[Section], whole: _Whole) -> list[str]:
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
            flag = flag or note("", whole.hinted(section.audit, told[0].reason))
            rows.append((f"  {section.attribute}", "", "", *map(estimate, told), flag))
        lines += aligned(rows)
    return lines
