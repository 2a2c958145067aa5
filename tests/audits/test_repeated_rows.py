"""A row of weight w is w rows: every number of a weighted audit, whatever the metric, is that of repeated rows."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest

from hf_fairtune.audits.audit import audit
from hf_fairtune.audits.comparison import compare
from hf_fairtune.audits.engine.clusters import paired_variance
from hf_fairtune.audits.metrics.metric import cut_metrics, gaps, rates, score_metrics
from hf_fairtune.audits.replication import replicate
from hf_fairtune.audits.thresholds import fixed, youden
from hf_fairtune.document.estimate import Effective

from .samples import NAMES, POINTS, split, two_models, whole_weights

# What a row stands for says nothing of how many rows there are, of what they could show, and of their order by chance.
OF_ROWS = {"n", "positives", "negatives", "true_positives", "false_positives", "clusters", "counts", "status"}
OF_ROWS |= {"detectable", "positives_wanted", "negatives_wanted", "ranking", "ece_null", "ece_null_high", "ece_excess"}
OF_ROWS |= {"sampling_error", "gain", "fall", "scarcer", "cases", "errors", "tests", "selected"}
OF_ROWS |= {"p", "p_adjusted", "low", "high", "p_method", "method", "reasons"} | {
    one.name for one in fields(Effective)
}


def numbers_in(part: Any, path: str = "") -> Iterator[tuple[str, float]]:
    """Every number of a part of a document that is no size, by where it stands."""
    if is_dataclass(part):
        for field in fields(part):
            if field.name not in OF_ROWS:
                yield from numbers_in(getattr(part, field.name), f"{path}.{field.name}")
    elif isinstance(part, dict):
        for key, item in part.items():
            yield from numbers_in(item, f"{path}.{key}")
    elif isinstance(part, (list, tuple)):
        for place, item in enumerate(part):
            yield from numbers_in(item, f"{path}.{place}")
    elif isinstance(part, (int, float)) and not isinstance(part, bool):
        yield path, float(part)


@pytest.mark.parametrize("clustered", [False, True])
@pytest.mark.parametrize("digits", [1, 2])
def test_whole_weights_have_the_numbers_of_rows_that_are_repeated(digits: int, clustered: bool) -> None:
    labels, scores, groups = split(digits=digits)
    scores = scores.clip(0.05, 0.95)
    weights = whole_weights(len(labels))
    clusters = np.arange(len(labels)) // 3 if clustered else None
    cuts = [fixed(0.5), youden(*split(seed=9, digits=digits)[:2])]
    sites = pd.DataFrame({"site": np.array(["x", "y", "z"])[np.arange(len(labels)) % 3]})
    asked = {"thresholds": cuts, **POINTS}
    found = audit(labels, scores, groups, NAMES, clusters=clusters, weights=weights, explain=sites, **asked)
    copies, many = (
        [np.repeat(column, weights) for column in (labels, scores, groups)],
        sites.loc[sites.index.repeat(weights)],
    )
    wanted = audit(*copies, NAMES, explain=many, **asked)
    numbers, others = dict(numbers_in(found)), dict(numbers_in(wanted))
    # Curves leave out points on straight lines, of which rounding may keep one.
    kept = {path for path in others if ".roc." not in path}
    assert kept == {path for path in numbers if ".roc." not in path}
    assert {path: numbers[path] for path in kept} == pytest.approx({p: others[p] for p in kept}, nan_ok=True, abs=1e-7)
    named = " ".join(kept)
    assert ".decision.0.tpr.7" in kept
    assert ".enrichment.columns.0.values.0.rate" in kept
    for name in {**rates(), **gaps(), **score_metrics(), **cut_metrics()}:
        assert f".{name}" in named


def test_curves_are_those_of_rows_that_are_repeated() -> None:
    labels, scores, groups = split()
    weights = whole_weights(len(labels))
    found = audit(labels, scores, groups, NAMES, weights=weights, **POINTS).roc
    wanted = audit(*(np.repeat(column, weights) for column in (labels, scores, groups)), NAMES, **POINTS).roc
    for one, other in zip(found, wanted, strict=True):
        for x, y in zip(other.fpr, other.tpr, strict=True):
            assert any(np.allclose((x, y), point) for point in zip(one.fpr, one.tpr, strict=True))


def test_changes_are_those_of_rows_that_are_repeated() -> None:
    labels, scores, reference, groups = two_models()
    weights, cuts = whole_weights(len(labels)), [(fixed(0.5), fixed(0.45))]
    found = compare(labels, scores, reference, groups, NAMES, thresholds=cuts, weights=weights, n_boot=0)
    copies = [np.repeat(column, weights) for column in (labels, scores, reference, groups)]
    wanted = compare(*copies, NAMES, thresholds=cuts, n_boot=0)
    kept = {path: x for path, x in numbers_in(wanted) if ".joint" not in path}
    numbers = dict(numbers_in(found))
    assert {path: numbers[path] for path in kept} == pytest.approx(kept, nan_ok=True, abs=1e-12)


@pytest.mark.parametrize("size", [1, 2])
def test_trainings_are_those_of_rows_that_are_repeated(size: int) -> None:
    labels, scores, reference, groups = two_models()
    weights, rng = whole_weights(len(labels)) * (np.arange(len(labels)) % 9 > 0), np.random.default_rng(0)
    clusters = np.arange(len(labels)) // size
    runs = np.stack([scores + rng.normal(0, 0.05, len(scores)) for _ in range(3)])
    found = replicate(labels, runs, reference, groups, NAMES, clusters=clusters, weights=weights)
    copies = [np.repeat(column, weights) for column in (labels, reference, groups)]
    wanted = replicate(copies[0], np.repeat(runs, weights, axis=1), *copies[1:], NAMES)
    kept = {path: x for path, x in numbers_in(wanted) if "fall" not in path}
    numbers = dict(numbers_in(found))
    assert {path: numbers[path] for path in kept} == pytest.approx(kept, nan_ok=True, abs=1e-12)


def test_rows_move_trainings_as_they_move_a_change() -> None:
    """Three trainings that are all alike are a paired comparison."""
    labels, scores, reference, groups = two_models()
    weights = np.random.default_rng(0).gamma(2.0, size=len(labels)) + 0.1
    found = replicate(labels, np.stack([scores] * 3), reference, groups, NAMES, weights=weights)
    for code, row in enumerate(found.groups):
        own = groups == code
        variance = paired_variance(labels[own], scores[own], reference[own], np.arange(own.sum()), weights[own])
        assert row.auc.change.sampling_error == pytest.approx(np.sqrt(variance))
