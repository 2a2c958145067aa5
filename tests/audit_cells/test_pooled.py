"""Numbers pulled to a common mean give away the counts of those that pull: they are withheld with them."""

import math
from typing import Any

import numpy as np
import pytest
from scipy.special import expit, logit

from hf_fairtune.audit_cells.few import POOLED
from hf_fairtune.audit_cells.suppress import suppress_audit
from hf_fairtune.audits.evidence import Evidence
from hf_fairtune.audits.group_auc import group_auc
from hf_fairtune.audits.ranking import rank_groups
from hf_fairtune.intervals.auc_test import logit_slope
from hf_fairtune.intervals.delong import delong_variance
from hf_fairtune.intervals.pooling import pool
from hf_fairtune.intervals.power import hanley_mcneil_variance
from hf_fairtune.metrics.auc import auc
from hf_fairtune.metrics.rows import check_rows
from hf_fairtune.page.csv_tables import groups_csv

from ..page.rows import counted
from ..page.samples import document

SMALL = {("A",): (60, 240), ("B",): (9, 31), ("C",): (7, 23)}
LARGE = {("A",): (60, 240), ("B",): (49, 131), ("C",): (57, 123)}


def audited(cells: dict[tuple[str, ...], tuple[int, int]]) -> tuple[dict[str, Any], Evidence]:
    """Audit groups whose ranking is a real one."""
    drawn = counted(cells, 0)
    rows = check_rows(drawn.labels[:, 0], drawn.scores[:, 0], drawn.partitions[0].codes, drawn.partitions[0].names)
    evidence = Evidence(rows, (0, 1, 2), None, 0.95)
    ranking = rank_groups(evidence, [group_auc(evidence, code) for code in range(3)])
    made = document(cells=cells, attributes=1)
    made["rankings"] = [{"target": "malignant", "attribute": "sex"} | (ranking or {})]
    return made, evidence


def guesses(pooled: float, evidence: Evidence) -> list[int]:
    """Try every number of positives of B, those of B and C being known together, and keep what makes this number."""
    rows = evidence.rows
    parts = [(rows.labels[rows.groups == g], rows.scores[rows.groups == g]) for g in range(3)]
    values, whole = [auc(*part) for part in parts], auc(rows.labels, rows.scores)
    slope, (b, c) = logit_slope(whole), (len(parts[1][0]), len(parts[2][0]))
    points = [logit(values[0]), *(logit(whole) + (value - whole) * slope for value in values[1:])]
    own = math.sqrt(delong_variance(*parts[0])) * logit_slope(values[0])
    found = []
    for positives in range(1, 16):
        small = ((positives, b - positives), (16 - positives, c - 16 + positives))
        errors = [own, *(math.sqrt(hanley_mcneil_variance(whole, *pair)) * slope for pair in small)]
        centre = pool(np.array(points), np.array(errors)).centres[0]
        found += [positives] if abs(expit(centre) - pooled) < 1e-9 else []
    return found


def test_a_pooled_number_gives_counts_away_and_is_withheld() -> None:
    made, evidence = audited(SMALL)
    (exact,) = made["rankings"]
    assert guesses(exact["groups"][0]["pooled"], evidence) == [9]
    (public,) = suppress_audit(made)["rankings"]
    assert [row["group"] for row in public["groups"]] == ["A"]
    assert public["groups"][0]["auc"] == round(exact["groups"][0]["auc"], 6)
    assert {public["groups"][0][key] for key in POOLED} | {public["mean"], public["tau"]} == {None}
    assert not [line for line in groups_csv(suppress_audit(made)).splitlines()[1:] if not line.endswith(",,,,")]


def test_pooled_numbers_of_large_groups_are_told() -> None:
    made, _ = audited(LARGE)
    (exact,), (public,) = made["rankings"], suppress_audit(made)["rankings"]
    assert [row["pooled"] for row in public["groups"]] == [round(row["pooled"], 6) for row in exact["groups"]]
    assert public["mean"] == pytest.approx(exact["mean"], abs=1e-6)
