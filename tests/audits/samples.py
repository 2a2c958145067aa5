"""Small random splits for the tests of audits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import ArrayLike

from hf_fairtune.audits.engine.delong import auc
from hf_fairtune.audits.engine.rows import ScoredRows, check_rows
from hf_fairtune.audits.metrics.metric import cut_metrics
from hf_fairtune.audits.thresholds import fixed
from hf_fairtune.document.audit import Audit, RateGroup, ThresholdAudit
from hf_fairtune.document.comparison import Comparison, GroupChange
from hf_fairtune.document.estimate import NAN, Estimate, Reason, Unit

NAMES = ("a", "b", "c")
QUICK: dict[str, Any] = {"n_boot": 200}
POINTS: dict[str, Any] = {"n_boot": 0, "n_permutations": 0}
# The model's and the reference's.
CUTS = [(fixed(0.5), fixed(0.45))]


def split(
    positives: tuple[int, ...] = (30, 25, 22),
    negatives: tuple[int, ...] = (60, 50, 45),
    seed: int = 0,
    digits: int = 2,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, scores in (0, 1) with ties, and group codes, with these counts by group, shuffled."""
    rng = np.random.default_rng(seed)
    labels = np.concatenate([np.repeat([1, 0], c) for c in zip(positives, negatives, strict=True)])
    groups = np.repeat(np.arange(len(positives)), np.add(positives, negatives))
    scores = np.round(1 / (1 + np.exp(-rng.normal(labels * 1.5 - 0.7, 1.0))), digits)
    order = rng.permutation(len(labels))
    return labels[order], scores[order], groups[order]


def whole_weights(n: int, seed: int = 3) -> np.ndarray:
    """Whole numbers from 1 to 5, [n]."""
    return np.random.default_rng(seed).integers(1, 6, n)


def two_models(seed: int = 0, **kwargs: Any) -> tuple[np.ndarray, ...]:
    """Labels, a model's scores, a reference's that go with them, and groups."""
    labels, scores, groups = split(seed=seed, **kwargs)
    noise = np.random.default_rng(seed + 100).normal(0, 0.1, len(scores))
    return labels, scores, np.clip(np.round(scores + noise, 2), 0, 1), groups


def rows(clusters: np.ndarray | None = None, **kwargs: object) -> ScoredRows:
    """The same, checked."""
    labels, scores, groups = split(**kwargs)  # type: ignore[arg-type]
    return check_rows(labels, scores, groups, NAMES[: int(groups.max()) + 1], clusters)


def checked(labels: ArrayLike, scores: ArrayLike, groups: ArrayLike | None = None) -> ScoredRows:
    """Columns as checked rows, of the groups a, b and c; all of one group if none are given."""
    codes = np.zeros_like(labels, dtype=np.int64) if groups is None else groups
    return check_rows(labels, scores, codes, NAMES)


def shuffled(given: ScoredRows, seed: int = 5) -> ScoredRows:
    """The same rows in another order."""
    return given.take(np.random.default_rng(seed).permutation(len(given.labels)))


@st.composite
def tied_splits(draw: st.DrawFn, least: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, scores from a coarse grid and groups in 0..2; with `least`, that many rows of every cell."""
    row = st.tuples(st.integers(0, 1), st.integers(0, 4), st.integers(0, 2))
    drawn = draw(st.lists(row, min_size=1, max_size=30))
    drawn += [(y, draw(st.integers(0, 4)), g) for g in range(3) for y in (0, 1) for _ in range(least)]
    labels, scores, groups = np.array(drawn).T
    return labels, scores / 4, groups


def slow_auc(labels: np.ndarray, scores: np.ndarray) -> float:
    """Count pairs one by one."""
    pairs = [(p > q) + (p == q) / 2 for p in scores[labels == 1] for q in scores[labels == 0]]
    return sum(pairs) / len(pairs) if pairs else float("nan")


def group_aucs(labels: np.ndarray, scores: np.ndarray, groups: np.ndarray, n_groups: int) -> np.ndarray:
    """AUC within each group."""
    return np.array([auc(labels[groups == g], scores[groups == g]) for g in range(n_groups)])


def few(unit: Unit, count: int, needed: int = 10, group: str | None = None) -> Reason:
    """So many cases, fewer than needed."""
    return Reason("too_few", group, unit, count, needed)


def on_positives(found: Audit | Comparison) -> list[Estimate]:
    """Numbers of all groups together that need positives in each."""
    gaps = found.thresholds[0].gaps
    decided = gaps["equal_opportunity_difference"], gaps["equalized_odds_difference"]
    return [found.min_group_auc, found.auc_gap, *decided]


def without_positives(found: Audit | Comparison) -> list[Estimate]:
    """Numbers of all groups together that need none."""
    gaps = found.thresholds[0].gaps
    return [gaps["predictive_equality_difference"], gaps["demographic_parity_difference"]]


def group_change(low: float, high: float) -> GroupChange:
    """A group whose simultaneous interval is this, and whose fall may reach its low end."""
    found = Estimate((low + high) / 2, low, high, "made up")
    return GroupChange("a", 40, 20, 20, "ok", (), found, NAN, found, max(0.0, -low) if low == low else NAN)


def without_cut_metrics(found: ThresholdAudit) -> list[RateGroup]:
    """The groups without what needs a cut, which decisions made elsewhere have not."""
    kept = [{key: own for key, own in row.rates.items() if key not in cut_metrics()} for row in found.groups]
    return [replace(row, rates=rates) for row, rates in zip(found.groups, kept, strict=True)]
