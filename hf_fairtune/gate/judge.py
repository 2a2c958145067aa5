"""A gate's verdict on an audit: kept only where the whole interval keeps the rule."""

from __future__ import annotations

from typing import Any

from ..errors import FairTuneError
from . import comparison
from .bound import FAIL, PASS, UNSURE, Bound, overall
from .numbers import Cell, Number, numbers
from .rules import Rule, Rules

# Exit status of `fairtune audit --gate`; 2 is bad input, as everywhere.
EXIT = {PASS: 0, FAIL: 1, UNSURE: 3}
HELP = (
    "YAML file of rules, such as `rules: [{metric: min_group_auc, at_least: 0.75}]`, judged on whole confidence "
    "intervals; exit status 0 pass, 1 fail, 3 insufficient evidence."
)
Row = dict[str, Any]


def judge(document: Row, rules: Rules) -> Row:
    """Judge an audit's document by the rules of a gate.

    Every number that a rule is about has a verdict of its own: "pass" if its whole confidence interval keeps the
    rule, "fail" if its whole interval breaks it, else "insufficient evidence"; so has a number that is undefined or
    whose interval is withheld, with the reason. No number at a degenerate threshold keeps a rule: one that hardly
    decides has no differences and no false positives at all. A rule for many groups passes if each keeps it, which
    needs no correction for their number (an intersection-union test); a failure may be one chance among many.

    Args:
        document: of the audit, `audit.json` as a dictionary.
        rules: see `read_rules`.

    Returns:
        `gate` of `audit.schema.json`: file, verdict, and a row a number.

    Raises:
        FairTuneError: a rule is about something the document does not have; the message names the rule.

    Source: Berger 1982, "Multiparameter hypothesis testing and acceptance sampling", on tests of many by each.
    """
    rows = [row for place, rule in enumerate(rules.rules, start=1) for row in _rows(document, rule, place)]
    return {"file": rules.file, "verdict": overall([row["verdict"] for row in rows]), "rules": rows}


def _rows(document: Row, rule: Rule, place: int) -> list[Row]:
    if rule.bound is not None:
        return [_row(rule.metric, rule.bound, number, place) for number in numbers(document, rule)]
    found = comparison.comparisons(document, rule)
    if not found:
        raise FairTuneError(f"{rule.place} is about a comparison, and the audit has none; pass --reference to it.")
    return [_verdict(rule, entry, place) for entry in found]


def _row(metric: str, bound: Bound, number: Number, place: int) -> Row:
    cell = number.cell or Cell({"value": None, "low": None, "high": None, "reason": number.reason})
    found = cell.estimate
    verdict = UNSURE if found["value"] is None else bound.judge(found["low"], found["high"])
    doubt = cell.doubt if verdict != FAIL else None
    return {
        "rule": f"{place}. {_named(metric, cell)}",
        "metric": metric,
        "target": number.target,
        "attribute": number.attribute,
        "verdict": UNSURE if doubt else verdict,
        **{end: found[end] for end in ("value", "low", "high")},
        "bound": str(bound),
        "reason": "; ".join(filter(None, [doubt, found["reason"] or _why(verdict, found)])) or None,
    }


def _named(metric: str, cell: Cell) -> str:
    parts = [metric]
    parts += [f"of `{cell.group}`"] if cell.group else []
    parts += [f"minus `{cell.against}`"] if cell.against else []
    parts += [f"at {cell.threshold}"] if cell.threshold else []
    return " ".join(parts)


def _why(verdict: str, found: Row) -> str | None:
    if verdict != UNSURE:
        return None
    return "no interval" if found["low"] is None else "the interval lies on both sides of the bound"


def _verdict(rule: Rule, entry: Row, place: int) -> Row:
    verdict, reason = comparison.judged(entry, str(rule.verdict))
    return {
        "rule": f"{place}. {entry['model']} against {entry['reference']}",
        "metric": rule.metric,
        "target": entry["target"],
        "attribute": entry["attribute"],
        "verdict": verdict,
        **dict.fromkeys(("value", "low", "high")),
        "bound": str(rule.verdict),
        "reason": reason,
    }
