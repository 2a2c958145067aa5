"""Rules on what a comparison with a reference model says: fairer, or at least nobody worse off for nobody's gain."""

from __future__ import annotations

from typing import Any

from ..errors import FairTuneError
from .bound import FAIL, PASS, UNSURE
from .rules import Rule

# Loss of AUC that "pareto-better" lets pass, as in `audits/levelling.py`.
MARGIN = 0.005
SAYS = "the comparison says: "
Row = dict[str, Any]


def comparisons(document: Row, rule: Rule) -> list[Row]:
    """Return the comparisons of the target and attribute a rule is about.

    Raises:
        FairTuneError: comparisons exist, but of no such target or attribute.
    """
    entries: list[Row] = document["comparisons"]
    for key in ("target", "attribute"):
        asked, known = getattr(rule, key), dict.fromkeys(entry[key] for entry in entries)
        if entries and asked is not None and asked not in known:
            raise FairTuneError(f"{rule.place} is about the {key} `{asked}`; compared are {', '.join(known)}.")
    return [e for e in entries if rule.target in (None, e["target"]) and rule.attribute in (None, e["attribute"])]


def judged(entry: Row, wanted: str) -> tuple[str, str]:
    """Judge a comparison's verdict (see `audits/levelling.py` for their meaning) and say why.

    - "fairer" is kept by "pareto-better", broken by "level-down", by "worse" and where a group's whole interval lies
      more than the margin below 0;
    - "no level-down" is broken by "level-down" and by "worse", which harms without closing the gap; it is kept where
      that is shown: a group rose, or no group's interval reaches below the margin;
    - anything else, "not shown" above all, is insufficient evidence.

    Args:
        entry: of the document's `comparisons`.
        wanted: "fairer" or "no level-down".

    Returns:
        The verdict, and the comparison's own as the reason.
    """
    verdict, reason = entry["verdict"], f"{SAYS}{entry['verdict']}"
    if verdict in ("level-down", "worse"):
        return FAIL, reason
    if verdict == "pareto-better":
        return PASS, reason
    groups = [row["auc"] for row in entry["groups"] if row["group"] not in entry["excluded"]]
    if wanted == "fairer":
        harmed = any(_above(-MARGIN, row["high"]) for row in groups)
        return (FAIL, f"{reason}, a group was harmed") if harmed else (UNSURE, reason)
    rose = any(_above(row["low"], 0.0) for row in groups)
    spared = bool(groups) and all(row["low"] is not None and row["low"] >= -MARGIN for row in groups)
    return (PASS if rose or spared else UNSURE), reason


def _above(first: float | None, second: float | None) -> bool:
    return first is not None and second is not None and first > second
