"""What a comparison with a reference shows: who gained, who lost, and which fall is not excluded."""

import math
from collections.abc import Mapping
from typing import NamedTuple

from ..document.comparison import Comparison, Power, Verdict
from ..document.estimate import Estimate
from .view import View, beside
from .words import COMPARISON_VERDICTS, listed, metric, name, number, threshold

MOST = 8


class Said(NamedTuple):
    """A sentence, and whether it tells of a harm beyond its interval, or leads to one that does: none may cut it."""

    text: str
    harm: bool = False


def compared(view: View) -> str:
    """Say what the comparison with the reference shows, and what each group gained or lost."""
    return " ".join(one.text for one in compared_said(view))


def compared_said(view: View) -> list[Said]:
    """Say it in sentences, the verdict first; none without a comparison."""
    found = view.comparison
    if found is None:
        return []
    lead = f"{view.title} against {view.reference}, {view.place}, these two checkpoints: {comparison(found)}"
    rows = {row.group: row.joint for row in found.groups if row.group not in found.excluded}
    said = list[Said]()
    lower = {group: item for group, item in rows.items() if item.low <= 0 <= item.high and item.value < 0}
    said += [Said(f"{text}.", harm) for text, harm in _moved("The AUC", rows)]
    said += [Said(f"The AUC is lower, which chance may explain, for: {_changes(lower)}.")] if lower else []
    unknown = [name(group) for group, item in rows.items() if not item.bounded]
    said += [Said(f"No comparison is possible for: {listed(unknown, MOST)}.")] if unknown else []
    for cuts in beside(view.audits.values(), "thresholds"):
        at, change = cuts[-1], view.change(cuts[-1])
        if change is None or at.fitted_on is None or any(cut.degenerate for cut in cuts):
            continue
        moves = list[Said]()
        for key, sign in (("tpr", 1), ("fpr", -1)):
            moved = {row.group: row.rates[key] for row in change.groups if key in row.rates}
            moves += _moved(f"the {metric(key).lower()}", moved, sign)
        text = f"At the threshold {threshold(at)}: {'; '.join(move.text for move in moves)}."
        said += [Said(text, any(move.harm for move in moves))] if moves else []
    lowest, gap = found.min_group_auc, found.auc_gap
    for what, item, harm in (("lowest AUC of a group", lowest, lowest.high < 0), ("gap", gap, gap.low > 0)):
        said += [Said(f"The {what} changed by {number(item, sign=True)}.", harm)] if item.defined else []
    said += [Said(f"With these cases {power(found.power, found.margin)}.")] if found.power else []
    return [Said(lead, any(one.harm for one in said)), *said]


def power(found: Power, margin: float) -> str:
    """Say which gain would be found and which fall excluded; judged in the two digits that are shown."""
    gains, falls = ({row.group: round(getattr(row, side), 2) for row in found.groups} for side in ("gain", "fall"))
    known = [fall for fall in falls.values() if not math.isnan(fall)]
    if not known:
        return "no change of AUC could be shown, as every group has too few cases"
    reach = "is within" if len(known) == len(falls) and max(known) <= margin else "is beyond"
    ends = " to ".join(dict.fromkeys(map(number, (min(known), max(known)))))
    return (
        f"4 of 5 comparisons would find {_gains(gains)}, and where nothing changed exclude a fall of more than "
        f"{ends}, which {reach} the margin of {margin:g}; at AUC {number(found.auc)} and scores correlated by "
        f"{number(found.correlation)}"
    )


def _gains(found: dict[str, float]) -> str:
    """Write the least and the most of the groups' gains, and for whom there is none; or that there is none at all."""
    known = {group: gain for group, gain in found.items() if not math.isnan(gain)}
    ends = {number(known[group]): name(group) for group in sorted(known, key=lambda group: known[group])}
    if not known:
        return "no gain of AUC, however large"
    # One gain of all needs no name.
    said = [f"{gain} ({group})" for gain, group in ends.items()] if len(ends) > 1 else [*ends]
    without = listed([name(group) for group in found if group not in known], 3, ", ")
    least_and_most = " to ".join(said[:: max(1, len(said) - 1)])
    return f"a gain of AUC of {least_and_most}" + (f" (none for {without})" if without else "")


def _moved(what: str, found: dict[str, Estimate], sign: int = 1) -> list[Said]:
    """Say for which groups a number rose or fell beyond its interval; with `sign` -1 a rise of it is a harm."""
    rose = {group: item for group, item in found.items() if item.low > 0}
    fell = {group: item for group, item in found.items() if item.high < 0}
    moves = ("rose", rose, sign < 0), ("fell", fell, sign > 0)
    return [Said(f"{what} {verb} for: {_changes(some)}", harm) for verb, some, harm in moves if some]


def _changes(found: dict[str, Estimate]) -> str:
    return listed([f"{name(group)} {number(item, sign=True)}" for group, item in found.items()], MOST)


def comparison(found: Comparison) -> str:
    """Say what a comparison shows: who gained, who lost, and how far a fall is not excluded."""
    rows = {row.group: (row.joint, row.fall) for row in found.groups if row.group not in found.excluded}
    return verdict(found.verdict, rows, found.margin)


def verdict(found: Verdict, changes: Mapping[str, tuple[Estimate, float]], margin: float) -> str:
    """Word a verdict on the changes of the groups' AUCs, each with how far it may have fallen."""
    rose = [name(group) for group, (change, _) in changes.items() if change.low > 0]
    fell = [name(group) for group, (change, _) in changes.items() if change.high < 0]
    open_ = [f"worse for {listed(fell, comma=', ')}"] if fell else []
    for group, (change, fall) in changes.items():
        # A fall that is shared in two digits may be that of the margin.
        if change.low <= 0 <= change.high and (fall > margin or (found == "gain" and fall >= margin)):
            open_.append(f"for {name(group)} a fall of up to {number(fall)} is not excluded")
        elif not change.defined:
            open_.append(f"for {name(group)} nothing is known")
    said = {"rose": listed(rose, comma=", "), "fell": listed(fell, comma=", "), "open": listed(open_)}
    return COMPARISON_VERDICTS[found].format(**said, margin=f"{margin:g}")
