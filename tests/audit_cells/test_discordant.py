"""An AUC, and one side of a cut, bound the other side: an attacker tries every count."""

from itertools import combinations
from typing import Any

import numpy as np
import pytest

from hf_fairtune.audit_cells.discordant import fitting
from hf_fairtune.audit_cells.ladder import Ladder
from hf_fairtune.audit_cells.suppress import suppress_audit

from ..page.samples import document

SIZES = {
    (a, b): sizes
    for (a, b), sizes in zip(
        [("F", "<=60"), ("F", ">60"), ("M", "<=60"), ("M", ">60")],
        [(40, 200), (40, 160), (45, 195), (42, 182)],
        strict=True,
    )
}


def sharp(shift: float) -> dict[str, Any]:
    """Audit a model that misses few and flags some: AUCs near 1."""
    made = document(cells=SIZES)
    for entry in [*made["overall"], *made["audits"]]:
        audit = entry["audit"]
        for row in (*audit["groups"], audit["auc"]):
            row["auc" if "group" in row else "value"] = 0.9965 + shift
        for cut in audit["thresholds"]:
            for row in (*cut["groups"], cut["overall"]):
                row["true_positives"] = row["positives"] - max(1, row["positives"] // 40)
                row["false_positives"] = row["negatives"] // 14
                row["predicted_positives"] = row["true_positives"] + row["false_positives"]
    made["curves"] = [entry | {"roc": [], "reliability": []} for entry in made["curves"]]
    return made


def attack(public: dict[str, Any]) -> list[tuple[str, int, int]]:
    """Try every number of missed positives where only flagged negatives are told, and keep what the AUC allows."""
    found = []
    for entry in public["audits"]:
        aucs = {row["group"]: row["auc"] for row in entry["audit"]["groups"]}
        for row in [row for cut in entry["audit"]["thresholds"] for row in cut["groups"]]:
            if row["true_positives"] is None and row["false_positives"] is not None:
                p, n, alarms = row["positives"], row["negatives"], row["false_positives"]
                wrong, slack = (1 - aucs[row["group"]]) * p * n, 1e-6 * p * n
                missed = [
                    m for m in range(p + 1) if m * alarms <= wrong + slack <= m * n + alarms * (p - m) + 2 * slack
                ]
                found.append((row["group"], missed[0], missed[-1]))
    return found


def test_no_side_is_told_that_gives_the_other_away() -> None:
    made = sharp(0.0)
    bare = [row for entry in made["audits"] for cut in entry["audit"]["thresholds"] for row in cut["groups"]]
    for row in bare:
        row["true_positives"] = None
    assert [group for group, low, high in attack(made) if high - low < 11]
    assert not [group for group, low, high in attack(suppress_audit(sharp(0.0))) if high - low < 11]


def test_a_side_that_leaves_the_other_open_is_told() -> None:
    public = suppress_audit(sharp(-0.2))
    assert len(attack(public)) >= 4
    assert all(high - low >= 11 for _, low, high in attack(public))


def curves(positives: int, negatives: int) -> list[list[tuple[int, int]]]:
    """Draw every ROC curve of so few: the order in which positives and negatives come."""
    found = []
    for places in combinations(range(positives + negatives), positives):
        labels = np.isin(np.arange(positives + negatives), places)
        steps = zip(np.cumsum(labels).tolist(), np.cumsum(~labels).tolist(), strict=True)
        found.append([(0, 0), *steps])
    return found


@pytest.mark.parametrize("side", [0, 1])
def test_what_fits_is_what_some_curve_shows(side: int) -> None:
    every = curves(4, 4)
    for curve in every[::5]:
        auc = area(curve)
        told = {(0, 0), (4, 4), curve[3]}
        for point in curve:
            likely = {
                other[1 - side]
                for one in every
                if abs(area(one) - auc) < 1e-9 and told <= set(one)
                for other in one
                if other[side] == point[side]
            }
            assert likely == set(fitting(told, auc, side, point[side]).tolist())


def area(curve: list[tuple[int, int]]) -> float:
    """Compute the area under a curve of single steps, of four positives and negatives."""
    return sum(h * (b - a) for (h, a), (_, b) in zip(curve, curve[1:], strict=False)) / 16


def test_a_point_that_gives_an_untold_side_away_is_not_told() -> None:
    """The curve's own points bound the pairs in the wrong order more narrowly."""
    ladder = Ladder(100, 200, 0.9)
    ladder.halves = [(1, (97, 120))]
    assert not ladder.bares(1, (97, 120), ladder.points)
    refused = [point for point in ((40, 0), (80, 12), (60, 11), (80, 40)) if not ladder.offer(*point)]
    assert refused
    assert not ladder.bares(1, (97, 120), ladder.points)
