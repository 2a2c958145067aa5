"""What a document says in plain words: who is served worst, how sure that is, what changed, and what is not shown."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ..document.audit import GroupAudit
from ..document.document import Document
from ..document.estimate import Estimate
from .table import Table
from .view import View, views
from .words import (
    COMPARISON_VERDICTS,
    GAP_VERDICTS,
    STATUSES,
    interval,
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
    """What one audit says: its view, the kind of its verdict (a key of `GAP_VERDICTS`), and its paragraphs."""

    view: View
    kind: str
    paragraphs: list[str]

    @property
    def verdict(self) -> str:
        """Put the kind into words."""
        return GAP_VERDICTS[self.kind]


def answers(document: Document) -> list[Answer]:
    """Answer for every audit of the document's model, in the document's order.

    The level of every test is divided by the number of gaps tested (Bonferroni), so that the largest of many gaps is
    not taken for a finding.
    """
    every = views(document)
    tested = sum(not math.isnan(view.audit.auc_gap.p) for view in every)
    return [_answer(view, tested) for view in every]


def headline(found: Sequence[Answer]) -> str:
    """Count the verdicts in one sentence."""
    counts = Counter(one.kind for one in found)
    judged, sure, alone = len(found) - counts["unknown"], counts["beyond"], counts["alone"]
    if not judged:
        return "These rows do not show whether groups are served unequally."
    of = f"Of {len(found)} gaps between groups" if len(found) > 1 else "Of the one gap between groups"
    of += f", {judged} can be judged; of these" if judged < len(found) else ""
    said = f"{of}, {sure or 'none'} {'are' if sure > 1 else 'is'} more than chance explains"
    return f"{said}; {alone} would be if taken alone." if alone else f"{said}."


def _answer(view: View, tested: int) -> Answer:
    gap, level = view.audit.auc_gap, 1 - view.audit.confidence
    kind = "open"
    if not gap.defined or math.isnan(gap.p):
        kind = "unknown"
    elif gap.p <= level:
        kind = "beyond" if gap.p <= level / max(1, tested) else "alone"
    return Answer(view, kind, [text for text in (_lowest(view), _gap(view, kind, tested)) if text])


def _lowest(view: View) -> str:
    """Name the lowest group and how sure that is."""
    lowest = view.audit.min_group_auc
    if not lowest.defined:
        return f"Which group is served worst is unknown ({reasons(lowest.reasons)})."
    row = next((row for row in view.audit.groups if row.group == lowest.group), None)
    if row is None:
        return f"The lowest AUC is {_spoken(view, lowest)}."
    said = f"The lowest AUC is {_spoken(view, lowest)}, in the group {name(row.group)}."
    if not math.isnan(row.worst_share):
        others = "" if row.worst_share >= 0.9 else ", so another group may be the lowest"
        said += f" It is the lowest in {percent(row.worst_share)} of the resamples{others}."
    return said + _small(row)


def _small(row: GroupAudit | None) -> str:
    """Warn of a group whose AUC rests on few cases."""
    few = row is not None and row.status != "ok"
    return (
        f" That group is small ({reasons(row.reasons) or row.status}): a hint, not a finding." if row and few else ""
    )


def _spoken(view: View, found: Estimate) -> str:
    if found.bounded:
        return f"{number(found.value)} ({view.level} {number(found.low)} to {number(found.high)})"
    return f"{number(found.value)} ({'; '.join(filter(None, ['no interval', reasons(found.reasons)]))})"


def _gap(view: View, kind: str, tested: int) -> str:
    """Set the gap against chance."""
    gap = view.audit.auc_gap
    if not gap.defined:
        return "" if not view.audit.min_group_auc.defined else f"The gap is unknown ({reasons(gap.reasons)})."
    best = f", {name(gap.best)}," if gap.best else ""
    row = next((row for row in view.audit.groups if row.group == gap.best), None)
    said = f"The best group{best} lies {_spoken(view, gap)} above it.{_small(row)}"
    if kind == "unknown":
        return f"{said} The gap that chance alone makes is unknown here, so this one is not judged."
    chance = f"{said} If groups did not matter, chance would make a gap of up to {number(gap.null_high)} in 19 of 20 "
    return f"{chance}cases (p = {p_value(gap.p)}): {_judged(view, kind, tested)}"


def _judged(view: View, kind: str, tested: int) -> str:
    if kind == "beyond":
        return "the gap is more than chance explains" + (f", also among {tested} gaps." if tested > 1 else ".")
    if kind == "alone":
        return f"taken alone that is more than chance explains, but among {tested} gaps one such may be chance."
    known = [pair.detectable for pair in view.audit.pairs if not math.isnan(pair.detectable)]
    missed = f"; with so few cases a true difference of {number(max(known))} may go unseen" if known else ""
    return f"chance can explain the gap, which does not show that the groups are equal{missed}."


def answer_table(found: Sequence[Answer]) -> Table:
    """Lay every answer out as a row."""
    rows = []
    for one in found:
        lowest, gap = one.view.audit.min_group_auc, one.view.audit.auc_gap
        rows.append([one.view.place, lowest.group, lowest, gap, gap.null_high, p_value(gap.p), one.verdict])
    header = ["audit", "lowest group", "its AUC", "gap, best - lowest", "gap by chance, up to", "p", "verdict"]
    return Table.of("Every gap between groups", header, rows, digits=found[0].view.digits if found else 2)


def compared(view: View) -> str:
    """Say what the comparison with the reference shows, and what each group gained or lost."""
    found = view.comparison
    if found is None:
        return ""
    said = [f"{view.title} against {view.reference}, {view.place}: {COMPARISON_VERDICTS[found.verdict]}"]
    rows = [row for row in found.groups if row.group not in found.excluded]
    lower = {row.group: row.auc for row in rows if row.auc.low <= 0 <= row.auc.high and row.auc.value < 0}
    said += _moved("The AUC", {row.group: row.auc for row in rows})
    said += [f"The AUC is lower, which chance may explain, for: {_changes(lower)}."] if lower else []
    unknown = [name(row.group) for row in rows if not row.auc.bounded]
    said += [f"No comparison is possible for: {listed(unknown, MOST)}."] if unknown else []
    for at in view.audit.thresholds:
        change = view.change(at)
        if change is None or at.fitted_on is None or any(one.degenerate for one in view.cuts(at).values()):
            continue
        for key in ("tpr", "fpr"):
            moved = {row.group: row.rates[key] for row in change.groups if key in row.rates}
            said += _moved(f"The {metric(key).lower()} at the threshold {threshold(at)}", moved)
    for what, change_ in {"lowest AUC of a group": found.min_group_auc, "gap": found.auc_gap}.items():
        said += [f"The {what} changed by {interval(change_, sign=True)}."] if change_.defined else []
    return " ".join(said)


def _moved(what: str, found: dict[str, Estimate]) -> list[str]:
    """Say for which groups a number rose or fell beyond its interval."""
    rose = {group: item for group, item in found.items() if item.low > 0}
    fell = {group: item for group, item in found.items() if item.high < 0}
    return [f"{what} {verb} for: {_changes(some)}." for verb, some in (("rose", rose), ("fell", fell)) if some]


def _changes(found: dict[str, Estimate]) -> str:
    return listed([f"{name(group)} {interval(item, sign=True)}" for group, item in found.items()], MOST)


def limits(document: Document) -> list[str]:
    """List what this document does not show."""
    every = views(document)
    said = [text for status, meaning in STATUSES.items() for text in _by_status(every, status, meaning)]
    excluded = dict.fromkeys(group for view in every for group in view.audit.excluded)
    if excluded:
        names = ", ".join(map(name, excluded))
        said.append(f"Left out of the lowest group and all differences on request: {names}.")
    if any(at.fitted_on is None for view in every for at in view.audit.thresholds):
        said.append("A threshold that was not fitted on other patients, such as 0.5, may not be the one used in care.")
    said += [*_optimism(document, every), *_prevalence(every), INTERVALS]
    said += [SEEN] if document.job in ("audit", "debias") else []
    said += [ONE_RUN] if document.run else []
    return said + ALWAYS


INTERVALS = (
    "The intervals tell how much the numbers could change with other patients from the same place. They do not cover "
    "another hospital, scanner or population, nor another training of the model."
)
SEEN = "Whether the model saw any of these rows in its training is unknown here; if so, it looks better than it is."
ONE_RUN = "One training run supports statements on this model, not on the method: another seed gives another model."
ALWAYS = [
    "How each attribute was recorded is unknown here: by the patient, by staff, or inferred from an image.",
    "Only the attributes named above were looked at. Within their groups, and for others, the model may be unequal.",
    "AUC within a group does not show how groups rank against each other under a shared threshold; the rates at each "
    "threshold do.",
    "No number here says why groups differ, and none is a permission to use the model.",
]


def _by_status(every: Sequence[View], status: str, meaning: str) -> list[str]:
    names = [f"{name(r.group)} ({view.place})" for view in every for r in view.audit.groups if r.status == status]
    return [f"{status.capitalize()}: {listed(names, MOST)}. {meaning}"] if names else []


def _optimism(document: Document, every: Sequence[View]) -> list[str]:
    """Set the best validation value of a search beside the same measure on the test split."""
    search = document.run.search if document.run else None
    best = next((trial for trial in search.trials if trial.number == search.best_trial), None) if search else None
    if search is None or best is None:
        return []
    key = search.objective.removeprefix("eval_")
    chosen = f"The model was chosen as the best of {len(search.trials)} trials on validation: {key} was "
    chosen += f"{number(best.value)} there"
    audit = next((view.audit for view in reversed(every) if view.entry.split == "test"), None)
    tested = getattr(audit, key, None)
    if not isinstance(tested, Estimate) or not tested.defined:
        return [f"{chosen}, and such a best value is too good."]
    return [
        f"{chosen} and is {number(tested.value)} on test. The best of many is partly luck: believe the test value."
    ]


def _prevalence(every: Sequence[View]) -> list[str]:
    """Say how far apart the shares with the finding are: where they differ, equal shares flagged are no goal."""
    spread = (0.0, 0.0, 0.0, "")
    for view in every:
        known = [row.prevalence for row in view.audit.groups if not math.isnan(row.prevalence)]
        spread = max(spread, (max(known) - min(known), min(known), max(known), view.place)) if known else spread
    difference, low, high, place = spread
    said = f"The share with the finding runs from {number(low)} to {number(high)} {place}. Where groups truly differ "
    said += "in it, flagging equal shares of them (demographic parity) is not a goal of diagnosis."
    return [said] if difference else []
