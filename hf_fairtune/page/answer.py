"""The answer of an audit in plain words: who is served worst, how sure that is, whether chance explains the gap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..report.layout import Table, estimate, number
from ..report.paired import is_worse
from .markup import isolated
from .view import Document, View, chance_is_withheld, finding, is_withheld, probability, views

VERDICTS = {
    "beyond": "more than chance explains",
    "alone": "more than chance explains, taken alone",
    "open": "chance can explain the gap",
    "unknown": "cannot be said",
    "untold": "not told here",
}
PRIVATE = (
    "Who is served worst is not told here, for it would give away a count of 1 to 10 patients; the private page, "
    "which stays at home, tells it."
)
FAR = (
    "How far the groups lie apart is not told here, for it would give away a count of 1 to 10 patients; the private "
    "page tells it."
)
CHANCE = (
    "What chance alone would make of this gap is not told here, for it depends on how few patients the smallest group "
    "has; the private page tells it."
)
UNTOLD = (
    "Whether groups are served unequally is not told here, for it would give away counts of 1 to 10 patients; the "
    "private page, which stays at home, tells it."
)
COMPARED = {
    "pareto-better": "{model} is better than {reference} for some group, and none lost more than half an AUC point.",
    "level-down": "levelling down: against {reference} the gap of {model} is smaller, but some lost and none gained.",
    "mixed": "mixed: against {reference}, {model} changed for some group, but gain without harm is not shown.",
    "worse": "{model} is worse than {reference} for some group and shown to be better for none.",
    "withheld": "what {model} changed against {reference} is not told here; the private page tells it.",
    "not shown": "not shown: no group's interval settles whether {model} or {reference} serves it better.",
}


@dataclass(frozen=True)
class Answer:
    """What one audit says: its place, the kind of its verdict (a key of `VERDICTS`), and its paragraphs."""

    place: str
    kind: str
    paragraphs: list[str]

    @property
    def verdict(self) -> str:
        """Put the kind into words."""
        return VERDICTS[self.kind]


def answers(document: Document) -> list[Answer]:
    """Answer for every target and attribute, in the document's order."""
    every = list(views(document))
    tested = sum(view.audit["auc_gap"]["p"] is not None for view in every)
    return [answer(view, tested) for view in every]


def headline(found: Sequence[Answer]) -> str:
    """Count the verdicts in one sentence."""
    counts = {kind: sum(one.kind == kind for one in found) for kind in VERDICTS}
    sure, alone = counts["beyond"], counts["alone"]
    if len(found) == counts["unknown"] + counts["untold"]:
        return UNTOLD if counts["untold"] else "Whether groups are served unequally cannot be said from these rows."
    gaps = f"Of {len(found)} gaps between groups looked at" if len(found) > 1 else "Of the one gap looked at"
    judged = _judged_of(len(found), counts)
    said = f"{gaps}{judged}, {sure or 'none'} {'are' if sure > 1 else 'is'} more than chance explains"
    return f"{said}; {alone} would be if looked at alone." if alone else f"{said}."


def _judged_of(every: int, counts: dict[str, int]) -> str:
    """Say how many gaps are told here, and how many of these can be judged; nothing where that is all."""
    told = every - counts["untold"]
    said = [f"{told} {'are' if told > 1 else 'is'} told here"] if counts["untold"] else []
    said += [f"{told - counts['unknown']} can be judged"] if counts["unknown"] else []
    return f", {' and '.join(said)}; of these" if said else ""


def answer(view: View, tested: int) -> Answer:
    """Answer for one audit, one of `tested` whose gap was tested.

    The level of every test is divided by their number (Bonferroni), so that the largest of many gaps is not taken for
    a finding.
    """
    kind = kind_of(view, tested)
    told = (_lowest(view), _gap(view, kind, tested))
    return Answer(view.place, kind, [" ".join(sentences) for sentences in told if sentences])


def kind_of(view: View, tested: int) -> str:
    """Choose the verdict: "beyond", "alone", "open", "unknown" or "untold"."""
    gap = view.audit["auc_gap"]
    if is_withheld(gap) or chance_is_withheld(gap):
        return "untold"
    if gap["value"] is None or gap["p"] is None:
        return "unknown"
    level = 1 - view.audit["confidence"]
    if gap["p"] <= level / max(1, tested):
        return "beyond"
    return "alone" if gap["p"] <= level else "open"


def _lowest(view: View) -> list[str]:
    """Name the lowest group and how sure that is."""
    lowest = view.audit["min_group_auc"]
    name = lowest["group"]
    if is_withheld(lowest):
        return [PRIVATE]
    if lowest["value"] is None:
        return [f"Who is served worst cannot be said: {_reason(lowest['reason'])}."]
    if name is None:
        return [f"The lowest AUC is {_spoken(view, lowest)}; whose it is is not told."]
    said = [f"The lowest AUC is {_spoken(view, lowest)}, in the group {_quoted(name)}."]
    row = next((row for row in view.audit["groups"] if row["group"] == name), None)
    if row and row["worst_share"] is not None:
        said.append(_how_sure(float(row["worst_share"])))
    return said + _small(view, name, "It is")


def _small(view: View, name: str | None, who: str) -> list[str]:
    """Warn of a group whose AUC rests on few patients."""
    row = next((row for row in view.audit["groups"] if row["group"] == name), None)
    if row is None or row["status"] == "ok":
        return []
    return [f"{who} a small group ({isolated(row['reason'] or row['status'])}): a hint, not a finding."]


def _quoted(name: str) -> str:
    return f'"{isolated(name)}"'


def _how_sure(part: float) -> str:
    sure = "" if part >= 0.9 else ", so another group may be the one" if part >= 0.5 else ", so who it is stays open"
    return f"It stays the lowest in {100 * part:.0f} of 100 redraws of the patients{sure}."


def _spoken(view: View, item: dict[str, float | str | None]) -> str:
    if item["low"] is None or item["high"] is None:
        why = _reason(str(item["reason"]).removeprefix("no interval: ")) if item["reason"] else ""
        if why.lstrip("\u2068").startswith("withheld"):
            return f"{number(_float(item['value']), 2)} (no interval is told here)"
        return f"{number(_float(item['value']), 2)} (no interval{why and ': '}{why})"
    ends = f"{number(_float(item['low']), 2)} to {number(_float(item['high']), 2)}"
    return f"{number(_float(item['value']), 2)} ({view.level} interval {ends})"


def _float(value: float | str | None) -> float | None:
    return None if value is None else float(value)


def _reason(text: object) -> str:
    """Write a reason; of one that lists many groups, the first two."""
    if not text:
        return "no reason is recorded"
    first, *rest = str(text).split(" / ")
    more = f" and {len(rest) - 1} more" if len(rest) > 1 else ""
    return isolated(" / ".join([first, *rest[:1]]), 240) + more


def _gap(view: View, kind: str, tested: int) -> list[str]:
    """Set the gap against chance."""
    gap = view.audit["auc_gap"]
    if is_withheld(gap):
        return [] if is_withheld(view.audit["min_group_auc"]) else [FAR]
    if gap["value"] is None:
        return [] if view.audit["min_group_auc"]["value"] is None else [f"No gap is told: {_reason(gap['reason'])}."]
    best = f", {_quoted(gap['best'])}," if gap["best"] else ""
    lies = f"The best group{best} lies {_spoken(view, gap)} above it."
    said = " ".join([lies, *_small(view, gap["best"], "That is")])
    if chance_is_withheld(gap):
        return [said, CHANCE]
    if gap["null_high"] is None or gap["p"] is None:
        return [said, "What chance alone would make of this gap is not known here, so it is not judged."]
    chance = f"If groups did not matter, chance would give up to {number(gap['null_high'], 2)} in 19 of 20 cases"
    return [said, f"{chance} (p = {probability(gap['p'])}): {_judged(view, kind, tested)}"]


def _judged(view: View, kind: str, tested: int) -> str:
    if kind == "beyond":
        many = f", also when all {tested} gaps looked at are counted" if tested > 1 else ""
        return f"the gap is more than chance explains{many}."
    if kind == "alone":
        return f"taken alone that is more than chance explains, but of {tested} gaps looked at one such may be chance."
    known = [pair["detectable"] for pair in view.audit["pairs"] if pair["detectable"] is not None]
    missed = (
        f"; with these numbers of patients a true difference of {number(max(known), 2)} may go unseen" if known else ""
    )
    return f"chance can explain the gap, which does not show that the groups are equal{missed}."


def answer_table(document: Document) -> Table:
    """Lay every answer out as a row."""
    rows = []
    for view, said in zip(views(document), answers(document), strict=True):
        lowest, gap = view.audit["min_group_auc"], view.audit["auc_gap"]
        names = [lowest["group"] or "–", estimate(lowest), estimate(gap)]
        rows.append([said.place, *names, number(gap["null_high"]), probability(gap["p"]), said.verdict])
    header = ["audit", "lowest group", "its AUC", "gap, best - lowest", "gap by chance, up to", "p", "verdict"]
    return Table("Every target and attribute", header, rows)


def compared(document: Document) -> list[str]:
    """Say what each comparison with a reference model shows."""
    said = []
    for view in views(document):
        for one in view.of("comparisons"):
            kind = "worse" if is_worse(one) else one["verdict"]
            names = {key: isolated(one[key]) for key in ("model", "reference")}
            said.append(f"{_capital(isolated_place(view))}: {COMPARED[kind].format(**names)}")
    return said


def isolated_place(view: View) -> str:
    """Name an audit inside a sentence."""
    many = len(view.document["targets"]) > 1
    by = f"by {isolated(view.attribute)}"
    return f"{isolated(finding(view.document, view.target))}, {by}" if many else by


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def worst_first(found: Sequence[Answer]) -> list[Answer]:
    """Sort answers for the first screen: gaps beyond chance first, the unknown last."""
    order = list(VERDICTS)
    return sorted(found, key=lambda one: order.index(one.kind))
