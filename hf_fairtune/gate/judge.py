"""A gate's verdict on a document: a rule is kept only where the whole interval keeps it."""

import math
from collections.abc import Iterator
from functools import partial

from ..audits.metrics.metric import cut_metrics
from ..document.audit import Audit
from ..document.comparison import Comparison
from ..document.document import Audited, Document
from ..document.estimate import Reason
from ..document.gate import Gate, GateRow, GateVerdict, Wanted
from .check import check_rules, is_threshold
from .numbers import CALIBRATION, OVERALL, Number, numbers, threshold_name
from .rules import FAIL, PASS, UNSURE, Bound, Rule, Rules

# Exit status of `fairtune audit --gate`; 2 is bad input, as everywhere.
EXIT: dict[GateVerdict, int] = {PASS: 0, FAIL: 1, UNSURE: 3}


def judge(document: Document, rules: Rules) -> Gate:
    """Judge a document's model by the rules of a gate, on every test split.

    Every number that a rule is about has a verdict of its own: "pass" if its whole confidence interval keeps the
    rule, "fail" if its whole interval breaks it, else "insufficient evidence"; so has a number that is undefined or
    whose interval is withheld. No number at a degenerate threshold keeps a rule: one that hardly decides has no
    differences and no false positives at all. A rule for many groups passes if each keeps it, which needs no
    correction for their number (an intersection-union test); a failure may be one chance among many.

    Raises:
        FairTuneError: a rule is about something the document does not have; the message names the rule.

    Source: Berger 1982, "Multiparameter hypothesis testing and acceptance sampling", on tests of many by each.
    """
    tests = {"test", *document.data.test_sets}
    entries = [e for e in document.select(document.model) if document.job == "audit" or e.split in tests]
    attributes: dict[str, list[str]] = {}
    for entry in entries:
        if entry.attribute is not None:
            attributes.setdefault(entry.attribute, []).extend(row.group for row in entry.audit.groups)
    thresholds = dict.fromkeys(threshold_name(one) for entry in entries for one in entry.audit.thresholds)
    targets = [target.name for target in document.data.targets]
    check_rules(rules, targets, attributes, list(thresholds), any(entry.comparison for entry in entries))
    rows = [
        row
        for place, rule in enumerate(rules.rules, start=1)
        for entry in entries
        if rule.is_about(entry.target, entry.attribute)
        for row in _rows(entry, rule, place)
    ]
    return Gate(rules.file, overall([row.verdict for row in rows]), rows)


def overall(verdicts: list[GateVerdict]) -> GateVerdict:
    """Put verdicts together: one failure fails, one doubt leaves doubt; of none there is doubt."""
    if FAIL in verdicts:
        return FAIL
    return UNSURE if UNSURE in verdicts or not verdicts else PASS


def _rows(entry: Audited, rule: Rule, place: int) -> list[GateRow]:
    """Judge what an audit has that a rule is about; one row where it has nothing for the rule's group."""
    about = partial(GateRow, place, rule.metric, entry.target, entry.attribute, entry.split)
    if rule.wanted:
        if entry.comparison is None:
            return []
        verdict, reasons = judge_comparison(entry.comparison, rule.wanted)
        said = entry.comparison.verdict
        return [about(verdict, None, entry.reference, wanted=rule.wanted, comparison=said, reasons=reasons)]
    low, high = (end if math.isfinite(end) else None for end in (rule.bound.low, rule.bound.high))
    rows = []
    for number in _asked(entry.audit, rule):
        verdict, reasons = _verdict(number, rule.bound)
        found = number.found if number.found.defined else None
        rows += [
            about(verdict, number.group, number.against, number.threshold, low, high, None, found, reasons=reasons)
        ]
    if rows or rule.group not in (None, OVERALL, *(row.group for row in entry.audit.groups)):
        return rows
    return [about(UNSURE, rule.group, low=low, high=high, reasons=(_nothing(entry.audit, rule),))]


def judge_comparison(comparison: Comparison, wanted: Wanted) -> tuple[GateVerdict, tuple[Reason, ...]]:
    """Judge a comparison's verdict (see `classify` in `audits/verdict.py`), and say who was harmed.

    - "fairer" is kept by "better", broken by "level-down", by "worse" and where a group's whole simultaneous interval
      lies more than the margin below 0;
    - "no level-down" is broken by "level-down" and by "worse", which harms without closing the gap; it is kept where
      a group rose, or of no group a fall by more than the margin is left open;
    - anything else, "not shown" above all, is insufficient evidence.
    """
    if comparison.verdict in ("level-down", "worse"):
        return FAIL, ()
    if comparison.verdict == "better":
        return PASS, ()
    rows = [row for row in comparison.groups if row.group not in comparison.excluded]
    if wanted == "fairer":
        harmed = tuple(Reason("harmed", row.group) for row in rows if row.joint.high < -comparison.margin)
        return (FAIL, harmed) if harmed else (UNSURE, ())
    rose = any(row.joint.low > 0 for row in rows)
    spared = bool(rows) and all(row.fall <= comparison.margin for row in rows)
    return (PASS if rose or spared else UNSURE), ()


def _asked(audit: Audit, rule: Rule) -> Iterator[Number]:
    """Yield the numbers that a rule is about; all rows and groups that are excluded only where it names them."""
    left_out = (OVERALL, *audit.excluded) if rule.group is None else ()
    for number in numbers(audit):
        named = number.group not in left_out and rule.group in (None, number.group)
        if number.metric == rule.metric and named and is_threshold(number.threshold, rule.threshold):
            yield number


def _verdict(number: Number, bound: Bound) -> tuple[GateVerdict, tuple[Reason, ...]]:
    found = number.found
    verdict = bound.judge(found.low, found.high) if found.defined else UNSURE
    why = Reason("both_sides" if found.bounded else "no_interval")
    reasons = found.reasons or ((why,) if verdict == UNSURE else ())
    if number.degenerate and verdict != FAIL:
        return UNSURE, (Reason("degenerate"), *reasons)
    return verdict, reasons


def _nothing(audit: Audit, rule: Rule) -> Reason:
    """Say why an audit has no number for a rule."""
    if rule.metric in CALIBRATION:
        return Reason("no_probabilities")
    if rule.metric in cut_metrics():
        return Reason("no_cut")
    if rule.metric == "auc_difference":
        return Reason("is_reference", rule.group) if rule.group and audit.pairs else Reason("no_reference")
    return Reason("all_excluded")
