"""What a published document shows: the exact numbers rounded, or withheld by the rule, and no small size."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from hf_fairtune.disclosure import rounded
from hf_fairtune.document.audit import Audit
from hf_fairtune.document.comparison import Comparison
from hf_fairtune.document.document import Document, Gate, GateRow
from hf_fairtune.document.estimate import Estimate, Reason
from hf_fairtune.document.run import (
    Base,
    CalibrationFacts,
    ExternalSet,
    MethodFacts,
    Model,
    Repair,
    Run,
    Search,
    SoftMaskFacts,
    Step,
    Training,
    Trial,
)
from hf_fairtune.publish import publish

from .document_samples import Cells, document, random_cells

# A class that a number needs, and in which group; None is all rows.
Need = tuple[str | None, str]
BOTH = ("positives", "negatives")
ONE_CLASS = {"tpr": ("positives",), "fpr": ("negatives",), "tnr": ("negatives",)}
ONE_CLASS |= {"equal_opportunity_difference": ("positives",), "predictive_equality_difference": ("negatives",)}
CELLS: Cells = {("F", "<=60"): (140, 300), ("M", "<=60"): (150, 320), ("F", ">60"): (7, 130), ("M", ">60"): (58, 80)}


def needed(names: list[str | None], metric: str = "") -> list[Need]:
    """List what a number of some groups needs."""
    return [(name, unit) for name in names for unit in ONE_CLASS.get(metric, BOTH)]


def estimates(audit: Audit) -> Iterator[tuple[str, Estimate, list[Need]]]:
    """Yield every estimate of an audit with what it needs, one field after the other."""
    taking: list[str | None] = [row.group for row in audit.groups if row.group not in audit.excluded]
    yield "auc", audit.auc, needed([None])
    for name in ("min_group_auc", "auc_gap", "es_auc"):
        yield name, getattr(audit, name), needed(taking)
    for kind, names in (("measures", [None]), ("across", taking)):
        for metric, found in getattr(audit, kind).items():
            yield f"{kind} {metric}", found, needed(names)
    for row in audit.groups:
        yield f"auc {row.group}", row.auc, needed([row.group])
        for metric, found in row.measures.items():
            yield f"{metric} {row.group}", found, needed([row.group])
    for pair in audit.pairs:
        yield f"pair {pair.group}", pair.auc_difference, needed([pair.group, pair.reference])
    for crossing in audit.cross_group:
        for metric, own, other in (("bpsn", *reversed(BOTH)), ("bnsp", *BOTH)):
            yield (
                f"{metric} {crossing.group}",
                getattr(crossing, metric),
                [
                    (crossing.group, own),
                    (crossing.group, f"{other}_of_others"),
                ],
            )
    for points in audit.operating_points:
        for name, row in [(None, points.overall), *((row.group, row) for row in points.groups)]:
            yield f"point {name}", row.value, needed([name])
    if audit.calibration:
        calibrated = [(None, audit.calibration.overall), *((row.group, row) for row in audit.calibration.groups)]
        for name, line in calibrated:
            for metric in ("brier", "slope", "intercept"):
                yield f"{metric} {name}", getattr(line, metric), needed([name])
    for place, cut in enumerate(audit.thresholds):
        for name, decided in [(None, cut.overall), *((row.group, row) for row in cut.groups)]:
            for metric, found in decided.rates.items():
                yield f"{place} {metric} {name}", found, needed([name], metric)
        for metric, found in cut.gaps.items():
            yield f"{place} {metric}", found, needed(taking, metric)


def changes(comparison: Comparison) -> Iterator[tuple[str, Estimate, list[Need]]]:
    """Yield every estimate of a comparison with what it needs."""
    taking: list[str | None] = [row.group for row in comparison.groups if row.group not in comparison.excluded]
    yield "auc", comparison.auc, needed([None])
    yield "min", comparison.min_group_auc, needed(taking)
    yield "gap", comparison.auc_gap, needed(taking)
    for row in comparison.groups:
        yield f"auc {row.group}", row.auc, needed([row.group])
    for cut in comparison.thresholds:
        for decided in cut.groups:
            for metric, found in decided.rates.items():
                yield f"{metric} {decided.group}", found, needed([decided.group], metric)
        for metric, found in cut.gaps.items():
            yield metric, found, needed(taking, metric)


def cases(exact: Audit | Comparison, need: Need) -> int:
    """Count what a number needs."""
    name, unit = need
    if unit.endswith("_of_others"):
        others = [row for row in exact.groups if row.group != name and row.group not in exact.excluded]
        return sum(int(getattr(row, unit.removesuffix("_of_others"))) for row in others)
    rows = {None: exact} | {row.group: row for row in exact.groups}
    return int(getattr(rows[name], unit))


def same(first: float, second: float) -> bool:
    return first == second or (math.isnan(first) and math.isnan(second))


def held(part: Any, kind: type) -> list[Any]:
    """List all parts of a kind, however deep."""
    if isinstance(part, kind):
        return [part]
    inner = [getattr(part, f.name) for f in fields(part)] if is_dataclass(part) and not isinstance(part, type) else []
    inner += list(part.values()) if isinstance(part, dict) else list(part) if isinstance(part, (list, tuple)) else []
    return [found for item in inner for found in held(item, kind)]


def check_numbers(exact: Document, shared: Document) -> int:
    """Compare every estimate with the slow rule; count those that are withheld for few cases."""
    withheld = 0
    for before, after in zip(exact.audits, shared.audits, strict=True):
        parts: list[tuple[Any, Any, Any]] = [(estimates, before.audit, after.audit)]
        parts += [(changes, before.comparison, after.comparison)] if before.comparison else []
        for listed, old, new in parts:
            numbers = list(listed(old))
            assert len(numbers) == len(held(old, Estimate))
            for (name, number, needs), (_, found, _) in zip(numbers, listed(new), strict=True):
                few = tuple(Reason("few_cases", *need, needed=10) for need in needs if cases(old, need) < 10)
                withheld += bool(few)
                if "1 net_benefit" in name and not few:
                    # At 0.618 a false alarm counts 1.6 patients: it would tell more digits of the prevalence.
                    few = (Reason("steep_cut"),)
                ends = [getattr(number, end) for end in ("value", "low", "high")]
                wanted = [math.nan if few else round(end, 2) for end in ends]
                assert all(map(same, (found.value, found.low, found.high), wanted)), name
                assert found.reasons == few or not few, name
    return withheld


@pytest.mark.parametrize("seed", range(12))
def test_every_number_is_the_exact_one_rounded_or_withheld_by_the_rule(seed: int) -> None:
    rng = np.random.default_rng(seed)
    cells = random_cells(rng, width=1 + seed % 3)
    exclude = ("sex0",) if seed % 4 == 0 and len({cell[0] for cell in cells}) > 1 else ()
    exact = document(cells, compared=seed % 2 == 1, exclude=exclude, seed=seed)
    assert check_numbers(exact, publish(exact))


def test_nothing_is_withheld_where_every_group_has_ten_cases_a_class() -> None:
    exact = document(dict(CELLS) | {("F", ">60"): (10, 130)}, compared=True)
    assert check_numbers(exact, publish(exact)) == 0


def test_a_small_cell_withholds_itself_and_no_single_group() -> None:
    shared = publish(document(CELLS))
    everyone, sex, age, joint = (entry.audit for entry in shared.audits)
    for audit in (everyone, sex, age):
        assert {number.reasons for number in held(audit, Estimate) if not number.defined} <= {(Reason("steep_cut"),)}
    rows = {row.group: row for row in joint.thresholds[0].groups}
    assert {name for name, row in rows.items() if not row.rates["tpr"].defined} == {"F & >60"}
    assert rows["F & >60"].rates["fpr"].defined
    assert not joint.auc_gap.defined
    assert (joint.auc_gap.worst, joint.min_group_auc.group, joint.ranking) == (None, None, None)
    assert [row.worst_share for row in joint.groups if not math.isnan(row.worst_share)] == []
    assert all(not math.isnan(row.worst_share) for row in age.groups)


def test_p_values_go_with_their_numbers_and_keep_two_digits() -> None:
    exact = document(CELLS, compared=True)
    shared = publish(exact)
    for before, after in zip(exact.audits, shared.audits, strict=True):
        for old, new in zip(before.audit.pairs, after.audit.pairs, strict=True):
            numbers = (new.p, new.p_adjusted, new.detectable)
            if "F & >60" in (new.group, new.reference):
                assert all(map(math.isnan, numbers))
                assert new.positives_wanted is new.negatives_wanted is None
            else:
                assert numbers[0] == float(f"{old.p:.2g}")
                assert (new.positives_wanted, new.negatives_wanted) == (440, 1300)


def test_sizes_counts_and_cuts() -> None:
    exact = document(CELLS)
    shared = publish(exact)
    joint = shared.audits[-1].audit
    assert [(row.n, row.positives, row.negatives) for row in joint.groups] == [
        (440, 140, 300),
        (470, 150, 320),
        (135, "<8", 130),
        (140, 60, 80),
    ]
    assert [row.prevalence for row in joint.groups][:2] == [round(140 / 440, 2), round(150 / 470, 2)]
    assert math.isnan(joint.groups[2].prevalence)
    assert {(row.true_positives, row.false_positives) for cut in joint.thresholds for row in cut.groups} == {
        (None, None)
    }
    fixed, youden = joint.thresholds
    before = exact.audits[-1].audit.thresholds
    assert fixed.value == before[0].value
    assert youden.value == float(f"{before[1].value:.2g}")
    assert all(math.isnan(row.threshold) for points in joint.operating_points for row in points.groups)
    assert {reason.count for reason in held(shared, Reason)} == {None}


def test_curves_are_of_large_groups_and_coarse() -> None:
    joint = publish(document(CELLS)).audits[-1].audit
    assert [curve.group for curve in joint.roc] == ["F & <=60", "M & <=60", "M & >60"]
    assert joint.reliability is not None
    assert [curve.group for curve in joint.reliability] == ["F & <=60", "M & <=60", "M & >60"]
    for curve in joint.roc:
        assert len(curve.fpr) == len(curve.tpr) == 20
        assert (curve.fpr[0], curve.tpr[0], curve.fpr[-1], curve.tpr[-1]) == (0, 0, 1, 1)
        assert curve.fpr == [round(x, 2) for x in curve.fpr] == sorted(curve.fpr)
    assert {one.n for curve in joint.reliability for one in curve.bins} == {None}


def test_only_aucs_and_verdicts_with_sharing_auc() -> None:
    exact = document(CELLS, compared=True)
    shared, alone = publish(exact), publish(exact, "auc")
    assert (shared.shared, alone.shared) == ("rates", "auc")
    for before, after in zip(shared.audits, alone.audits, strict=True):
        audit = after.audit
        for name in ("auc", "min_group_auc", "auc_gap", "es_auc", "cross_group", "ranking"):
            assert repr(getattr(audit, name)) == repr(getattr(before.audit, name))
        assert repr([row.auc for row in audit.groups]) == repr([row.auc for row in before.audit.groups])
        assert [row.status for row in audit.groups] == [row.status for row in before.audit.groups]
        assert (audit.thresholds, audit.roc, audit.reliability, audit.calibration) == ([], [], None, None)
        assert all(math.isnan(row.prevalence) and not row.measures for row in audit.groups)
        if after.comparison and before.comparison:
            assert after.comparison.auc == before.comparison.auc
            assert after.comparison.verdict == before.comparison.verdict
            assert after.comparison.thresholds == []
    sizes = [json.loads(document_.to_json())["data"]["splits"]["all"] for document_ in (shared, alone)]
    assert sizes[0]["n"] == 1185
    assert sizes[1]["n"] is sizes[1]["positives"]["y"] is sizes[1]["attributes"][0]["levels"][0]["n"] is None


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


def possible(count: int, shown: int | str | None, cases: bool) -> range:
    """List every size that would be shown so, one after the other; of cases, that would have the same status too."""
    if shown is None:
        return range(10**6)
    limits = (10, 20, 50) if cases else ()
    alike = [n for n in range(max(0, count - 12), count + 13) if rounded(n) == shown]
    alike = [n for n in alike if [n < edge for edge in limits] == [count < edge for edge in limits]]
    return range(alike[0], alike[-1] + 1)


def left_open(part: range, others: list[range], whole: range) -> list[int]:
    """List the values of a size for which some values of the others add up to the whole, by trying them all."""
    sums = {0}
    for other in others:
        sums = {total + n for total in sums for n in other}
    return [n for n in part if any(n + total in whole for total in sums)]


@pytest.mark.parametrize("seed", range(60))
def test_no_small_size_follows_from_a_sum_that_is_shown(seed: int) -> None:
    """The attacker subtracts: cells from their group, groups from all rows, for rows, positives and negatives."""
    rng = np.random.default_rng(seed)
    cells = {(a, b): tuple(rng.integers(0, 9, 2).tolist()) for a in ("F", "M") for b in ("x", "y", "z")}
    exact = document({key: (p, max(n, 1)) for key, (p, n) in cells.items()})
    before, after = exact.data.splits["all"], publish(exact).data.splits["all"]
    rows = {("", ""): (before, after)}
    for old, new in zip(before.attributes, after.attributes, strict=True):
        rows |= {(old.name, one.group): (one, two) for one, two in zip(old.levels, new.levels, strict=True)}
    joint = before.attributes[-1].name
    sums = [(("", ""), [key for key in rows if key[0] == part.name]) for part in before.attributes]
    sums += [(key, [c for c in rows if c[0] == joint and key[1] in c[1].split(" & ")]) for key in rows if key[0]]
    for whole, parts in [(whole, parts) for whole, parts in sums if whole[0] != joint]:
        for count in (lambda row: row.n, lambda row: row.positives["y"], lambda row: row.n - row.positives["y"]):
            sizes = {key: count(rows[key][0]) for key in (whole, *parts)}
            hidden = {key for key in sizes if rows[key][1].n is None}
            cases = count(before) != before.n
            alike = {key: possible(n, None if key in hidden else rounded(n), cases) for key, n in sizes.items()}
            for key in parts:
                others = [alike[other] for other in parts if other != key]
                if 1 <= sizes[key] <= 7 and not hidden:
                    assert len(left_open(alike[key], others, alike[whole])) > 1, (key, sizes)


def test_sizes_that_would_pin_a_small_one_are_not_shown() -> None:
    """Four groups of 7 rows and 28 in all: 30 and four times <8 leave only 7."""
    exact = document({(name,): (3, 4) for name in "abcd"})
    assert publish(exact).data.splits["all"].n == 30
    assert {level.n for level in publish(exact).data.splits["all"].attributes[0].levels} == {None}


def a_run(cell: int = 60) -> Document:
    """Build the document of a repair on a balanced set, with a search, a gate and paths."""
    log = [{"epoch": 0.333333, "step": 17.0, "eval_auc": 0.812345, "eval_auc_F": 0.7, "eval_samples_per_second": 3.0}]
    facts: dict[str, Any] = {"bias_weight": 0.123456, "empty_cells": 3, "cell": "dark", "kept": True}
    step = Step("head", 3.0, 0.000123456, 14.0, batches=17, facts=facts, log=log)
    method = MethodFacts("swift", "SWiFT", "@article{a, url = {https://a.org/b/c}}", {"importance": "whole"})
    training = Training(method, 5, [step], {"output": "/home/ann/out"}, soft_mask=SoftMaskFacts("soft", 241, 2, []))
    trial = Trial(0, "COMPLETE", None, {}, [1], 0.000123456, 5, 0.812345, {"1": 0.798765}, 1.0, "see /home/ann/log")
    search = Search("default", "min_group_auc", "maximize", 1, 1.0, 3.0, 0, 1.0, [trial])
    fitted = CalibrationFacts(1.5, 0.1, "validation", 0.6, 0.5, True)
    repair = Repair(ExternalSet("external", "train", 1.0, False), "classifier", fitted, 3.0)
    made = document(CELLS, compared=True)
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
        run=Run(0, Base("/models/base", "vit", 16, 5), search, repair),
        gate=Gate("gate.yaml", "fail", rows),
        arguments={"dataset": "/home/ann/data/table.csv", "group": ["sex", "C:\\study\\x.csv"], "seed": 0},
    )


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
    (trial,) = shared.run.search.trials
    assert (trial.value, trial.values, trial.learning_rate) == (0.81, {"1": 0.8}, 0.000123456)
    text = shared.to_json()
    assert not [place for place in ("/home", "/data/", "/models", "study") if place in text]
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


def real_cells(table: pd.DataFrame) -> Cells:
    """Count a table of labels by its other columns."""
    names = [name for name in table if name != "label"]
    cells = table.groupby(names)["label"].agg(["sum", "size"]).reset_index().to_numpy().tolist()
    return {tuple(map(str, levels)): (int(p), int(n - p)) for *levels, p, n in cells}


def test_ham_loses_no_rate(real_data: Path) -> None:
    table = pd.read_csv(real_data / "ham10000" / "metadata.csv")
    table["age"] = np.where(table["age"] > 60, ">60", "<=60")
    exact = document(real_cells(table[["sex", "age", "label"]]))
    assert check_numbers(exact, publish(exact)) == 0


def test_pad_keeps_an_unknown_gap_unknown(real_data: Path) -> None:
    table = pd.read_csv(real_data / "pad_ufes" / "metadata.csv")
    table["sex"] = table["fitzpatrick"].astype(str).fillna("missing")
    exact = document(real_cells(table[["sex", "label"]]))
    gap = publish(exact).audits[-1].audit.auc_gap
    assert math.isnan(gap.value)
    assert math.isnan(gap.p)
    assert {reason.kind for reason in gap.reasons} == {"few_cases"}
