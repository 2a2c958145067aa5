"""Error enrichment against a cross table and exact tests, its false findings under a null, and a planted column."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import beta, false_discovery_control, fisher_exact

from hf_fairtune.audits.audit import audit
from hf_fairtune.audits.audit_table import audit_table
from hf_fairtune.audits.thresholds import Decision, fixed
from hf_fairtune.data.scored import ScoredSpec, read_scored
from hf_fairtune.document.enrichment import Enrichment, ValueErrors
from hf_fairtune.errors import FairTuneError

QUICK: Mapping[str, int] = {"n_boot": 20, "n_permutations": 0}
COLUMNS = ["scanner", "age:q4", "site"]


def planted(n: int = 2000, more: float = 0.25, seed: int = 0) -> pd.DataFrame:
    """Rows of which one in five cases is missed, and `more` of those from scanner B; sites tell nothing."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "y": (rng.random(n) < 0.3).astype(int),
            "sex": rng.choice(["F", "M"], n),
            "scanner": rng.choice(["A", "B", "C"], n),
            "age": rng.integers(20, 90, n),
            "site": rng.choice([f"s{place}" for place in range(6)], n),
            "patient": [f"p{place // 2}" for place in range(n)],
        }
    )
    missed = np.where(frame["scanner"] == "B", 0.2 + more, 0.2)
    wrong = rng.random(n) < np.where(frame["y"] == 1, missed, 0.1)
    frame["p"] = np.where((frame["y"] == 1) ^ wrong, 0.9, 0.1)
    frame.loc[:4, "site"] = None
    return frame


def explained(frame: pd.DataFrame, columns: list[str] = COLUMNS, cluster: str | None = None) -> Enrichment:
    spec = ScoredSpec(label=["y"], score=["p"], group=["sex"], explain=columns, cluster=cluster)
    whole, *others = audit_table(read_scored(frame, spec), **QUICK)
    assert {entry.audit.enrichment for entry in others} == {None}
    assert whole.audit.enrichment is not None
    return whole.audit.enrichment


def by_value(found: Enrichment) -> dict[tuple[str, str, str], ValueErrors]:
    return {(own.name, one.value, one.mistake): one for own in found.columns for one in own.values}


def test_rates_and_tests_are_those_of_a_cross_table() -> None:
    frame = planted()
    flagged, found = frame["p"] >= 0.5, by_value(explained(frame))
    frame["site"] = frame["site"].fillna("missing")
    edges = next(name for name, _, _ in found if name.startswith("age:")).removeprefix("age:")
    bins = pd.cut(frame["age"], [-np.inf, *map(float, edges.split(",")), np.inf]).cat.codes
    names = list(dict.fromkeys(value for name, value, _ in found if name == f"age:{edges}"))
    columns = {"scanner": frame["scanner"], "site": frame["site"], f"age:{edges}": bins.map(dict(enumerate(names)))}
    assert set(found) == {
        (name, value, mistake)
        for name, own in columns.items()
        for value in own.unique()
        for mistake in ("missed", "alarmed")
    }
    for (name, value, mistake), one in found.items():
        kept = frame["y"] == (mistake == "missed")
        wrong, inside = flagged[kept] != (frame["y"][kept] == 1), columns[name][kept] == value
        cross = pd.crosstab(inside, wrong).reindex(index=[True, False], columns=[True, False]).to_numpy()
        share = cross[:, 0] / cross.sum(axis=1)
        assert (one.cases, one.errors) == (cross[0].sum(), cross[0, 0])
        assert (one.rate, one.others, one.difference.value) == pytest.approx((*share, share[0] - share[1]))
        if name == "site" and value == "missing":
            assert math.isnan(one.p)
            assert not one.difference.bounded
            assert one.difference.reasons[0].count == cross[0].sum()
        else:
            # The exact test of the same table is another one, and near it.
            assert one.p == pytest.approx(fisher_exact(cross).pvalue, rel=0.35, abs=0.06)


def test_adjusted_and_selected_over_all_values_and_both_mistakes() -> None:
    found = explained(planted())
    every = [one for one in by_value(found).values() if not math.isnan(one.p)]
    wanted = false_discovery_control([one.p for one in every])
    assert [one.p_adjusted for one in every] == pytest.approx(wanted.tolist())
    assert (found.tests, found.selected) == (len(every), (wanted <= 0.05).sum())
    level = 1 - 0.05 * found.selected / found.tests
    assert found.level(0.95) == pytest.approx(level)
    for one in every:
        assert one.selected == (one.p_adjusted <= 0.05)
        own, ends = level if one.selected else 0.95, []
        for hits, cases in _counts(found, one):
            tail = (1 - own) / 2
            low, high = beta.ppf(tail, hits, cases - hits + 1), beta.ppf(1 - tail, hits + 1, cases - hits)
            ends.append((hits / cases, low, high))
        (rate, low, high), (other, least, most) = ends
        assert one.difference.low == pytest.approx(rate - other - math.hypot(rate - low, most - other), abs=1e-9)
        assert one.difference.high == pytest.approx(rate - other + math.hypot(high - rate, other - least), abs=1e-9)
        assert not one.selected or one.difference.low > 0 or one.difference.high < 0


def _counts(found: Enrichment, one: ValueErrors) -> list[tuple[int, int]]:
    """Count errors and cases of a value, and of its column's others."""
    (column,) = (own for own in found.columns if any(one is value for value in own.values))
    same = [value for value in column.values if value.mistake == one.mistake]
    errors, cases = (sum(int(getattr(value, name)) for value in same) for name in ("errors", "cases"))
    return [(int(one.errors), int(one.cases)), (errors - int(one.errors), cases - int(one.cases))]


def test_a_planted_column_is_found_with_clusters_and_without() -> None:
    for cluster in (None, "patient"):
        found = by_value(explained(planted(), cluster=cluster))
        assert found["scanner", "B", "missed"].selected
        assert found["scanner", "B", "missed"].difference.low > 0.1
        more = [key for key, one in found.items() if one.selected and one.difference.value > 0]
        assert more == [("scanner", "B", "missed")]


def test_targets_are_one_family_and_a_fitted_cut_is_taken() -> None:
    frame, tuning = planted(), planted(seed=1)
    for one in (frame, tuning):
        one["z"], one["q"] = one["y"].to_numpy()[::-1], one["p"].to_numpy()[::-1]
    spec = ScoredSpec(["y", "z"], ["p", "q"], group=["sex"], explain=["scanner"])
    fit_on = read_scored(tuning, spec)
    policies = ("0.5", "youden per group", "youden")
    entries = audit_table(read_scored(frame, spec), fit_on=fit_on, policies=policies, **QUICK)
    found = [entry.audit.enrichment for entry in entries if entry.attribute is None]
    assert len(found) == 2
    values = [one for own in found if own for one in by_value(own).values()]
    assert [one.p_adjusted for one in values] == pytest.approx(false_discovery_control([one.p for one in values]))
    for own, entry in zip(found, entries, strict=False):
        assert own is not None
        assert own.tests == 12
        assert entry.audit.thresholds[own.threshold].policy == "youden"


def test_arrays_go_the_same_way() -> None:
    frame = planted()
    rows = frame["y"], frame["p"], (frame["sex"] == "M").astype(int), ["F", "M"]
    found = audit(*rows, thresholds=[fixed(0.5)], explain=frame[["scanner", "site"]], **QUICK).enrichment
    assert repr(found) == repr(explained(frame, ["scanner", "site"]))  # where a missing p is a missing p
    assert audit(*rows, **QUICK).enrichment is None
    with pytest.raises(FairTuneError, match="`explain` has 3 rows for 2000 labels"):
        audit(*rows, thresholds=[fixed(0.5)], explain=frame[["site"]][:3], **QUICK)
    own = Decision("own", by_group={"F": 0.5, "M": 0.4})
    for cuts in ([], [own]):
        with pytest.raises(FairTuneError, match="`explain` needs a threshold that all rows share"):
            audit(*rows, thresholds=cuts, explain=frame[["site"]], **QUICK)


def test_a_table_with_own_cuts_alone_is_refused_before_work() -> None:
    spec = ScoredSpec(["y"], ["p"], group=["sex"], explain=["site"])
    rows = read_scored(planted(), spec)
    with pytest.raises(FairTuneError, match="`explain` needs a threshold that all rows share; add one, such as 0.5"):
        audit_table(rows, fit_on=read_scored(planted(seed=1), spec), policies=("f1 per group",), **QUICK)


def test_a_threshold_that_flags_nobody_is_taken_where_there_is_no_other() -> None:
    frame = planted(600)
    spec = ScoredSpec(["y"], ["p"], group=["sex"], explain=["scanner"])
    found = audit_table(read_scored(frame, spec), policies=("0.95",), **QUICK)[0].audit
    assert found.enrichment is not None
    assert found.thresholds[0].degenerate
    assert (found.enrichment.threshold, found.enrichment.selected) == (0, 0)
    assert {one.rate for one in by_value(found.enrichment).values()} == {0.0, 1.0}


def test_rows_of_a_split_keep_their_columns() -> None:
    frame = planted(200).assign(split=["test", "validation"] * 100)
    rows = read_scored(frame, ScoredSpec(["y"], ["p"], group=["sex"], explain=["scanner"]))
    half = rows.take(np.arange(200) % 2 == 0)
    (own,) = half.explain
    assert [own.names[code] for code in own.values] == frame["scanner"][::2].tolist()
    assert replace(half, explain=[]).row_hash == half.row_hash
