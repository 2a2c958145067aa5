"""Measure how often intervals that claim 95 % hold the truth when a group has few positives.

Two groups with the same AUC, scores normal within class: a large one with 40 positives and 200 negatives, and a small
one with k positives and 100 negatives. The guards of an audit, which withhold most of these intervals below 10
positives, are left off to show why they are there. `size` is the share of samples in which a test at 5 % finds a
difference that is not there. For clusters every case becomes a patient with two images that agree at `--agreement`.

    python scripts/benchmarks/coverage.py --runs 1000
"""

from __future__ import annotations

import argparse
import math
import time
from collections import defaultdict
from collections.abc import Iterator

import numpy as np
from scipy.special import expit, logit
from scipy.stats import norm

from hf_fairtune.audits.engine.auc_tests import auc_difference_test
from hf_fairtune.audits.engine.bands import Family
from hf_fairtune.audits.engine.bootstrap import Replicates, bootstrap
from hf_fairtune.audits.engine.delong import auc_interval, mover_difference
from hf_fairtune.audits.engine.permutations import gap_null
from hf_fairtune.audits.engine.proportions import wilson
from hf_fairtune.audits.engine.resampled_rows import ResampledRows
from hf_fairtune.audits.engine.rows import ScoredRows, check_rows
from hf_fairtune.audits.metrics.auc_gap import auc_errors
from hf_fairtune.audits.metrics.calibration_slope import calibration_slope
from hf_fairtune.audits.metrics.metric import rates
from hf_fairtune.document.estimate import Estimate

LARGE, NEGATIVES = (40, 200), 100
NAMES = ("large", "small")
LEVEL = 0.95
PERMUTATIONS = 199
Held = Iterator[tuple[str, float]]


def draw(k: int, auc: float, rng: np.random.Generator) -> ScoredRows:
    """Draw both groups."""
    labels = np.repeat([1, 0, 1, 0], [*LARGE, k, NEGATIVES])
    groups = np.repeat([0, 1], [sum(LARGE), k + NEGATIVES])
    return check_rows(labels, rng.normal(separation(auc) * labels), groups, NAMES)


def separation(auc: float) -> float:
    """Distance of two normals of spread 1 whose AUC this is."""
    return math.sqrt(2) * float(norm.ppf(auc))


def within(truth: float, low: float, high: float) -> float:
    """Tell whether an interval holds the truth; NaN where there is none."""
    return math.nan if math.isnan(low) else float(low <= truth <= high)


def held(found: Estimate, truth: float) -> float:
    """The same for an estimate."""
    return within(truth, found.low, found.high)


def percentiles(draws: np.ndarray) -> tuple[float, float]:
    """Percentile interval of replicates, [n_boot]; those that are undefined are left out."""
    low, high = np.nanquantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def of_aucs(rows: ScoredRows, auc: float, draws: Replicates) -> Held:
    """Judge the intervals and tests of AUCs."""
    both = [rows.take(rows.groups == g) for g in (0, 1)]
    large, small = (auc_interval(own.labels, own.scores, confidence=LEVEL) for own in both)
    yield "AUC: logit-DeLong", held(small, auc)
    yield "AUC: percentile bootstrap", within(auc, *percentiles(draws.auc[:, 1]))
    yield "AUC difference: MOVER", held(mover_difference(small, large), 0)
    yield "AUC difference: percentile bootstrap", within(0, *percentiles(draws.auc[:, 1] - draws.auc[:, 0]))
    values = np.array([large.value, small.value])
    errors = auc_errors(ResampledRows(rows, (0, 1), None, LEVEL), values)
    family = Family(values[None], errors, LEVEL)
    yield "lowest AUC: sup-t", within(auc, *family.extreme(draws.auc[:, None, :2]))
    yield "AUC gap: sup-t", within(0, *family.gap(draws.auc[:, None, :2]))
    first, second = both
    p, _ = auc_difference_test((first.labels, second.labels), (first.scores, second.scores))
    yield "size of the pair's test", float(p <= 1 - LEVEL)
    null = gap_null(rows.labels, rows.scores, rows.groups, permutations=PERMUTATIONS)
    yield "size of the gap's permutation test", float(null.p <= 1 - LEVEL)


def of_rates(rows: ScoredRows, auc: float, cut: float, draws: Replicates) -> Held:
    """Judge the intervals of rates at a cut."""
    cells = [(rows.groups == g) & (rows.labels == y) for y in (1, 0) for g in (0, 1)]
    hits = [int((rows.scores[cell] >= cut).sum()) for cell in cells]
    values, low, high = wilson(hits, [int(cell.sum()) for cell in cells], LEVEL)
    yield "TPR: Wilson", within(norm.sf(cut - separation(auc)), low[1], high[1])
    yield "FPR: Wilson", within(norm.sf(cut), low[3], high[3])
    errors = ((high - low) / 2).reshape(2, 2) / norm.ppf((1 + LEVEL) / 2)
    both = np.stack([rates()[name](draws.counts[:, :, 0, :2]) for name in ("tpr", "fpr")], axis=1)
    yield "equalized odds difference: sup-t", within(0, *Family(values.reshape(2, 2), errors, LEVEL).gap(both))


def of_calibration(rows: ScoredRows, k: int, auc: float) -> Held:
    """Judge the slope of probabilities that are right."""
    inside, far = rows.groups == 1, separation(auc)
    chance = expit(far * rows.scores[inside] - far**2 / 2 + logit(k / (k + NEGATIVES)))
    yield "calibration slope: sandwich", held(calibration_slope(rows.labels[inside], chance), 1)


def of_clusters(k: int, auc: float, agreement: float, rng: np.random.Generator, n_boot: int) -> Held:
    """Judge intervals where every case has two images."""
    alone = draw(k, auc, rng)
    index = np.repeat(np.arange(len(alone.labels)), 2)
    own = rng.normal(size=len(index)) * math.sqrt(1 - agreement)
    labels, groups = alone.labels[index], alone.groups[index]
    patients = (alone.scores - separation(auc) * alone.labels) * math.sqrt(agreement)
    scores = patients[index] + own + separation(auc) * labels
    rows = check_rows(labels, scores, groups, NAMES, index)
    none = np.empty((0, len(labels)), dtype=np.int64)
    (draws,) = bootstrap([rows], [none], n_boot, int(rng.integers(2**31)))
    small = rows.take(groups == 1)
    yield "clusters, AUC: percentile bootstrap", within(auc, *percentiles(draws.auc[:, 1]))
    moved = percentiles(draws.auc[:, 1] - draws.auc[:, 0])
    yield "clusters, AUC difference: percentile bootstrap", within(0, *moved)
    yield "clusters, AUC: Obuchowski", held(auc_interval(small.labels, small.scores, small.clusters, LEVEL), auc)
    yield "clusters ignored, AUC: logit-DeLong", held(auc_interval(small.labels, small.scores, None, LEVEL), auc)


def simulate(k: int, given: argparse.Namespace) -> dict[str, float]:
    """Compute the coverage of every interval at `k` positives; samples without an interval are left out."""
    rng, found = np.random.default_rng(given.seed), defaultdict(list)
    cut = separation(given.auc) / 2
    for _ in range(given.runs):
        rows = draw(k, given.auc, rng)
        decisions = (rows.scores >= cut).astype(np.int64)[None]
        (draws,) = bootstrap([rows], [decisions], given.n_boot, int(rng.integers(2**31)))
        parts = [of_aucs(rows, given.auc, draws), of_rates(rows, given.auc, cut, draws)]
        parts += [of_calibration(rows, k, given.auc)]
        parts += [of_clusters(k, given.auc, given.agreement, rng, given.n_boot)]
        for name, inside in (item for part in parts for item in part):
            found[name].append(inside)
    return {name: float(np.nanmean(values)) for name, values in found.items()}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=500, help="samples a number of positives")
    parser.add_argument("--n_boot", type=int, default=300, help="replicates a sample")
    parser.add_argument("--positives", type=int, nargs="+", default=[5, 10, 15, 20, 50], help="k, several")
    parser.add_argument("--auc", type=float, default=0.85, help="true AUC of both groups")
    parser.add_argument("--agreement", type=float, default=0.7, help="correlation of a patient's images")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    start = time.perf_counter()
    columns = [simulate(k, given) for k in given.positives]
    print(f"{'positives in the small group':48}" + "".join(f"{k:8}" for k in given.positives))
    for name in columns[0]:
        print(f"{name:48}" + "".join(f"{column[name]:8.3f}" for column in columns))
    error = math.sqrt(LEVEL * (1 - LEVEL) / given.runs)
    print(f"{given.runs} samples, standard error about {error:.3f}; {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
