"""One audit as it is shown: beside the reference's, with the change, and what it answers."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter, itemgetter
from statistics import NormalDist
from typing import Any

from ..audits.threshold_audit import deployed
from ..document.audit import AucGap, Audit, ThresholdAudit
from ..document.comparison import Comparison, ThresholdChange
from ..document.document import Document
from ..document.estimate import NAN, Estimate, Reason
from ..document.replication import Replication
from .words import percent

# By question: the rate, its gap between groups, and whether the lowest or the highest rate is the worst.
RATES = {
    "missed": ("tpr", "equal_opportunity_difference", 1),
    "alarmed": ("fpr", "predictive_equality_difference", -1),
}
RANKED = "ranked"
# Of the cases of which a group has few, those that a question is about.
ABOUT = {"missed": "positives", "alarmed": "negatives", RANKED: ""}
SURE = 0.9
NORMAL = NormalDist()


@dataclass(frozen=True)
class View:
    """An audit of a document's model by the groups of an attribute.

    `audits` are by the title of their model: the reference's, where there is one, then this; `all_rows` is that of all
    rows together; `baselines` are by title what several trainings of both methods show. `title` and `reference` name
    the models, the second "" without one. `target` is the class in words, `scope` target and split, where there are
    several, each after a comma; `place` is attribute and scope. `level` is that of the intervals, `digits` those of a
    number.
    """

    audit: Audit
    comparison: Comparison | None
    baselines: dict[str, Replication]
    audits: dict[str, Audit]
    all_rows: Audit | None
    attribute: str
    target: str
    split: str
    title: str
    reference: str
    scope: str
    place: str
    level: str
    digits: int

    def change(self, at: ThresholdAudit) -> ThresholdChange | None:
        """Return the changes at a threshold of this audit, where they were taken."""
        for found in self.comparison.thresholds if self.comparison else ():
            if (found.policy, found.fitted_on, str(found.value)) == (at.policy, at.fitted_on, str(at.value)):
                return found
        return None

    def deployed(self) -> int | None:
        """Return the place of the shared threshold to answer at: the first fitted one that decides, or the first."""
        return deployed(self.audit.thresholds)

    def unrated(self) -> list[Reason]:
        """Return why rates are unknown at the last shared threshold that decides; nothing where none decides."""
        found = [at.groups for at in self.audit.thresholds if not (at.degenerate or at.by_group)]
        rates = [row.rates[key] for row in found[-1] for key, *_ in RATES.values()] if found else []
        return [one for rate in rates for one in rate.reasons]


def views(document: Document) -> list[View]:
    """Return every audit of the document's model by an attribute, split by split and target by target."""
    found, data = [], document.data
    titles = dict(map(attrgetter("id", "title"), document.models))
    if len(set(titles.values())) < len(titles):
        titles = {id: f"{title} ({id})" for id, title in titles.items()}
    for split in splits(document):
        for target in data.targets:
            scope = f", {target.words}" if len(data.targets) > 1 else ""
            scope += f", on {split}" if len(data.splits) > 1 else ""
            whole = document.find(document.model, split, target.name, None)
            for entry in document.select(document.model, split, target.name):
                attribute, reference = entry.attribute, entry.reference
                if attribute is None:
                    continue
                other = document.find(reference, split, target.name, attribute) if reference else None
                view = View(
                    audit=entry.audit,
                    comparison=entry.comparison,
                    baselines={titles[one.baseline]: one for one in entry.replications},
                    audits=({titles[other.model]: other.audit} if other else {}) | {titles[entry.model]: entry.audit},
                    all_rows=whole.audit if whole else None,
                    attribute=attribute,
                    target=target.words,
                    split=split,
                    title=titles[entry.model],
                    reference=titles[reference] if reference else "",
                    scope=scope,
                    place=f"by {attribute}{scope}",
                    level=f"{percent(entry.audit.confidence)} interval",
                    digits=digits_of(document),
                )
                found.append(view)
    return found


def digits_of(document: Document) -> int:
    """Return how many decimals a document's numbers have: those of one that is shared are rounded to two."""
    return 3 if document.shared is None else 2


@dataclass(frozen=True)
class Side:
    """What one audit answers to a question: who is `missed`, `alarmed` in error or `ranked` worse?

    `groups` that take part stand from worst to best; `small` are those of the two ends with few cases. `kind` is a key
    of `JUDGED`; `sure`: if some group is the worst, it is the first. All is judged in the two digits that are shown,
    so that a shared page says what the own one says.
    """

    gap: Estimate
    groups: list[tuple[str, Estimate]]
    small: list[str]
    kind: str
    sure: bool


def sides(every: Sequence[View]) -> list[dict[str, Side]]:
    """Answer every question of every audit.

    Rates are one family of tests and AUCs are another. The level of every test is divided by the number of gaps of
    its family (Bonferroni), so that the largest of many gaps is not taken for a finding.
    """
    found, tested = list[dict[str, Side]](), {True: 0, False: 0}
    for view in every:
        audit, place, asked = view.audit, view.deployed(), dict[str, tuple[Estimate, dict[str, Estimate], int]]()
        if place is not None:
            at = audit.thresholds[place]
            for question, (key, gap, sign) in RATES.items():
                asked[question] = at.gaps[gap], {}, sign
                for row in at.groups:
                    asked[question][1][row.group] = row.rates[key]
        asked[RANKED] = audit.auc_gap, dict(map(attrgetter("group", "auc"), audit.groups)), 1
        found.append({})
        for question, (total, rows, sign) in asked.items():
            found[-1][question] = _side(view, question, total, rows, sign)
            tested[question == RANKED] += found[-1][question].kind != "unknown"
    for view, some in zip(every, found, strict=True):
        for question, side in some.items():
            kind = _kind(side.gap, 1 - view.audit.confidence, max(1, tested[question == RANKED]))
            some[question] = replace(side, kind="small" if kind == "beyond" and side.small else kind)
    return found


def _side(view: View, question: str, gap: Estimate, rows: Mapping[str, Estimate], sign: int) -> Side:
    """Answer one question of one audit as if it were the only one; with `sign` 1 the lowest number is the worst."""
    known = dict(zip(map(attrgetter("group"), view.audit.groups), view.audit.groups, strict=True))
    taking, small = list[tuple[float, str, Estimate]](), list[str]()
    for group, item in rows.items():
        if group not in view.audit.excluded and item.defined:
            taking.append((sign * item.value, group, item))
    groups = list(map(itemgetter(1, 2), sorted(taking, key=itemgetter(0))))
    for group in dict([*groups[:1], *groups[-1:]]):
        units = "".join(filter(None, map(attrgetter("unit"), known[group].reasons)))
        small += [group] if known[group].status != "ok" and ABOUT[question] in units else []
    sure = len(groups) < 3
    if not sure and question == RANKED:
        sure = known[groups[0][0]].worst_share >= SURE
    elif not sure:
        # Intervals of the worst and the next group do not meet.
        low, high = (groups[0][1], groups[1][1])[::sign]
        sure = round(low.high, 2) < round(high.low, 2)
    return Side(gap, groups, small, _kind(gap, 1 - view.audit.confidence, 1), sure)


def _kind(gap: Estimate, level: float, tested: int) -> str:
    """Judge a gap at a level shared by so many tests: that of AUCs by its p, of rates by its interval made wider."""
    if isinstance(gap, AucGap):
        p = float(f"{gap.p:.2g}")
        if not gap.defined or math.isnan(p):
            return "unknown"
        return "beyond" if p <= level / tested else "alone" if p <= level else "open"
    if not (gap.defined and gap.bounded):
        return "unknown"
    value, low = round(gap.value, 2), round(gap.low, 2)
    wider = NORMAL.inv_cdf(1 - level / tested / 2) / NORMAL.inv_cdf(1 - level / 2)
    # Above 0 in decimals, whose difference has no exact float.
    return "beyond" if value - (value - low) * wider > 1e-9 else "alone" if low > 0 else "open"


def splits(document: Document) -> list[str]:
    """List the splits to show: the test split and further test sets; without any of them the first audited."""
    audited = dict.fromkeys(map(attrgetter("split"), document.select(document.model)))
    tests = list(filter(audited.__contains__, ("test", *document.data.test_sets)))
    return tests or list(audited)[:1]


def prevalences(audit: Audit) -> list[float]:
    """Return the share with the finding in every group and, last, in all rows, as far as their sizes are shown."""
    n, positives, found = audit.n, audit.positives, list(map(attrgetter("prevalence"), audit.groups))
    n = n if audit.effective is None else None
    found.append(positives / n if isinstance(n, int) and isinstance(positives, int) and n else NAN)
    return found


def beside(parts: Iterable[Any], name: str) -> list[tuple[Any, ...]]:
    """Set lists of several audits or thresholds beside each other: what each says of the same group."""
    return list(zip(*map(attrgetter(name), parts), strict=True))


def weighted(document: Document) -> bool:
    """Tell whether the model's probabilities are of classes weighted or drawn, which no calibration has undone."""
    own, repair = document.model_named(document.model).training, document.run and document.run.repair
    calibrated = repair and repair.calibration and repair.calibration.applied
    given = {} if own is None else own.arguments
    shifted = bool(given.get("class_weights")) or given.get("sampler") in ("balanced", "group_label")
    return shifted and not calibrated
