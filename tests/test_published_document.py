"""A published document as a whole: what of a run, its gate and its paths is shared, and that it is a fixed point."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import pytest

from hf_fairtune.document.document import Document
from hf_fairtune.document.estimate import Estimate
from hf_fairtune.document.gate import Gate, GateRow
from hf_fairtune.document.ladder import Ladder, Rung
from hf_fairtune.document.run import (
    Base,
    CalibrationFacts,
    ExternalSet,
    MethodFacts,
    Model,
    Repair,
    Run,
    SoftMaskFacts,
    Step,
    Training,
)
from hf_fairtune.document.search import Candidate, Choice, Search, Trial
from hf_fairtune.publish import publish

from .document_samples import SMALL_CELL, document


def a_ladder() -> Ladder:
    """Build one rung, judged by the interval of a group's AUC."""
    value = Estimate(0.712345, 0.612345, 0.812345, "sup-t")
    row = GateRow(1, "group_auc", "y", "sex", "validation", "fail", "F", low=0.8, found=value)
    rungs = [Rung("dfr", "DFR", 2.345678, value, "fail", [row])]
    return Ladder("gate.yaml", "sex", value, rungs, [], "dfr", False, best="dfr", error=0.0123456)


def a_run(cell: int = 60) -> Document:
    """Build the document of a repair on a balanced set, with a search, a gate and paths."""
    log = [{"epoch": 0.333333, "step": 17.0, "eval_auc": 0.812345, "eval_auc_F": 0.7, "eval_samples_per_second": 3.0}]
    facts: dict[str, Any] = {"bias_weight": 0.123456, "empty_cells": 3, "cell": "dark", "kept": True}
    step = Step("head", 3.0, 0.000123456, 14.0, batches=17, facts=facts, log=log)
    method = MethodFacts("swift", "SWiFT", "@article{a, url = {https://a.org/b/c}}", {"importance": "whole"})
    training = Training(method, 5, [step], {"output": "/home/ann/out"}, soft_mask=SoftMaskFacts("soft", 241, 2, []))
    trial = Trial(0, "COMPLETE", None, {}, [1], 0.000123456, 5, 0.812345, {"1": 0.798765}, 1.0, "see /home/ann/log")
    choice = Choice("one_se", "the smallest", [Candidate(0, 0.812345, 0.701234, 0.012345)], 24.0)
    worse = Trial(1, "COMPLETE", None, {}, [1], 0.001, 5, 0.9, {}, 1.0, infeasible=["min_auc", "/home/ann/floor"])
    stopped = replace(trial, number=2, state="PRUNED", value=math.nan, message=None, stopped_by="hours")
    every = [trial, worse, stopped]
    search = Search("default", "min_group_auc", "maximize", 8, 1.0, 3.0, 0, 1.0, every, 0.625, 0.333333, True, choice)
    fitted = CalibrationFacts(1.5, 0.1, "validation", 0.6, 0.5, True)
    repair = Repair(ExternalSet("external", "train", 1.0, False), "classifier", fitted, 3.0)
    made = document(SMALL_CELL, compared=True)
    made.data.splits["external"] = document({("F",): (cell, cell), ("M",): (cell, cell)}).data.splits["all"]
    made.data.splits["validation"] = document({("F",): (6, 60), ("M",): (60, 60)}).data.splits["all"]
    cut = made.audits[-1].audit.thresholds[0]
    name = f"{cut.value:g}"
    rows = [
        GateRow(1, "tpr", "y", "sex & age", "all", "fail", row.group, threshold=name, low=0.9, found=row.rates["tpr"])
        for row in cut.groups
    ]
    return replace(
        made,
        job="debias",
        models=[Model("model", "/data/model", training)],
        run=Run(0, Base("/models/base", "vit", 16, 5), search, repair, ladder=a_ladder()),
        gate=Gate("gate.yaml", "fail", rows),
        arguments={"dataset": "/home/ann/data/table.csv", "group": ["sex", "C:\\study\\x.csv"], "seed": 0},
    )


@pytest.mark.parametrize("sharing", ["rates", "auc"])
def test_publishing_again_changes_nothing(sharing: Any) -> None:
    exact = a_run()
    shared = publish(exact, sharing)
    text = shared.to_json()
    assert publish(shared, sharing).to_json() == text
    assert publish(shared).to_json() == text
    assert publish(publish(exact), sharing).to_json() == text
    assert Document.from_json(text).to_json() == text


def test_the_exact_document_stays_whole() -> None:
    exact = a_run()
    text = exact.to_json()
    publish(exact)
    publish(exact, "auc")
    assert exact.to_json() == text


def test_only_aucs_and_verdicts_with_sharing_auc() -> None:
    exact = document(SMALL_CELL, compared=True)
    shared, alone = publish(exact), publish(exact, "auc")
    assert (shared.shared, alone.shared) == ("rates", "auc")
    for before, after in zip(shared.audits, alone.audits, strict=True):
        audit = after.audit
        for name in ("auc", "min_group_auc", "auc_gap", "es_auc", "cross_group", "ranking"):
            assert repr(getattr(audit, name)) == repr(getattr(before.audit, name))
        assert repr([row.auc for row in audit.groups]) == repr([row.auc for row in before.audit.groups])
        assert [row.status for row in audit.groups] == [row.status for row in before.audit.groups]
        assert (audit.thresholds, audit.roc) == ([], [])
        assert (audit.reliability, audit.decision, audit.calibration) == (None, None, None)
        assert all(math.isnan(row.prevalence) and not row.measures for row in audit.groups)
        if after.comparison and before.comparison:
            assert after.comparison.auc == before.comparison.auc
            assert after.comparison.verdict == before.comparison.verdict
            assert after.comparison.thresholds == []
    sizes = [json.loads(document_.to_json())["data"]["splits"]["all"] for document_ in (shared, alone)]
    assert sizes[0]["n"] == 1185
    assert sizes[1]["n"] is sizes[1]["positives"]["y"] is sizes[1]["attributes"][0]["levels"][0]["n"] is None


def test_facts_of_a_run() -> None:
    shared = publish(a_run())
    training = shared.models[0].training
    assert training is not None
    (step,) = training.steps
    assert step.log == [{"epoch": 0.33, "eval_auc": 0.81}]
    assert step.facts == {"bias_weight": 0.12, "empty_cells": "<8", "cell": "dark", "kept": True}
    assert step.learning_rate == 0.000123456
    assert shared.run is not None
    assert shared.run.search is not None
    trial, worse, stopped = shared.run.search.trials
    # Names and a floor that was asked for, no numbers of rows.
    assert (trial.infeasible, worse.infeasible, shared.run.search.min_auc) == ([], ["min_auc", "floor"], 0.625)
    # What a user chose, and why a trial ended, is no number of patients.
    assert (shared.run.search.max_hours, shared.run.search.out_of_hours) == (0.333333, True)
    assert (trial.stopped_by, stopped.stopped_by, stopped.values) == (None, "hours", {"1": 0.8})
    assert (trial.value, trial.values, trial.learning_rate) == (0.81, {"1": 0.8}, 0.000123456)
    choice = shared.run.search.selection
    assert choice == Choice("one_se", "the smallest", [Candidate(0, 0.81, 0.7, 0.01)], 24.0)
    alone = publish(a_run(), "auc").run
    assert alone is not None
    assert alone.search is not None
    assert alone.search.selection is not None
    # What was searched may be a rate.
    assert repr(alone.search.selection.candidates) == "[Candidate(trial=0, value=nan, bound=nan, error=nan)]"
    text = shared.to_json()
    assert not [place for place in ("/home", "/data/", "/models", "study\\\\") if place in text]
    assert (shared.arguments["dataset"], shared.arguments["group"]) == ("table.csv", ["sex", "x.csv"])
    assert "https://a.org/b/c" in training.method.citation


def test_the_sum_of_a_balanced_set_would_tell_its_cells() -> None:
    shared = publish(a_run(cell=6))
    external = shared.data.splits["external"]
    assert {external.n, *(level.n for part in external.attributes for level in part.levels)} == {None}
    training = shared.models[0].training
    assert training is not None
    assert training.soft_mask is not None
    assert (training.steps[0].batches, training.soft_mask.rows) == (None, None)
    training = publish(a_run()).models[0].training
    assert training is not None
    assert training.steps[0].batches == 15


def test_a_gate_shows_the_published_numbers_and_keeps_its_verdicts() -> None:
    for sharing in ("rates", "auc"):
        shared = publish(a_run(), sharing)
        assert shared.gate is not None
        found = {row.group: row.found for row in shared.gate.rows}
        assert {row.verdict for row in shared.gate.rows} == {"fail"}
        if sharing == "auc":
            assert set(found.values()) == {None}
            continue
        assert found.pop("F & >60") is None
        rates = {row.group: row.rates["tpr"] for row in shared.audits[-1].audit.thresholds[0].groups}
        assert found == {group: rates[str(group)] for group in found}


def test_numbers_of_a_ladder_are_withheld_where_a_group_of_validation_is_small() -> None:
    """And rounded where none is; verdicts stay, and with AUCs alone no other number does."""
    made = a_run()
    for validation, wanted in ((made.data.splits["validation"], math.nan), (made.data.splits["external"], 0.71)):
        own = replace(made, data=replace(made.data, splits=made.data.splits | {"validation": validation}))
        shown = publish(own).run
        assert shown is not None
        assert shown.ladder is not None
        (rung,) = shown.ladder.rungs
        values = [shown.ladder.before.value, rung.value.value]
        assert values == pytest.approx([wanted, wanted], nan_ok=True)
        assert math.isnan(shown.ladder.error) == math.isnan(wanted)
        found = rung.rows[0].found
        assert (found is None) == math.isnan(wanted)
        assert found is None or found == Estimate(0.71, 0.61, 0.81, "sup-t")
        assert (rung.verdict, rung.rows[0].verdict) == ("fail", "fail")
        few = publish(own, "auc").run
        assert few is not None
        assert few.ladder is not None
        assert few.ladder.rungs[0].rows == []
