from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np
import pytest

from hf_fairtune.document.audit import Audit
from hf_fairtune.document.comparison import MARGIN, Comparison, GroupChange, Verdict
from hf_fairtune.document.document import Document, GateRow, GateVerdict
from hf_fairtune.document.estimate import NAN, Estimate, Reason, undefined
from hf_fairtune.document.run import Base, Model, Run
from hf_fairtune.gate.judge import EXIT, judge, judge_comparison, overall
from hf_fairtune.gate.numbers import known, number_of
from hf_fairtune.gate.rules import FAIL, PASS, UNSURE, Bound, Rule, Rules

from ..document_samples import document

CELLS = {("F", "young"): (40, 60), ("F", "old"): (30, 30), ("M", "young"): (50, 70), ("M", "old"): (20, 45)}
EXACT = document(CELLS, compared=True)
ORDER = {FAIL: 0, UNSURE: 1, PASS: 2}


def judged(made: Document, metric: str, bound: Bound, **about: str) -> list[GateRow]:
    return judge(made, Rules("gate.yaml", (Rule("rule 1", metric, bound, **about),))).rows


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


def with_audit(change: Callable[[Audit], Audit]) -> Document:
    """Return the document with its audits changed."""
    return replace(EXACT, audits=[replace(entry, audit=change(entry.audit)) for entry in EXACT.audits])


@pytest.mark.parametrize("metric", known())
def test_every_metric_is_judged_for_every_attribute_group_and_threshold(metric: str) -> None:
    rows, place = judged(EXACT, metric, Bound(-9, 9)), known()[metric]
    assert {row.verdict for row in rows} == {PASS}
    assert {row.attribute for row in rows} == ({None} if metric == "auc" else {"sex", "age", "sex & age"})
    groups = {"M"} if metric == "auc_difference" else {"F", "M"} if place.by_group else {None}
    assert {row.group for row in rows if row.attribute == "sex"} == (set() if metric == "auc" else groups)
    assert len({row.threshold for row in rows}) == (2 if place.at_threshold else 1)
    assert all(number_of(EXACT, row) is row.found for row in rows)


def test_the_numbers_are_the_audits() -> None:
    audit = EXACT.audits[1].audit
    cut = audit.thresholds[0]
    (row,) = judged(EXACT, "tpr", Bound(0), attribute="sex", threshold="fixed", group="F")
    assert row.found == cut.groups[0].rates["tpr"]
    assert (row.rule, row.metric, row.target, row.split, row.group, row.low, row.high) == (
        1,
        "tpr",
        "y",
        "all",
        "F",
        0,
        None,
    )
    (row,) = judged(EXACT, "equalized_odds_difference", Bound(0, 1), attribute="sex", threshold="youden")
    assert row.found == audit.thresholds[1].gaps["equalized_odds_difference"]
    (row,) = judged(EXACT, "tpr", Bound(0), threshold="fixed", group="overall")
    assert (row.found, row.attribute) == (EXACT.audits[0].audit.thresholds[0].overall.rates["tpr"], None)
    (row,) = judged(EXACT, "brier", Bound(0), group="overall")
    assert EXACT.audits[0].audit.calibration is not None
    assert row.found == EXACT.audits[0].audit.calibration.overall.brier
    rows = judged(EXACT, "group_auc", Bound(0), attribute="sex")
    assert [row.found for row in rows] == [group.auc for group in audit.groups]
    (row,) = judged(EXACT, "auc_difference", Bound(0), attribute="sex")
    assert (row.found, row.group, row.against) == (audit.pairs[0].auc_difference, "M", "F")
    (row,) = judged(EXACT, "average_precision", Bound(0), attribute="sex", group="M")
    assert row.found == audit.groups[1].measures["average_precision"]
    (row,) = judged(EXACT, "average_precision_gap", Bound(0), attribute="sex")
    assert row.found == audit.across["average_precision_gap"]


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


def test_nothing_to_judge_is_no_evidence_and_says_why() -> None:
    def emptied(audit: Audit) -> Audit:
        names = [row.group for row in audit.groups]
        return replace(audit, calibration=None, excluded=names, pairs=[], cross_group=[])

    made = with_audit(emptied)
    for metric, kind in (
        ("brier", "no_probabilities"),
        ("group_auc", "all_excluded"),
        ("auc_difference", "no_reference"),
    ):
        (row,) = judged(made, metric, Bound(-1), attribute="sex")
        assert (row.verdict, row.found, [reason.kind for reason in row.reasons]) == (UNSURE, None, [kind])
    (row,) = judged(EXACT, "auc_difference", Bound(-1), attribute="sex", group="F")
    assert (row.verdict, row.reasons) == (UNSURE, (Reason("is_reference", "F"),))


def test_an_excluded_group_is_judged_only_by_name() -> None:
    made = with_audit(lambda audit: replace(audit, excluded=["F"]))
    assert [row.group for row in judged(made, "group_auc", Bound(0), attribute="sex")] == ["M"]
    assert [row.group for row in judged(made, "group_auc", Bound(0), attribute="sex", group="F")] == ["F"]


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


def test_a_run_is_judged_by_its_own_model_on_its_test_splits() -> None:
    names = [("model", "test"), ("model", "validation"), ("model", "scanner-b"), ("full_baseline", "test")]
    audits = [replace(entry, model=model, split=split) for model, split in names for entry in EXACT.audits]
    models = [Model("model", "FairTune"), Model("full_baseline", "full")]
    data: Any = replace(EXACT.data, test_sets={"scanner-b": "b.csv"})
    run = Run(0, Base("base", "vit", 16, 5))
    made = replace(EXACT, job="train", audits=audits, models=models, data=data, run=run)
    rows = judged(made, "auc", Bound(-9))
    assert [row.split for row in rows] == ["test", "scanner-b"]
    assert all(number_of(made, row) is row.found for row in rows)


def test_verdicts_are_put_together_by_the_worst() -> None:
    assert overall([PASS, PASS]) == PASS
    assert overall([PASS, UNSURE]) == UNSURE
    assert overall([UNSURE, FAIL, PASS]) == FAIL
    assert overall([]) == UNSURE


Interval = tuple[float, float]
NARROW, WIDE = (-MARGIN + 0.001, MARGIN - 0.001), (-0.02, 0.02)
NONE = (NAN, NAN)


def comparison(verdict: Verdict, groups: list[Interval], excluded: list[str] | None = None) -> Comparison:
    """A comparison of which the verdict and the groups' intervals matter."""
    rows = [
        GroupChange(str(i), 40, 20, 20, "ok", (), Estimate((low + high) / 2, low, high, "made up"), NAN)
        for i, (low, high) in enumerate(groups)
    ]
    none = undefined("none")
    return Comparison(0.95, 0, 0, None, 80, 40, 40, excluded or [], none, NAN, none, none, rows, [], verdict)


@pytest.mark.parametrize(
    ("verdict", "groups", "fairer", "spared"),
    [
        ("pareto-better", [(0.01, 0.05), NARROW], PASS, PASS),
        ("level-down", [(-0.05, -0.01), WIDE], FAIL, FAIL),
        ("worse", [(-0.05, -0.01), WIDE], FAIL, FAIL),
        ("mixed", [(0.01, 0.05), (-0.05, -0.01)], FAIL, PASS),
        ("mixed", [(0.01, 0.05), WIDE], UNSURE, PASS),
        ("not shown", [WIDE, WIDE], UNSURE, UNSURE),
        ("not shown", [NARROW, NARROW], UNSURE, PASS),
        ("not shown", [NONE, NARROW], UNSURE, UNSURE),
        ("mixed", [NONE, (0.01, 0.04)], UNSURE, PASS),
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
    found = comparison("mixed", [(0.01, 0.05), (-0.05, -MARGIN - 0.001), (-0.05, -MARGIN + 0.001)])
    assert judge_comparison(found, "fairer") == (FAIL, (Reason("harmed", "1"),))


def test_an_excluded_group_has_no_say() -> None:
    assert judge_comparison(comparison("not shown", [WIDE, (0.08, 0.12)]), "no level-down")[0] == PASS
    assert judge_comparison(comparison("not shown", [WIDE, (0.08, 0.12)], ["1"]), "no level-down")[0] == UNSURE
    assert judge_comparison(comparison("mixed", [WIDE, (-0.12, -0.08)], ["1"]), "fairer")[0] == UNSURE
