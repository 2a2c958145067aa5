"""What stands out where nothing goes with errors, and what patients with several rows tell."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from hf_fairtune.audits.engine.clusters import ClusteredShare
from hf_fairtune.audits.engine.rows import check_rows
from hf_fairtune.audits.enrichment import Contrast, Decisions, enrich
from hf_fairtune.data.scored import ScoredSpec, read_scored
from hf_fairtune.document.enrichment import Enrichment
from hf_fairtune.document.estimate import Reason
from tests.audits.test_enrichment import by_value, explained, planted

COLUMNS = ["scanner", "site", "age:q4"]


def found_in(frame: pd.DataFrame, cluster: str | None = None) -> Enrichment:
    """Explain the errors at 0.5, without any other number of an audit."""
    rows = read_scored(frame, ScoredSpec(["y"], ["p"], group=["sex"], explain=COLUMNS, cluster=cluster))
    own = check_rows(rows.labels[:, 0], rows.scores[:, 0], np.zeros(len(frame), dtype=int), ["all"], rows.clusters)
    (found,) = enrich([Decisions(own, (own.scores >= 0.5).astype(int), 0)], rows.explain, 0.95)
    return found


def test_hardly_anything_stands_out_where_nothing_goes_with_errors() -> None:
    """In at most one audit of twenty anything may stand out, though of single tests one of twenty may."""
    rng, bold, single = np.random.default_rng(1), 0, list[float]()
    for _ in range(120):
        found = found_in(planted(500, more=0.0, seed=int(rng.integers(10**9))))
        single += [one.p for one in by_value(found).values() if not math.isnan(one.p)]
        bold += found.selected > 0
    assert bold <= 12  # 6 are expected at most, more than 12 in 1 of 100
    assert 0.015 < np.mean(np.array(single) <= 0.05) <= 0.05


def test_nor_does_it_where_rows_of_a_patient_are_missed_together() -> None:
    """Patients of 1 to 8 rows that are wrong together and have one scanner and site."""
    rng, bold = np.random.default_rng(2), {"patient": 0, None: 0}
    for _ in range(50):
        frame = planted(600, more=0.0, seed=int(rng.integers(10**9)))
        patients = np.repeat(np.arange(600), rng.choice([1, 1, 2, 3, 8], 600))[:600]
        for name in ("y", "scanner", "site", "age"):
            frame[name] = frame[name].to_numpy()[patients]
        luck = 0.95 * rng.normal(size=600)[patients] + 0.3 * rng.normal(size=600)
        wrong = norm.cdf(luck) < np.where(frame["y"] == 1, 0.2, 0.1)
        frame["p"] = np.where((frame["y"] == 1) ^ wrong, 0.9, 0.1)
        frame["patient"] = patients
        for cluster in bold:
            bold[cluster] += found_in(frame, cluster).selected > 0
    assert bold["patient"] <= 6  # 2.5 are expected at most
    assert bold[None] > 25


def test_doubled_rows_of_one_patient_tell_no_more() -> None:
    """Every row of a patient again and again is what its first row is: the same difference, about the same p."""
    frame = planted(900, more=0.15)
    frame["patient"] = np.arange(900)
    alone = by_value(explained(frame, ["scanner"], "patient"))
    tripled = pd.concat([frame] * 3, ignore_index=True)
    together = by_value(explained(tripled, ["scanner"], "patient"))
    taken_apart = by_value(explained(tripled, ["scanner"]))
    for key, one in alone.items():
        assert together[key].difference.value == pytest.approx(one.difference.value)
        assert together[key].difference.low == pytest.approx(one.difference.low, abs=0.01)
        assert together[key].p == pytest.approx(one.p, rel=0.15, abs=1e-3)
        assert taken_apart[key].p < one.p or one.p > 0.9
        assert one.difference.method == "MOVER of Clopper-Pearson"
        assert "design effect" in together[key].difference.method


def test_patients_on_both_sides_correlate() -> None:
    """Each patient has a row on either side with the same error: the difference is 0 whoever is drawn."""
    errors, clusters = np.repeat([1, 0, 0, 0], 20), np.arange(80)
    inside = np.repeat([True, False], 80)
    both = Contrast(np.tile(errors, 2), inside, np.tile(clusters, 2), "missed")
    apart = Contrast(np.tile(errors, 2), inside, None, "missed")
    assert both.correlation == pytest.approx(1)
    width = [own.interval(0.95)[2] - own.interval(0.95)[1] for own in (both, apart)]
    assert width[0] < 0.2 * width[1]


def test_too_few_clusters_are_said() -> None:
    errors, inside = np.tile([0, 1], 40), np.repeat([True, False], 40)
    clusters = np.append(np.repeat(np.arange(8), 5), np.arange(8, 48))
    found = Contrast(errors, inside, clusters, "alarmed").found("x", 0.95, math.nan, math.nan)
    assert found.difference.reasons == (Reason("too_few", None, "clusters_with_negatives", 8, 10),)
    assert (found.difference.value, found.selected) == (0.0, False)
    lone = Contrast(errors, np.full(80, True), None, "missed").found("x", 0.95, math.nan, math.nan)
    assert (lone.rate, lone.difference.defined) == (0.5, False)
    assert lone.difference.reasons == (Reason("too_few", None, "positives_of_others", 0, 10),)


def test_a_side_by_luck_without_alike_rows_knows_of_the_others() -> None:
    """Four errors of single rows say nothing of clusters; the other side's clusters of three are wrong together."""
    inside = np.repeat([True, False], [60, 300])
    clusters = np.append(np.repeat(np.arange(20), 3), 20 + np.repeat(np.arange(100), 3))
    errors = np.append(np.tile([1, 0, 0], 20) * (np.arange(60) < 12), np.repeat(np.arange(100) % 3 == 0, 3)).astype(
        int
    )
    found = Contrast(errors, inside, clusters, "missed")
    alone, alike = ClusteredShare(errors[inside], clusters[inside]), ClusteredShare(errors, clusters)
    assert alone.effect == (4 * 1 + 3) / 5  # one more cluster of three that are all alike counts beside them
    # Of equal clusters the correlation is that of pairs of rows of one cluster.
    share, blocks = errors.mean(), errors.reshape(-1, 3) - errors.mean()
    pairs = (blocks.sum(axis=1) ** 2 - (blocks**2).sum(axis=1)).sum() / 6 / len(blocks)
    assert alike.correlation == pytest.approx(pairs / share / (1 - share), abs=0.01)
    assert found.shares[0].effect == pytest.approx(1 + 2 * alike.correlation)
    assert found.shares[0].trials(0.95) < alone.trials(0.95) / 2
