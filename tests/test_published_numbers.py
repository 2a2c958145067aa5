"""Every number of a published document: the exact one rounded, or withheld by the rule."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from hf_fairtune.document.audit import Audit
from hf_fairtune.document.comparison import Comparison
from hf_fairtune.document.document import Document
from hf_fairtune.document.estimate import Estimate, Reason
from hf_fairtune.publish import publish

from .document_samples import SMALL_CELL, Cells, document, held, random_cells

# A class that a number needs, and in which group; None is all rows.
Need = tuple[str | None, str]
BOTH = ("positives", "negatives")
ONE_CLASS = {"tpr": ("positives",), "fpr": ("negatives",), "tnr": ("negatives",)}
ONE_CLASS |= {"equal_opportunity_difference": ("positives",), "predictive_equality_difference": ("negatives",)}


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
        yield f"joint {row.group}", row.joint, needed([row.group])
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
    exact = document(dict(SMALL_CELL) | {("F", ">60"): (10, 130)}, compared=True)
    assert check_numbers(exact, publish(exact)) == 0


def test_a_small_cell_withholds_itself_and_no_single_group() -> None:
    shared = publish(document(SMALL_CELL))
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
    exact = document(SMALL_CELL, compared=True)
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


def test_what_rests_on_a_group_without_a_row_is_withheld() -> None:
    exact = document({("F",): (40, 60), ("M",): (50, 70)})
    entry = exact.audits[1]
    pair = replace(entry.audit.pairs[0], reference="X")
    made = replace(exact, audits=[replace(entry, audit=replace(entry.audit, pairs=[pair]))])
    (found,) = publish(made).audits[0].audit.pairs
    assert math.isnan(found.auc_difference.value)
    assert found.auc_difference.reasons == tuple(Reason("few_cases", "X", unit, needed=10) for unit in BOTH)
