"""What a document says in plain words: who is served worst, how sure that is, what changed, and what is not shown."""

import math
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter

import numpy as np

from ..document.document import Document
from ..document.estimate import Estimate, Reason
from ..publish import publish
from .chosen import optimism
from .classes import cells, several
from .view import RANKED, Side, View, sides, views, weighted
from .words import (
    ALIKE,
    ALL_EQUAL,
    ALWAYS,
    DISAGREE,
    JUDGED,
    LIMITS,
    OPEN,
    READING,
    STATUSES,
    UNDECIDED,
    UNRATED,
    VERDICTS,
    WORSE,
    YOUDEN,
    listed,
    name,
    number,
    percent,
    reasons,
    threshold,
)

# Names in a list, and groups in a headline.
MOST, NAMED = 8, 3


@dataclass(frozen=True)
class Answer:
    """What one audit says: its kind, a key of `VERDICTS`, that verdict in words, and what it rests on.

    `rank` orders answers: what has most to say comes first, of several classes then the lowest AUC of a cell.
    """

    view: View
    kind: str
    verdict: str
    paragraphs: list[str]
    sides: dict[str, Side]
    rank: tuple[int, float]


def answers(document: Document) -> list[Answer]:
    """Answer for every audit of the document's model, in the document's order.

    Of several classes, most of whose cells may be small, the answer is from what may be shared, everywhere.
    """
    of_classes = several(document)
    every, found = views(publish(replace(document, gate=None)) if of_classes else document), []
    for view, some in zip(every, sides(every), strict=True):
        kind, verdict = _verdict(some)
        known = [auc.value for *_, auc, taking in cells([view]) if taking] if of_classes else [0.0]
        said = [ALL_EQUAL] if Reason("equal_scores") in view.audit.auc.reasons else []
        said += [_rates(view, some, of_classes), _ranking(view, some), *_beside(view, some)]
        rank = [*VERDICTS].index(kind), min(known, default=math.inf)
        found.append(Answer(view, kind, verdict, said, some, rank))
    return found


def headline(found: Sequence[Answer]) -> str:
    """Put the verdicts together in one sentence."""
    if len(found) == 1:
        return found[0].verdict
    counts = Counter(map(attrgetter("kind"), found))
    clear, unknown = counts["worst"] + counts["unequal"], counts["unknown"]
    rest = f"; {unknown} cannot be judged" if unknown else ""
    if unknown == len(found):
        return f"{VERDICTS['unknown']}."
    said = f"{VERDICTS['unequal']} in {clear} of {len(found)} comparisons" if clear else VERDICTS["open"]
    named = dict[str, None]()
    for one in found:
        if one.kind == "worst":
            side = next(side for side in one.sides.values() if side.kind == "beyond")
            named[f"{name(side.groups[0][0])}{one.view.scope}"] = None
    worst = f"Clearly served worst: {listed(list(named), NAMED)}. " if named else ""
    return f"{worst}{said}{rest}."


def reading(found: Sequence[Answer]) -> str:
    """Say how to read the answers: what the words mean that they use."""
    said, policies = READING.format(found[0].view.level) if found else "", set[str]()
    for one in found:
        place = one.view.deployed()
        policies |= set() if place is None else {one.view.audit.thresholds[place].policy}
    return f"{said} {YOUDEN}" if "youden" in policies else said


def _verdict(found: dict[str, Side]) -> tuple[str, str]:
    """Say who is clearly served worst, if anyone is."""
    worst, every, ways = dict[str, None](), True, list[str]()
    parts = dict[tuple[str, bool], list[str]]()
    for question, side in found.items():
        if side.kind == "beyond":
            group = side.groups[0][0]
            worst[group] = None
            every &= side.sure
            ways.append(WORSE[question])
            parts.setdefault((group, side.sure), []).append(WORSE[question])
    said = []
    for (group, sure), some in parts.items():
        what = " and ".join(some)
        said.append(f"{name(group)} {what}" if sure else f"some group {what}, perhaps {name(group)}")
    # False alarms alone may be the price of being found more often.
    if len(worst) == 1 and every and ways != [WORSE["alarmed"]]:
        return "worst", f"{VERDICTS['worst'].format(name(next(iter(worst))))}: it {' and '.join(ways)}."
    if worst:
        missed = found.get("missed")
        said += [OPEN] if missed is not None and missed.kind in ("open", "unknown") else []
        return "unequal", f"{VERDICTS['unequal']}: {'; '.join(said)}."
    kind = "unknown" if set(map(attrgetter("kind"), found.values())) == {"unknown"} else "open"
    alone = "By ranking alone: " if kind == "open" and len(found) == 1 else ""
    return kind, f"{alone}{VERDICTS[kind]}{f', {ALIKE}' if kind == 'open' else ''}."


def _rates(view: View, found: dict[str, Side], of_classes: bool) -> str:
    """Say how many cases are found and how many others flagged, in the worst and the best group."""
    place = view.deployed()
    if place is None:
        if of_classes and (why := view.unrated()):
            return UNRATED.format(reasons(why))
        return UNDECIDED if view.audit.thresholds else "There are no rates here."
    at, missed, alarmed = view.audit.thresholds[place], found["missed"], found["alarmed"]
    where = f"At the threshold {number(at.value)}"
    if math.isnan(at.value):
        where = f"By {threshold(at)}"
    elif at.fitted_on:
        where += f" ({threshold(at)})"
    finds = f"finds an unknown share in some group ({reasons(missed.gap.reasons)})"
    wrong = f"false alarms are unknown in some group ({reasons(alarmed.gap.reasons)})"
    if missed.gap.defined:
        finds = f"finds {_spread(missed, 'of 100 cases')}"
    if alarmed.gap.defined:
        two = missed.gap.defined and len(missed.groups) == 2 == len(alarmed.groups)
        wrong = f"false alarms {_spread(alarmed, 'of 100 others', [*dict(missed.groups)] if two else ())}"
    return f"{where} the model {finds}; {wrong}.{_small(view, missed.small + alarmed.small)}"


def _of(share: Estimate) -> int:
    """Write a share as so many of 100."""
    return round(100 * round(share.value, 2))


def _spread(side: Side, what: str, order: Sequence[str] = ()) -> str:
    """Write the rates of the worst and the best group, or of two in an `order` that needs no names, and their gap."""
    gap, (worst, first), (best, last) = side.gap, side.groups[0], side.groups[-1]
    before, between = ("from ", "to") if len(side.groups) > 2 else ("", "and")
    said = f"{before}{_of(first)} {what} in {name(worst)} {between} {_of(last)} of 100 in {name(best)}"
    if order:
        said = " and ".join(map(str, map(_of, map(dict(side.groups).__getitem__, order)))) + f" {what}"
    ends = f", without an interval ({reasons(gap.reasons)})"
    if gap.bounded:
        ends = f", interval {100 * round(gap.low, 2):.0f} to {100 * round(gap.high, 2):.0f}"
    return f"{said}: {_of(gap)} apart{ends}, {JUDGED[side.kind]}"


def _ranking(view: View, found: dict[str, Side]) -> str:
    """Say how AUCs run from the worst to the best group, and what that shows."""
    side, gap, named = found[RANKED], view.audit.auc_gap, set[str]()
    groups = side.groups
    for question in found:
        named |= {*found[question].small} if question != RANKED else set()
    if not gap.defined or not groups:
        return f"Ranking: which group has the lowest AUC is unknown ({reasons(gap.reasons)})."
    (worst, low), (best, high) = groups[0], groups[-1]
    runs, between = ("runs from", "to") if len(groups) > 2 else ("is", "and")
    ends = (
        f", interval {number(gap.low)} to {number(gap.high)}"
        if gap.bounded
        else f", no interval ({reasons(gap.reasons)})"
    )
    said = f"Ranking: the AUC {runs} {number(low.value)} in {name(worst)} {between} "
    said += f"{number(high.value)} in {name(best)}"
    said += f": {number(gap.value)} apart{ends}, {JUDGED[side.kind]}"
    if side.kind != "unknown":
        detectable = np.fmax.reduce([*map(attrgetter("detectable"), view.audit.pairs)], initial=math.nan)
        missed = "" if math.isnan(detectable) else f"; a true difference under {number(detectable)} may go unseen"
        said += f" (by chance alone up to {number(gap.null_high)} in 19 of 20 audits"
        said += f"{missed if side.kind == 'open' else ''})"
    for row in view.audit.groups:
        if row.group == worst and side.kind in ("beyond", "alone") and not side.sure:
            said += f". It is the lowest in {percent(row.worst_share)} of the resamples, so another group may be"
    return f"{said}.{_small(view, {*side.small} - named)}"


def _small(view: View, groups: Collection[str]) -> str:
    """Warn of groups that have few cases."""
    said = ""
    for row in view.audit.groups:
        said += f" {name(row.group)} is small ({reasons(row.reasons)})." if row.group in groups else ""
    return said


def _beside(view: View, found: dict[str, Side]) -> Iterator[str]:
    """Say where rates and ranking name different groups, one of them clearly, and which rows are left out."""
    missed, ranked, left = found.get("missed"), found[RANKED], list[str]()
    clear = missed and ("beyond", True) in ((missed.kind, missed.sure), (ranked.kind, ranked.sure))
    if missed and missed.groups and ranked.groups and clear:
        first, second = missed.groups[0][0], ranked.groups[0][0]
        if first != second:
            yield DISAGREE.format(name(first), WORSE["missed"], name(second))
    for row in view.audit.groups:
        if row.group in view.audit.excluded:
            about = f"{number(row.n)} rows, {number(row.positives)} cases"
            about += f", AUC {number(row.auc.value)}" if row.auc.defined else ""
            lowest = ranked.groups and round(row.auc.value, 2) < round(ranked.groups[0][1].value, 2)
            left.append(f"{name(row.group)} ({about}{', below every group compared' if lowest else ''})")
    if left:
        yield f"Beside this, left out of the comparison: {listed(left, MOST)}."


def limits(document: Document) -> list[str]:
    """List what this document does not show."""
    every, said, widest, fitted = views(document), [], (0.0, ""), True
    names, excluded, coins = dict[str, list[str]](), dict[str, None](), dict[str, None]()
    for view in every:
        for row in view.audit.groups:
            names.setdefault(row.status, []).append(f"{name(row.group)} ({view.place})")
        known = [*map(attrgetter("prevalence"), view.audit.groups)]
        low, high = np.fmin.reduce(known, initial=math.inf), np.fmax.reduce(known, initial=-math.inf)
        widest = max(widest, (high - low, f"{number(low)} to {number(high)} {view.place}"))
        fitted &= all(map(attrgetter("fitted_on"), view.audit.thresholds))
        excluded |= dict.fromkeys(view.audit.excluded)
        coins |= {f"{number(auc)}{view.scope}": None} if round((auc := view.audit.auc).low, 2) <= 0.5 else {}
    for status, meaning in STATUSES.items():
        said += [f"{status.capitalize()}: {listed(names[status], MOST)}. {meaning}"] if status in names else []
    said += [LIMITS["coin"].format(listed([*coins], MOST))] if coins else []
    said += [LIMITS["excluded"].format(", ".join(map(name, excluded)))] if excluded else []
    said += [] if fitted else [LIMITS["threshold"]]
    said += [LIMITS["prevalence"].format(widest[1])] if widest[0] > 0 else []
    said += [found] if (found := optimism(document)) else []
    said += [LIMITS["class_weights"]] if weighted(document) else []
    repeated = any(map(attrgetter("replications"), document.audits))
    said += [LIMITS["training"]] if document.run and not repeated else []
    return [*said, *([LIMITS["audit"]] if document.job in ("audit", "debias") else []), *ALWAYS]
