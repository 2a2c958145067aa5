"""Words: every reason, number and verdict has its wording."""

import math
import re
from typing import get_args

import pytest

from hf_fairtune.audits.engine.auc_tests import Detectable
from hf_fairtune.document.comparison import Verdict
from hf_fairtune.document.document import Sharing
from hf_fairtune.document.estimate import NAN, Estimate, Reason, ReasonKind, Status, Unit, point
from hf_fairtune.document.gate import GateRow
from hf_fairtune.show import beforehand, words
from hf_fairtune.show.gate import bound, rule


@pytest.mark.parametrize("kind", get_args(ReasonKind))
@pytest.mark.parametrize("count", [None, 0, 1, 7])
def test_every_reason_is_worded(kind: ReasonKind, count: int | None) -> None:
    text = words.reason(Reason(kind, "F", "clusters_with_positives", count, 10))
    assert text
    assert "None" not in text
    assert "_" not in text


@pytest.mark.parametrize("unit", get_args(Unit))
def test_every_unit_is_worded(unit: Unit) -> None:
    text = words.reason(Reason("too_few", unit=unit, count=3, needed=10))
    assert re.fullmatch("3 .+ of 10 needed", text)
    assert "_" not in text
    assert words.reason(Reason("too_few", unit=unit, count=0, needed=1)).startswith("no ")
    few = words.reason(Reason("few_cases", unit=unit, needed=10))
    assert few == f"fewer than 10 {text.removeprefix('3 ').removesuffix(' of 10 needed')}"


def test_every_state_is_worded() -> None:
    assert set(words.COMPARISON_VERDICTS) == set(get_args(Verdict))
    assert set(words.STATUSES) | {"ok"} == set(get_args(Status))
    assert set(words.SHARING) == {None, *get_args(Sharing)}
    assert not [text for text in words.COMPARISON_VERDICTS.values() if "fairer" in text]


def test_equal_reasons_are_given_once_for_their_groups() -> None:
    found = [Reason("too_few", group, "positives", 0, 1) for group in "abcdefghi"]
    found += [Reason("too_few", "x", "positives", 4, 10), Reason("too_few", "x", "negatives", 5, 10)]
    first, second = (text.replace("\u2068", "").replace("\u2069", "") for text in words.notes(found))
    assert first == '"a", "b", "c", "d", "e", "f" and 3 more: no positives'
    assert second == '"x": 4 positives of 10 needed, 5 negatives of 10 needed'
    assert words.reasons([Reason("equal_scores")]) == "all scores are equal"


@pytest.mark.parametrize(
    ("value", "options", "text"),
    [
        (0.12345, {}, "0.12"),
        (0.12345, {"digits": 3, "sign": True}, "+0.123"),
        (-0.0001, {"sign": True}, "0.00"),
        (-0.1, {}, "-0.10"),
        (NAN, {}, "–"),
        (None, {}, "–"),
        (1234, {}, "1,234"),
        ("<8", {}, "<8"),
        (Estimate(0.5, 0.4, 0.6, "m"), {}, "0.50 [0.40, 0.60]"),
        (Estimate(0.5, -0.4, 0.6, "m"), {"sign": True}, "+0.50 [-0.40, +0.60]"),
        (point(0.5, "m"), {}, "0.50"),
        (Estimate(NAN, NAN, NAN, "m"), {}, "–"),
    ],
)
def test_numbers(value: object, options: dict[str, object], text: str) -> None:
    assert words.number(value, **options) == text


def test_probabilities_and_shares() -> None:
    assert [words.p_value(p) for p in (0.0004, 0.0123, 0.5, 1.0, math.nan)] == ["<0.001", "0.012", "0.50", "1.0", "–"]
    assert [words.percent(share) for share in (0.95, 0.0645, 0.0, math.nan)] == ["95 %", "6.5 %", "0 %", "–"]


def test_a_name_cannot_turn_the_sentence_around_it() -> None:
    assert words.name("\u202ea\u2069b\x07\n c") == '"\u2068ab\ufffd c\u2069"'
    assert len(words.name("w" * 500)) < 130


def test_metrics_are_named_by_their_cards() -> None:
    assert words.metric("tpr") == "True positive rate"
    assert words.metric("equalized_odds_mean") == "Equalized odds difference, the mean"
    assert words.metric("something_new") == "Something new"


def test_rules_say_what_they_want() -> None:
    row = GateRow(2, "tpr", "t", "sex", "all", "pass", group="F", against="M", threshold="youden", low=0.5)
    assert rule(row).replace("\u2068", "").replace("\u2069", "") == '2. tpr of "F" minus "M" at youden'
    assert bound(row) == "at least 0.5"
    assert bound(GateRow(1, "auc", "t", None, "all", "pass", low=0.5, high=0.9)) == "within 0.5 to 0.9"
    assert bound(GateRow(1, "auc", "t", None, "all", "pass", high=0.9)) == "at most 0.9"
    assert bound(GateRow(1, "verdict", "t", None, "all", "pass", wanted="fairer")) == "fairer"


def test_detectable_difference_is_said_or_denied() -> None:
    assert "of 0.12 between a (30 with, 90 without" in beforehand.detectable(Detectable("a", "b", 30, 90, 0.123, 0.85))
    assert "no difference" in beforehand.detectable(Detectable("a", "b", 0, 90, NAN, 0.85))
