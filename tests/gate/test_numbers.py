"""The numbers that a rule judges: which there are, whose they are, and what stands where there is none."""

from dataclasses import replace
from typing import Any

import pytest

from hf_fairtune.document.audit import Audit
from hf_fairtune.document.estimate import Reason
from hf_fairtune.document.run import Base, Model, Run
from hf_fairtune.gate.numbers import known, number_of
from hf_fairtune.gate.rules import PASS, UNSURE, Bound

from .samples import EXACT, judged, with_audit


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
