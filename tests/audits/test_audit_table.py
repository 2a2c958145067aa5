"""Scored rows by every attribute, for every target."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from hf_fairtune.audits.audit import audit
from hf_fairtune.audits.audit_table import audit_table, check_policies
from hf_fairtune.audits.comparison import compare
from hf_fairtune.audits.engine.auc_tests import adjusted
from hf_fairtune.audits.thresholds import fixed, given, parse_policy, youden
from hf_fairtune.data.attributes import MISSING, Attribute
from hf_fairtune.data.scored_table import ScoredTable
from hf_fairtune.errors import FairTuneError

QUICK: dict[str, Any] = {"n_boot": 60, "n_permutations": 20}


def blank(rows: ScoredTable, few: np.ndarray, level: str = MISSING) -> ScoredTable:
    """Give some rows no value of the first attribute."""
    own = rows.attributes[0]
    values = np.where(few, len(own.names), own.values)
    return replace(rows, attributes=[replace(own, values=values, levels=[*own.levels, (level,)])])


@pytest.mark.parametrize("level", [MISSING, "Unknown", "not specified"])
def test_few_rows_without_a_value_undo_no_answer_about_the_others(level: str) -> None:
    rows = table(k=1, n=400)
    positives = np.flatnonzero(rows.labels[:, 0] == 1)
    few = np.isin(np.arange(400), [*positives[:3], *np.flatnonzero(rows.labels[:, 0] == 0)[:40]])
    _, entry = audit_table(blank(rows, few, level), **QUICK)
    found, own = entry.audit, rows.attributes[0].values
    aucs = []
    for code in (0, 1):
        inside = (own == code) & ~few
        aucs.append(roc_auc_score(rows.labels[inside, 0], rows.scores[inside, 0]))
    assert found.excluded == [level]
    assert found.auc_gap.value == pytest.approx(max(aucs) - min(aucs))
    assert found.thresholds[0].gaps["equal_opportunity_difference"].bounded
    (left,) = (row for row in found.groups if row.group == level)
    assert (left.n, left.positives) == (43, 3)
    assert left.auc.value == pytest.approx(roc_auc_score(rows.labels[few, 0], rows.scores[few, 0])), "its own numbers"


@pytest.mark.parametrize("level", [MISSING, "Unknown"])
def test_many_rows_without_a_value_are_compared_only_by_name(level: str) -> None:
    """They rank worst by far; no group of patients is named for that unless the user asks."""
    rows = table(k=1, n=400)
    many = np.arange(400) < 100
    scores = np.where(many, 1 - rows.scores[:, 0], rows.scores[:, 0])[:, None]
    made = blank(replace(rows, scores=scores), many, level)
    _, left = audit_table(made, **QUICK)
    assert left.audit.excluded == [level]
    assert left.audit.min_group_auc.group in ("s0", "s1")
    assert {row.group for row in left.audit.groups} == {"s0", "s1", level}
    for asked in ({"include": [level]}, {"reference_group": [level]}):
        _, found = audit_table(made, **asked, **QUICK)
        assert (found.audit.excluded, found.audit.min_group_auc.group) == ([], level)
    _, found = audit_table(made, include=[level], exclude=[level], **QUICK)
    assert found.audit.excluded == [level], "left out by name"
    with pytest.raises(FairTuneError, match="`include` names .*; the groups are"):
        audit_table(made, include=["nobody"], **QUICK)


def attribute(name: str, values: np.ndarray) -> Attribute:
    return Attribute(name, [name], "levels", [], values, [(f"{name}{code}",) for code in range(values.max() + 1)])


def table(seed: int = 0, n: int = 240, k: int = 2, task: str = "multilabel") -> ScoredTable:
    """So many targets with a reference's scores, and two attributes."""
    rng = np.random.default_rng(seed)
    labels = (rng.random((n, k)) < 0.4).astype(np.int64)
    if task == "multiclass":
        labels = np.eye(k, dtype=np.int64)[rng.integers(k, size=n)]
    scores = np.clip(0.3 + 0.3 * labels + rng.normal(0, 0.2, (n, k)), 0, 1)
    reference = np.clip(scores + rng.normal(0, 0.1, (n, k)), 0, 1)
    attributes = [attribute("s", rng.integers(2, size=n)), attribute("a", rng.integers(3, size=n))]
    targets = [f"t{i}" for i in range(k)]
    return ScoredTable(labels, scores, targets, task, "y", attributes, None, reference, None)


def test_all_rows_come_first_and_then_targets_by_attribute() -> None:
    found = audit_table(table(), model="m", split="test", reference="r", **QUICK)
    places = [(entry.target, entry.attribute) for entry in found]
    assert places == [("t0", None), ("t1", None), ("t0", "s"), ("t0", "a"), ("t1", "s"), ("t1", "a")]
    assert {(entry.model, entry.split) for entry in found} == {("m", "test")}
    assert [entry.reference for entry in found] == [None, None, "r", "r", "r", "r"]
    assert [entry.comparison is None for entry in found] == [True, True, False, False, False, False]
    assert [row.group for row in found[0].audit.groups] == ["all rows"]


def test_every_entry_is_the_audit_of_its_rows() -> None:
    given_rows = table()
    entry = audit_table(given_rows, policies=("0.5", "0.3"), seed=3, **QUICK)[5]
    assert given_rows.reference_scores is not None
    labels, scores, reference = (x[:, 1] for x in (given_rows.labels, given_rows.scores, given_rows.reference_scores))
    own = given_rows.attributes[1]
    alone = audit(labels, scores, own.values, own.names, thresholds=[fixed(0.5), fixed(0.3)], seed=3, **QUICK)
    assert replace(entry.audit, pairs=alone.pairs) == alone
    pairs = [(fixed(0.5), fixed(0.5)), (fixed(0.3), fixed(0.3))]
    assert entry.comparison == compare(
        labels, scores, reference, own.values, own.names, thresholds=pairs, n_boot=60, seed=3
    )


@pytest.mark.parametrize("correction", ["holm", "benjamini-hochberg"])
def test_p_values_are_adjusted_over_all_pairs(correction: str) -> None:
    found = audit_table(table(), correction=correction, **QUICK)
    pairs = [pair for entry in found for pair in entry.audit.pairs]
    assert len(pairs) == 2 * (1 + 2)
    wanted = adjusted(np.array([pair.p for pair in pairs]), correction)
    assert [pair.p_adjusted for pair in pairs] == wanted.tolist()


def test_thresholds_are_fitted_on_other_rows_for_each_model_by_itself() -> None:
    tuning, given_rows = table(seed=9), table()
    found = audit_table(given_rows, fit_on=tuning, policies=("youden", "youden per group"), **QUICK)
    assert [cut.policy for cut in found[0].audit.thresholds] == ["youden"]
    assert tuning.reference_scores is not None
    for entry in found[2:]:
        target = int(entry.target[1])
        shared, own = entry.audit.thresholds
        wanted = youden(tuning.labels[:, target], tuning.scores[:, target])
        other = youden(tuning.labels[:, target], tuning.reference_scores[:, target])
        assert (shared.value, own.policy) == (wanted.value, "youden per group")
        assert set(own.by_group or {}) == {row.group for row in entry.audit.groups}
        assert entry.comparison is not None
        changed = entry.comparison.thresholds[0]
        assert (changed.value, changed.reference_value) == (wanted.value, other.value)


def test_argmax_is_the_class_with_the_highest_score() -> None:
    given_rows = table(k=3, task="multiclass")
    (cut,) = audit_table(given_rows, policies=("argmax",), **QUICK)[1].audit.thresholds
    decisions = given_rows.scores.argmax(axis=1) == 1
    wanted = audit(
        *(given_rows.labels[:, 1], given_rows.scores[:, 1], np.zeros(240, dtype=int), ["all rows"]),
        thresholds=[given(decisions, "argmax")],
        **QUICK,
    )
    assert cut == wanted.thresholds[0]


def test_a_level_is_excluded_wherever_it_lies() -> None:
    found = audit_table(table(), exclude=["a1"], **QUICK)
    assert [entry.audit.excluded for entry in found] == [[], [], [], ["a1"], [], ["a1"]]


def test_each_attribute_has_its_own_named_reference() -> None:
    """An intersection takes the group whose levels all are named; an attribute without one the largest."""
    rows = table()
    s, a = rows.attributes
    both = Attribute("s & a", ["s", "a"], "intersection", [], s.values * 3 + a.values, [])
    crossed = [(f"s{i}", f"a{j}") for i in range(2) for j in range(3)]
    rows = replace(rows, attributes=[s, a, replace(both, levels=crossed)])
    found = audit_table(rows, reference_group=["s1", "a2"], **QUICK)
    used = {entry.attribute: {pair.reference for pair in entry.audit.pairs} for entry in found if entry.attribute}
    assert used == {"s": {"s1"}, "a": {"a2"}, "s & a": {"s1 & a2"}}
    found = audit_table(rows, reference_group=["a2"], **QUICK)
    plain = audit_table(rows, **QUICK)
    assert [entry.audit.pairs for entry in found if entry.attribute != "a"] != []
    for entry, own in zip(found, plain, strict=True):
        references = [pair.reference for pair in own.audit.pairs]
        assert [pair.reference for pair in entry.audit.pairs] == (["a2"] * 2 if entry.attribute == "a" else references)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"policies": ("youden",)}, "is fitted on other rows than the audited ones"),
        ({"policies": ("argmax",)}, "`argmax` is for one of several classes"),
        ({"policies": ("best",)}, "is no threshold policy"),
        ({"correction": "bonferroni"}, "is no correction"),
        ({"exclude": ["z"]}, r"`exclude` names \['z'\]; the groups are \['s0', 's1', 'a0'"),
        ({"reference_group": ["z"]}, r"`reference_group` names \['z'\]; the groups are \['s0', 's1', 'a0'"),
        ({"reference_group": ["s0", "s1"]}, r"`reference_group` names \['s0', 's1'\]; name one of"),
        ({"reference_group": ["a1"], "exclude": ["a1"]}, "which `exclude` leaves out"),
        ({"fit_on": table(k=3)}, r"have the targets \['t0', 't1', 't2'\], the audited ones \['t0', 't1'\]"),
        ({"fit_on": table(), "policies": ("f1",)}, "rows for thresholds have the labels and scores of audited rows"),
        (
            {"fit_on": replace(table(seed=9), reference_scores=None), "policies": ("youden",)},
            "^The rows to fit `youden` on lack the scores of the reference, which the audited rows have; give both",
        ),
        (
            {"fit_on": replace(table(seed=9), attributes=[]), "policies": ("f1 per group",)},
            "^The rows to fit `f1` on lack the column of s, the column of a, which the audited rows have",
        ),
        ({"confidence": 1.0}, "between 0 and 1"),
    ],
)
def test_what_no_entry_could_hold_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(FairTuneError, match=message):
        audit_table(table(), **QUICK | changes)


def test_choices_are_checked_without_rows() -> None:
    assert check_policies(["0.5", "argmax"]) == [parse_policy("0.5"), None]
    with pytest.raises(FairTuneError, match="no correction"):
        check_policies(["0.5"], "none")
