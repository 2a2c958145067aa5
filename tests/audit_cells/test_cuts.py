"""No count of 1 to 10 above a cut, or between two cuts of any kind, is told; an attacker finds them where they are."""

import copy
import json
from itertools import product
from typing import Any

import numpy as np
import pytest

from hf_fairtune.audit_cells.blank import WITHHELD
from hf_fairtune.audit_cells.counts import EVERYONE, Counts
from hf_fairtune.audit_cells.curves import told_bins, told_roc
from hf_fairtune.audit_cells.decisions import undecided
from hf_fairtune.audit_cells.ladder import Ladder
from hf_fairtune.audit_cells.offers import Offer
from hf_fairtune.audit_cells.suppress import suppress_audit

from ..page.samples import document
from .attack import ranges
from .rungs import leaks, rungs, totals_of

LARGE = {("F", "<=60"): (140, 400), ("F", ">60"): (170, 300), ("M", "<=60"): (150, 490), ("M", ">60"): (131, 361)}


def tables(number: int) -> list[dict[str, Any]]:
    draw = np.random.default_rng(1)
    made = []
    for _ in range(number):
        cells = {cell: tuple(draw.integers([11, 11], [90, 200]).tolist()) for cell in product("FM", ("<=60", ">60"))}
        made.append(document(cells=cells, extras=("clusters", "reference"), seed=int(draw.integers(99))))
    return made


def test_random_tables_tell_no_small_count_above_or_between_cuts() -> None:
    told = 0
    for made in tables(8):
        public = suppress_audit(made)
        assert not leaks(public)
        narrow = {key for key, found in ranges(made, public).items() if found[1] - found[0] < 11 - 1e-6}
        assert not narrow
        told += sum(len(counts) - 2 for counts in rungs(public).values())
    assert told > 100


def test_the_attacker_finds_what_an_exact_document_tells() -> None:
    made = tables(1)[0]
    sources = {
        word for _, text, _ in leaks(made) for word in ("threshold", "sens", "ROC", "reliability") if word in text
    }
    assert sources == {"threshold", "sens", "ROC", "reliability"}


@pytest.mark.parametrize("part", ["thresholds", "operating_points", "roc", "reliability"])
def test_no_part_can_be_left_as_it_was(part: str) -> None:
    made = tables(1)[0]
    public = suppress_audit(made)
    exact = copy.deepcopy(public)
    if part in ("roc", "reliability"):
        for mine, theirs in zip(exact["curves"], made["curves"], strict=True):
            mine[part] = theirs[part]
    else:
        for mine, theirs in zip(exact["audits"], made["audits"], strict=True):
            mine["audit"][part] = theirs["audit"][part]
    assert leaks(exact) - leaks(public)


def test_a_side_is_told_of_all_groups_or_of_none() -> None:
    for made in tables(6):
        for entry in suppress_audit(made)["audits"]:
            for cut in entry["audit"]["thresholds"]:
                sides = []
                for count, rate in (("true_positives", "tpr"), ("false_positives", "fpr")):
                    known = {(row[count] is None, row[rate]["value"] is None) for row in cut["groups"]}
                    assert len(known) == 1
                    sides.append(known == {(False, False)})
                    assert (cut[f"{rate}_difference"]["value"] is not None) == sides[-1]
                flagged = {row["selection_rate"]["value"] is not None for row in cut["groups"]}
                flagged |= {row["rates"]["ppv"]["value"] is not None for row in cut["groups"]}
                flagged.add(cut["measures"]["equalized_odds_mean"]["value"] is not None)
                assert flagged == {all(sides)}
                assert (cut["degenerate"] is not None) == all(sides)


def test_large_groups_are_told_in_full() -> None:
    public = suppress_audit(document(cells=LARGE, extras=("by group",)))
    for entry in public["audits"]:
        first = entry["audit"]["thresholds"][0]
        assert all(row["true_positives"] > 10 and row["false_positives"] > 10 for row in first["groups"])
    curves = [row for entry in public["curves"] for row in entry["roc"]]
    assert len(curves) == len(totals_of(public))
    assert min(len(row["fpr"]) for row in curves) > 5


def test_scores_of_single_patients_are_not_told() -> None:
    made = document(cells=LARGE, extras=("by group", "reference"))
    cuts = [cut for entry in made["audits"] for cut in entry["audit"]["thresholds"] if cut["by_group"]]
    text = json.dumps(suppress_audit(made))
    assert str(next(iter(cuts[0]["by_group"].values()))) not in text
    points = [point for entry in made["audits"] for point in entry["audit"]["operating_points"]]
    assert not [row for point in points for row in point["groups"] if str(row["threshold"]) in text]


def test_changes_of_rates_are_withheld() -> None:
    (*_, entry) = suppress_audit(document(cells=LARGE, extras=("reference",)))["comparisons"]
    for cut in entry["thresholds"]:
        items = [row[rate] for row in cut["groups"] for rate in ("tpr", "fpr", "selection_rate")]
        assert {item["reason"] for item in [*items, cut["tpr_difference"]]} == {WITHHELD}
    assert entry["auc"]["value"] is not None


def test_joined_bins_are_counted_anew() -> None:
    draw = np.random.default_rng(0)
    scores = np.sort(draw.random(300))
    labels = (draw.random(300) < scores / 2).astype(int)
    parts = np.array_split(np.arange(300), 10)
    bins = [{"mean_score": scores[p].mean(), "observed": labels[p].mean(), "n": len(p)} for p in parts]
    found = told_bins(bins, Ladder(int(labels.sum()), int(300 - labels.sum())), 0.95, 1.0)
    assert 2 <= len(found) < 10
    start = 0
    for one in found:
        inside = slice(start, start := start + one["n"])
        hits, misses = labels[inside].sum(), one["n"] - labels[inside].sum()
        assert all(count == 0 or count > 10 for count in (hits, misses))
        assert one["observed"] == pytest.approx(labels[inside].mean())
        assert one["mean_score"] == pytest.approx(scores[inside].mean())
        # Wilson's ends are the shares whose test statistic is the quantile.
        for end in (one["low"], one["high"]) if one["observed"] else ():
            assert abs(one["observed"] - end) / np.sqrt(end * (1 - end) / one["n"]) == pytest.approx(
                1.959964, abs=1e-5
            )
    assert start == 300


def test_a_curve_of_few_is_left_out() -> None:
    row = {"group": "F", "fpr": [0.0, 0.3, 1.0], "tpr": [0.0, 0.7, 1.0]}
    assert told_roc(row, Ladder(20, 20)) is None
    assert told_roc(row, Ladder(40, 40)) == row


def test_decisions_among_all_targets_are_told_together() -> None:
    counts = Counts(
        targets=["a", "b", "c"],
        groups=[EVERYONE],
        n=np.array([180]),
        positives=np.array([[60], [60], [60]]),
        lines=[],
        exhaustive=True,
        closed=[],
        numerators=[],
        largest=[],
    )

    def of(hits: list[int], alarms: list[int]) -> dict[str, list[Offer]]:
        sides = {t: (h, f) for t, h, f in zip("abc", hits, alarms, strict=True)}
        return {
            t: [Offer("sex", 0, side, True, {0: n}, None) for side, n in enumerate(both)] for t, both in sides.items()
        }

    whole = of([20, 20, 20], [40, 40, 40])
    assert undecided(whole, counts, [0]) == set()
    assert undecided(whole | {"b": whole["b"][:1]}, counts, [0]) == {("sex", 0)}
    # Nobody with `a` is missed: then those with `b` taken for `c` are all of `c`'s alarms, and so on.
    assert undecided(of([60, 40, 40], [14, 12, 14]), counts, [0]) == {("sex", 0)}
