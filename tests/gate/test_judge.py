from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np
import pytest

from hf_fairtune.document.comparison import MARGIN, Comparison, Verdict
from hf_fairtune.document.document import Document
from hf_fairtune.document.estimate import NAN, Estimate, Reason, undefined
from hf_fairtune.document.gate import GateVerdict
from hf_fairtune.gate.judge import EXIT, judge, judge_comparison, overall
from hf_fairtune.gate.numbers import known
from hf_fairtune.gate.rules import FAIL, PASS, UNSURE, Bound, Rule, Rules

from ..audits.samples import group_change
from .samples import EXACT, judged, with_audit

ORDER = {FAIL: 0, UNSURE: 1, PASS: 2}


def changed(change: Callable[[Estimate], Estimate]) -> Document:
    """Return the document with every estimate changed."""

    def walk(part: Any) -> Any:
        if isinstance(part, Estimate):
            return change(part)
        if is_dataclass(part) and not isinstance(part, type):
            return replace(part, **{one.name: walk(getattr(part, one.name)) for one in fields(part)})
        if isinstance(part, dict):
            return {key: walk(item) for key, item in part.items()}
        return type(part)(map(walk, part)) if isinstance(part, (list, tuple)) else part

    made: Document = walk(EXACT)
    return made


@pytest.mark.parametrize("metric", known())
def test_a_looser_bound_is_never_harder(metric: str) -> None:
    for ends in (lambda x: (x, math.inf), lambda x: (-math.inf, x)):
        steps = np.linspace(-3, 3, 13) * (1 if ends(0.0)[1] == 0 else -1)
        verdicts = [[ORDER[row.verdict] for row in judged(EXACT, metric, Bound(*ends(step)))] for step in steps]
        assert (np.diff(verdicts, axis=0) >= 0).all()


@pytest.mark.parametrize("metric", known())
@pytest.mark.parametrize("end", ["value", "low", "high"])
def test_nothing_is_kept_or_broken_without_an_interval(metric: str, end: str) -> None:
    made = changed(lambda number: replace(number, **{end: NAN}, reasons=()))
    for bound in (Bound(-9, 9), Bound(-9), Bound(high=9), Bound(9), Bound(high=-9)):
        rows = judged(made, metric, bound)
        assert {row.verdict for row in rows} == {UNSURE}
        assert all(row.reasons for row in rows)
        assert all((row.found is None) == (end == "value") for row in rows)


def test_reasons_of_a_doubt() -> None:
    open_ = changed(lambda number: replace(number, reasons=()))
    value = EXACT.audits[0].audit.auc.value
    (row,) = judged(open_, "auc", Bound(value))
    assert (row.verdict, row.reasons) == (UNSURE, (Reason("both_sides"),))
    (row,) = judged(changed(lambda number: replace(number, low=NAN, reasons=())), "auc", Bound(0))
    assert row.reasons == (Reason("no_interval"),)
    (row,) = judged(EXACT, "auc", Bound(value))
    assert row.reasons == EXACT.audits[0].audit.auc.reasons


def test_a_degenerate_threshold_keeps_no_rule_and_breaks_some() -> None:
    made = with_audit(lambda a: replace(a, thresholds=[replace(cut, degenerate=True) for cut in a.thresholds]))
    for metric, place in known().items():
        rows = judged(made, metric, Bound(-9, 9))
        assert {row.verdict for row in rows} == {UNSURE if place.at_threshold else PASS}
        assert all((row.reasons[:1] == (Reason("degenerate"),)) == place.at_threshold for row in rows)
    assert {row.verdict for row in judged(made, "tpr", Bound(9))} == {FAIL}


def test_verdict_of_a_whole_gate_and_its_exit_status() -> None:
    low = EXACT.audits[0].audit.auc.low
    kept, open_, broken = (Rule("rule", "auc", Bound(low + shift)) for shift in (0.0, 1e-6, 9.0))
    for rules, verdict, status in (
        ((kept, kept), PASS, 0),
        ((kept, open_), UNSURE, 3),
        ((open_, broken, kept), FAIL, 1),
    ):
        found = judge(EXACT, Rules("gate.yaml", rules))
        assert (found.file, found.verdict, EXIT[found.verdict]) == ("gate.yaml", verdict, status)
        assert [row.rule for row in found.rows] == list(range(1, len(rules) + 1))
        again = Document.from_json(replace(EXACT, gate=found).to_json())
        assert again.gate == found


def test_the_verdict_of_a_comparison_is_judged_by_attribute() -> None:
    rules = Rules("g", (Rule("rule 1", "verdict", wanted="no level-down"),))
    rows = judge(EXACT, rules).rows
    assert [row.attribute for row in rows] == ["sex", "age", "sex & age"]
    assert {(row.metric, row.wanted, row.comparison, row.against, row.found) for row in rows} == {
        ("verdict", "no level-down", "not shown", "reference", None)
    }
    for verdict in ("level-down", "worse"):
        first, second, *rest = EXACT.audits
        assert second.comparison is not None
        worse = replace(second, comparison=replace(second.comparison, verdict=verdict))  # type: ignore[arg-type]
        found = judge(replace(EXACT, audits=[first, worse, *rest]), rules)
        assert found.verdict == FAIL
        assert [row.verdict for row in found.rows].count(FAIL) == 1


def test_verdicts_are_put_together_by_the_worst() -> None:
    assert overall([PASS, PASS]) == PASS
    assert overall([PASS, UNSURE]) == UNSURE
    assert overall([UNSURE, FAIL, PASS]) == FAIL
    assert overall([]) == UNSURE


Interval = tuple[float, float]
NARROW, WIDE = (-MARGIN + 0.001, MARGIN - 0.001), (-0.05, 0.05)
NONE = (NAN, NAN)


def comparison(verdict: Verdict, groups: list[Interval], excluded: list[str] | None = None) -> Comparison:
    """A comparison of which the verdict and the groups' intervals matter."""
    rows = [replace(group_change(low, high), group=str(i)) for i, (low, high) in enumerate(groups)]
    none = undefined("none")
    return Comparison(0.95, 0, 0, None, 80, 40, 40, excluded or [], none, NAN, none, none, rows, [], MARGIN, verdict)


@pytest.mark.parametrize(
    ("verdict", "groups", "fairer", "spared"),
    [
        ("better", [(0.01, 0.05), NARROW], PASS, PASS),
        ("level-down", [(-0.05, -0.01), WIDE], FAIL, FAIL),
        ("worse", [(-0.05, -0.01), WIDE], FAIL, FAIL),
        ("gain", [(0.01, 0.05), (-0.08, -0.03)], FAIL, PASS),
        ("gain", [(0.01, 0.05), WIDE], UNSURE, PASS),
        ("not shown", [WIDE, WIDE], UNSURE, UNSURE),
        ("not shown", [NARROW, NARROW], UNSURE, PASS),
        ("not shown", [NONE, NARROW], UNSURE, UNSURE),
        ("gain", [NONE, (0.01, 0.04)], UNSURE, PASS),
        ("not shown", [], UNSURE, UNSURE),
    ],
)
def test_verdicts_of_a_comparison(
    verdict: Verdict, groups: list[Interval], fairer: GateVerdict, spared: GateVerdict
) -> None:
    found = comparison(verdict, groups)
    assert judge_comparison(found, "fairer")[0] == fairer
    assert judge_comparison(found, "no level-down") == (spared, ())


def test_who_was_harmed_is_said() -> None:
    found = comparison("gain", [(0.01, 0.05), (-0.05, -MARGIN - 0.001), (-0.05, -MARGIN + 0.001)])
    assert judge_comparison(found, "fairer") == (FAIL, (Reason("harmed", "1"),))


def test_an_excluded_group_has_no_say() -> None:
    assert judge_comparison(comparison("not shown", [WIDE, (0.08, 0.12)]), "no level-down")[0] == PASS
    assert judge_comparison(comparison("not shown", [WIDE, (0.08, 0.12)], ["1"]), "no level-down")[0] == UNSURE
    assert judge_comparison(comparison("gain", [WIDE, (-0.12, -0.08)], ["1"]), "fairer")[0] == UNSURE
