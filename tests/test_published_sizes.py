"""Sizes of a published document: rounded, and no small one follows from what else is shown."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hf_fairtune.disclosure import rounded
from hf_fairtune.document.estimate import Reason
from hf_fairtune.publish import publish

from .document_samples import SMALL_CELL, document, held


def test_sizes_counts_and_cuts() -> None:
    exact = document(SMALL_CELL)
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
    joint = publish(document(SMALL_CELL)).audits[-1].audit
    assert [curve.group for curve in joint.roc] == ["F & <=60", "M & <=60", "M & >60"]
    assert joint.reliability is not None
    assert [curve.group for curve in joint.reliability] == ["F & <=60", "M & <=60", "M & >60"]
    for curve in joint.roc:
        assert len(curve.fpr) == len(curve.tpr) == 20
        assert (curve.fpr[0], curve.tpr[0], curve.fpr[-1], curve.tpr[-1]) == (0, 0, 1, 1)
        assert curve.fpr == [round(x, 2) for x in curve.fpr] == sorted(curve.fpr)
    assert {one.n for curve in joint.reliability for one in curve.bins} == {None}


def test_decision_curves_have_ten_cuts_and_rates_alone() -> None:
    """Every step of a whole curve would tell a patient; prevalences in it are those of the rounded sizes."""
    exact, shared = document(SMALL_CELL), publish(document(SMALL_CELL))
    before, joint = exact.audits[-1].audit, shared.audits[-1].audit
    assert before.decision is not None
    assert joint.decision is not None
    assert [curve.group for curve in joint.decision] == ["F & <=60", "M & <=60", "M & >60"]
    whole = {curve.group: curve for curve in before.decision}
    for curve in joint.decision:
        assert curve.cuts == [0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5]
        for name in ("tpr", "fpr"):
            kept = [getattr(whole[curve.group], name)[whole[curve.group].cuts.index(cut)] for cut in curve.cuts]
            assert getattr(curve, name) == [round(rate, 2) for rate in kept]
        assert curve.low == curve.high == []


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
