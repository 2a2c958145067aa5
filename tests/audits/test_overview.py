"""What `fairtune audit` prints."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hf_fairtune.audits.attributes import AttributeAudits, Section
from hf_fairtune.audits.audit import audit
from hf_fairtune.audits.comparison import compare
from hf_fairtune.audits.levelling import MEANINGS
from hf_fairtune.audits.overview import overview

from ..metrics.samples import split
from .test_comparison import shifted

QUICK: dict[str, Any] = {"n_boot": 100, "n_permutations": 50}


def section(attribute: str | None, names: tuple[str, ...], *rows: np.ndarray, **options: Any) -> Section:
    codes = rows[2] if attribute else np.zeros_like(rows[2])
    found = audit(rows[0], rows[1], codes, names if attribute else ["all rows"], **QUICK | options)
    return Section("y", attribute, found, None, {}, None)


def printed(whole: Section, *sections: Section) -> str:
    return overview(AttributeAudits([whole], list(sections), "pairs", "holm"))


def told(positives: tuple[int, ...], negatives: tuple[int, ...], names: tuple[str, ...], **options: Any) -> str:
    rows = split(positives, negatives)
    return printed(section(None, names, *rows), section("sex", names, *rows, **options))


def pair_of(part: Section, p: float, adjusted: float) -> Section:
    pairs = [replace(pair, p=p, p_adjusted=adjusted) for pair in part.audit.pairs]
    return replace(part, audit=replace(part.audit, pairs=pairs))


@pytest.mark.parametrize(
    ("p", "adjusted", "line"),
    [
        (0.03, 0.09, "p = 0.030, adjusted 0.090: not sure after adjustment for 3 comparisons; with these counts"),
        (0.3, 0.9, "p = 0.300, adjusted 0.900: not sure; with these counts"),
        (0.01, 0.03, "p = 0.010, adjusted 0.030"),
        (0.0001, 0.0003, "p < 0.001, adjusted < 0.001"),
    ],
)
def test_the_largest_pair_is_told_with_both_ps(p: float, adjusted: float, line: str) -> None:
    rows = split((30, 25), (60, 50))
    parts = [pair_of(section(name, ("F", "M"), *rows), p, adjusted) for name in ("sex", "site", "age")]
    text = printed(section(None, (), *rows), *parts)
    (pair,) = parts[0].audit.pairs
    found = pair.auc_difference
    start = f"  M - F: {found.value:.3f} [{found.low:.3f}, {found.high:.3f}], {line}"
    assert [row.startswith(start) for row in text.splitlines()].count(True) == 3
    assert ("with 80 % power" in text) == (adjusted >= 0.05)
    assert f"a true difference of {pair.detectable:.3f} would be found" in text or adjusted < 0.05
    assert "p = < " not in text


def test_of_several_pairs_the_sure_ones_and_the_largest() -> None:
    rows = split((30, 25, 20), (60, 50, 40))
    part = section("sex", ("F", "M", "X"), *rows)
    small, large = sorted(part.audit.pairs, key=lambda pair: abs(pair.auc_difference.value))
    chosen = [replace(small, p=0.01, p_adjusted=0.02), replace(large, p=0.04, p_adjusted=0.06)]
    text = printed(section(None, (), *rows), replace(part, audit=replace(part.audit, pairs=chosen)))
    lines = [line.split(":")[0].strip() for line in text.splitlines() if "adjusted 0" in line]
    assert lines == [f"{pair.group} - {pair.reference}" for pair in (small, large)]


def test_the_gaps_p_and_the_columns_are_explained() -> None:
    text = told((30, 25), (60, 50), ("F", "M"))
    (gap,) = (line for line in text.splitlines() if line.startswith("  gap "))
    assert gap.endswith("(unadjusted)")
    assert " (F - M)" in gap or " (M - F)" in gap
    assert "lowest in: share of resamples" in text
    assert "intervals of lowest AUC and gap: simultaneous over the groups" in text


def test_a_lowest_group_that_cannot_bear_it_is_told_with_its_counts() -> None:
    labels, scores, groups = split((30, 25, 1), (60, 50, 4))
    scores = np.where((groups == 2) & (labels == 1), 0.0, scores)
    names = ("F", "M", "V-VI")
    text = printed(section(None, names, labels, scores, groups), section("skin", names, labels, scores, groups))
    few = "1 positive, fewer than 10; 4 negatives, fewer than 10"
    assert f"  lowest AUC 0.000 (V-VI, not estimable: {few})\n" in text
    assert f"(no interval: `V-VI`: {few})" in text


def test_groups_without_an_auc_come_with_the_flag_to_paste() -> None:
    rows, names = split((30, 25, 0, 0), (60, 0, 40, 5)), ("F", "M & 60", "it's $5", "X")
    text = printed(section(None, names, *rows), section("sex", names, *rows, exclude=["X"]))
    hint = """--exclude "X" "M & 60" 'it'"'"'s $5'"""
    assert text.count(hint) == 1
    lowest, gap = (next(row for row in text.splitlines() if row.startswith(f"  {key} ")) for key in ("lowest", "gap"))
    assert lowest == f"  lowest AUC - (`M & 60`: no negatives / `it's $5`: no positives (to leave out: {hint}))"
    assert gap == "  gap        - (for the same reason)"
    assert "`exclude`" not in text


def test_one_of_a_thing_is_singular() -> None:
    rows = split((1,), (1,))
    everyone = [section(None, (), *rows, **options) for options in ({}, {"clusters": np.zeros(2)})]
    part = section("sex", ("F",), *rows)
    assert [printed(whole, part).splitlines()[0] for whole in everyone] == [
        "y: 2 rows, 1 positive",
        "y: 2 rows, 1 positive, 1 cluster",
    ]


@pytest.mark.parametrize(("moves", "verdict"), [((-0.3, -0.4), "worse"), ((-0.4, 0.0), "level-down")])
def test_a_comparison_shows_every_groups_change(moves: tuple[float, float], verdict: str) -> None:
    labels, scores, reference, groups = shifted(moves)
    found = compare(labels, scores, reference, groups, ("F", "M"), n_boot=100)
    part = section("sex", ("F", "M"), labels, scores, groups)
    lines = printed(section(None, (), labels, scores, groups), replace(part, comparison=found)).splitlines()
    place = next(i for i, line in enumerate(lines) if "against the reference" in line)
    assert lines[place] == f"  against the reference: {verdict} ({MEANINGS[verdict]}); changes of AUC:"
    shown = [("F", found.groups[0].auc), ("M", found.groups[1].auc), ("gap", found.auc_gap)]
    assert lines[place + 1 : place + 4] == [f"    {k}: {x.value:.3f} [{x.low:.3f}, {x.high:.3f}]" for k, x in shown]
