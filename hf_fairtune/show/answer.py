"""What a document says in plain words: who is served worst, how sure that is, what changed, and what is not shown."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter

import numpy as np

from ..document.document import Document
from ..document.estimate import Estimate
from ..document.run import Search
from .table import Cell, Table
from .view import View, beside, views
from .words import (
    ALWAYS,
    GAP_VERDICTS,
    LIMITS,
    STATUSES,
    comparison,
    listed,
    metric,
    name,
    number,
    p_value,
    percent,
    reasons,
    threshold,
)

MOST = 8


@dataclass(frozen=True)
class Answer:
    """What one audit says: its verdict, a key of `GAP_VERDICTS`, and its paragraphs."""

    view: View
    kind: str
    paragraphs: list[str]


def answers(document: Document) -> list[Answer]:
    """Answer for every audit of the document's model, in the document's order.

    The level of every test is divided by the number of gaps tested (Bonferroni), so that the largest of many gaps is
    not taken for a finding.
    """
    every, found = views(document), []
    tested = np.isfinite([*map(attrgetter("audit.auc_gap.p"), every)]).sum()
    for view in every:
        gap, level, kind = view.audit.auc_gap, 1 - view.audit.confidence, "open"
        if not gap.defined or math.isnan(gap.p):
            kind = "unknown"
        elif gap.p <= level:
            kind = "beyond" if gap.p <= level / max(1, tested) else "alone"
        found.append(Answer(view, kind, [_lowest(view), *_gap(view, kind, int(tested))]))
    return found


def headline(found: Sequence[Answer]) -> str:
    """Count the verdicts in one sentence."""
    counts = Counter(map(attrgetter("kind"), found))
    judged, sure, alone = len(found) - counts["unknown"], counts["beyond"], counts["alone"]
    if not judged:
        return "These rows do not show whether groups are served unequally."
    of = f"Of {len(found)} gaps between groups" if len(found) > 1 else "Of the one gap between groups"
    of += f", {judged} can be judged; of these" if judged < len(found) else ""
    said = f"{of}, {sure or 'none'} {'are' if sure > 1 else 'is'} more than chance explains"
    return f"{said}; {alone} would be if taken alone." if alone else f"{said}."


def _lowest(view: View) -> str:
    """Name the lowest group and how sure that is."""
    lowest = view.audit.min_group_auc
    if not lowest.defined:
        return f"Which group is served worst is unknown ({reasons(lowest.reasons)})."
    if lowest.group is None:
        return f"The lowest AUC is {_interval(view, lowest)}."
    said = f"The lowest AUC is {_interval(view, lowest)}, in the group {name(lowest.group)}."
    for row in view.audit.groups:
        if row.group == lowest.group and not math.isnan(row.worst_share):
            others = "" if row.worst_share >= 0.9 else ", so another group may be the lowest"
            said += f" It is the lowest in {percent(row.worst_share)} of the resamples{others}."
    return said + _small(view, lowest.group)


def _small(view: View, group: str | None) -> str:
    """Warn of a group whose AUC rests on few cases."""
    for row in view.audit.groups:
        if row.group == group and row.status != "ok":
            return f" That group is small ({reasons(row.reasons) or row.status}): a hint, not a finding."
    return ""


def _interval(view: View, found: Estimate) -> str:
    ends = f"{view.level} {number(found.low)} to {number(found.high)}" if found.bounded else "no interval"
    return f"{number(found.value)} ({ends})"


def _gap(view: View, kind: str, tested: int) -> Iterator[str]:
    """Set the gap against chance."""
    gap = view.audit.auc_gap
    if not gap.defined:
        return
    best = f", {name(gap.best)}," if gap.best else ""
    said = f"The best group{best} lies {_interval(view, gap)} above it.{_small(view, gap.best)}"
    chance = f"If groups did not matter, chance would make a gap of up to {number(gap.null_high)} in 19 of 20 cases "
    chance += f"(p = {p_value(gap.p)}):"
    detectable = np.fmax.reduce([*map(attrgetter("detectable"), view.audit.pairs)], initial=math.nan)
    missed = "" if math.isnan(detectable) else f"; a true difference of {number(detectable)} may go unseen"
    judged = {
        "unknown": "The gap that chance alone makes is unknown here, so this one is not judged.",
        "beyond": f"{chance} the gap is more than chance explains{f', also among {tested} gaps' * (tested > 1)}.",
        "alone": f"{chance} taken alone that is more than chance explains, but among {tested} gaps one may be chance.",
        "open": f"{chance} chance can explain the gap, which does not show that the groups are equal{missed}.",
    }
    yield f"{said} {judged[kind]}"


def answer_table(found: Sequence[Answer]) -> Table:
    """Lay every answer out as a row."""
    rows: list[list[Cell]] = []
    for one in found:
        lowest, gap, verdict = one.view.audit.min_group_auc, one.view.audit.auc_gap, GAP_VERDICTS[one.kind]
        rows.append([one.view.place, lowest.group, lowest, gap, gap.null_high, p_value(gap.p), verdict])
    header = ["audit", "lowest group", "its AUC", "gap, best - lowest", "gap by chance, up to", "p", "verdict"]
    return Table.of("Every gap between groups", header, rows, digits=found[0].view.digits if found else 2)


def compared(view: View) -> str:
    """Say what the comparison with the reference shows, and what each group gained or lost."""
    found = view.comparison
    if found is None:
        return ""
    said = [f"{view.title} against {view.reference}, {view.place}: {comparison(found)}"]
    rows = {row.group: row.joint for row in found.groups if row.group not in found.excluded}
    lower = {group: item for group, item in rows.items() if item.low <= 0 <= item.high and item.value < 0}
    said += _moved("The AUC", rows)
    said += [f"The AUC is lower, which chance may explain, for: {_changes(lower)}."] if lower else []
    unknown = [name(group) for group, item in rows.items() if not item.bounded]
    said += [f"No comparison is possible for: {listed(unknown, MOST)}."] if unknown else []
    for cuts in beside(view.audits.values(), "thresholds"):
        at, change = cuts[-1], view.change(cuts[-1])
        if change is None or at.fitted_on is None or any(cut.degenerate for cut in cuts):
            continue
        for key in ("tpr", "fpr"):
            moved = {row.group: row.rates[key] for row in change.groups if key in row.rates}
            said += _moved(f"The {metric(key).lower()} at the threshold {threshold(at)}", moved)
    for what, item in {"lowest AUC of a group": found.min_group_auc, "gap": found.auc_gap}.items():
        said += [f"The {what} changed by {number(item, sign=True)}."] if item.defined else []
    return " ".join(said)


def _moved(what: str, found: dict[str, Estimate]) -> list[str]:
    """Say for which groups a number rose or fell beyond its interval."""
    rose = {group: item for group, item in found.items() if item.low > 0}
    fell = {group: item for group, item in found.items() if item.high < 0}
    return [f"{what} {verb} for: {_changes(some)}." for verb, some in (("rose", rose), ("fell", fell)) if some]


def _changes(found: dict[str, Estimate]) -> str:
    return listed([f"{name(group)} {number(item, sign=True)}" for group, item in found.items()], MOST)


def limits(document: Document) -> list[str]:
    """List what this document does not show."""
    every, said, widest = views(document), [], (0.0, "")
    names: dict[str, list[str]] = {}
    fitted, excluded = True, dict[str, None]()
    for view in every:
        for row in view.audit.groups:
            names.setdefault(row.status, []).append(f"{name(row.group)} ({view.place})")
        known = [*map(attrgetter("prevalence"), view.audit.groups)]
        low, high = np.fmin.reduce(known, initial=math.inf), np.fmax.reduce(known, initial=-math.inf)
        widest = max(widest, (high - low, f"{number(low)} to {number(high)} {view.place}"))
        fitted &= all(map(attrgetter("fitted_on"), view.audit.thresholds))
        excluded |= dict.fromkeys(view.audit.excluded)
    for status, meaning in STATUSES.items():
        said += [f"{status.capitalize()}: {listed(names[status], MOST)}. {meaning}"] if status in names else []
    said += [LIMITS["excluded"].format(", ".join(map(name, excluded)))] if excluded else []
    said += [] if fitted else [LIMITS["threshold"]]
    said += [LIMITS["prevalence"].format(widest[1])] if widest[0] > 0 else []
    said += [_optimism(document.run.search, every)] if document.run and document.run.search else []
    said += [LIMITS["training"]] if document.run else []
    said += [LIMITS["audit"]] if document.job in ("audit", "debias") else []
    return [*said, *ALWAYS]


def _optimism(search: Search, every: Sequence[View]) -> str:
    """Set the best validation value of a search beside the same measure on the test split."""
    value = next((trial.value for trial in search.trials if trial.number == search.best_trial), math.nan)
    key = search.objective.removeprefix("eval_")
    chosen = f"The model was chosen as the best of {len(search.trials)} trials on validation, where {key} was "
    tested = [getattr(view.audit, key) for view in every if view.split == "test" and hasattr(view.audit, key)]
    found = f" and is {number(tested[-1].value)} on test" if tested else ""
    return f"{chosen}{number(value)}{found}. The best of many is partly luck: believe the test value."
