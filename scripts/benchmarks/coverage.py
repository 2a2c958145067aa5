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

from hf_fairtune.audits.evidence import Evidence
from hf_fairtune.audits.group_auc import auc_family
from hf_fairtune.intervals.auc_test import auc_difference_test
from hf_fairtune.intervals.bootstrap import Replicates, bootstrap, percentile_interval
from hf_fairtune.intervals.clustered_delong import clustered_auc_interval
from hf_fairtune.intervals.delong import auc_difference, auc_interval
from hf_fairtune.intervals.estimate import Estimate
from hf_fairtune.intervals.gap_null import gap_null
from hf_fairtune.intervals.proportion import wilson
from hf_fairtune.intervals.recalibration import slope_interval
from hf_fairtune.intervals.simultaneous import minimum_interval, range_interval
from hf_fairtune.metrics.auc import group_aucs
from hf_fairtune.metrics.rows import Rows, check_rows

LARGE, NEGATIVES = (40, 200), 100
NAMES = ("large", "small")
LEVEL = 0.95
PERMUTATIONS = 199
Held = Iterator[tuple[str, float]]


def draw(k: int, auc: float, rng: np.random.Generator) -> Rows:
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


def of_aucs(rows: Rows, auc: float, draws: Replicates) -> Held:
    """Judge the intervals and tests of AUCs."""
    inside = [rows.groups == g for g in (0, 1)]
    large, small = (auc_interval(rows.labels[i], rows.scores[i], LEVEL) for i in inside)
    yield "AUC: logit-DeLong", held(small, auc)
    yield "AUC: percentile bootstrap", within(auc, *percentile_interval(draws.auc[:, 1], LEVEL)[:2])
    yield "AUC difference: MOVER", held(auc_difference(small, large), 0)
    moved = percentile_interval(draws.auc[:, 1] - draws.auc[:, 0], LEVEL)
    yield "AUC difference: percentile bootstrap", within(0, *moved[:2])
    values = group_aucs(rows.labels, rows.scores, rows.groups, 2)
    family = auc_family(Evidence(rows, (0, 1), draws, LEVEL), values)
    parts = (family.values, family.draws(draws), family.errors, LEVEL)
    yield "lowest AUC: sup-t", within(auc, *minimum_interval(*parts))
    yield "AUC gap: sup-t", within(0, *range_interval(*parts))
    shares = [[values[i] for i in inside] for values in (rows.labels, rows.scores)]
    yield "size of the pair's test", float(auc_difference_test(*map(tuple, shares)).p <= 1 - LEVEL)
    null = gap_null(rows.labels, rows.scores, rows.groups, permutations=PERMUTATIONS)
    yield "size of the gap's permutation test", float(null.p <= 1 - LEVEL)


def of_rates(rows: Rows, auc: float, cut: float, draws: Replicates) -> Held:
    """Judge the intervals of rates at a cut."""
    cells = [(rows.groups == g) & (rows.labels == y) for y in (1, 0) for g in (0, 1)]
    hits = [(int((rows.scores[cell] >= cut).sum()), int(cell.sum())) for cell in cells]
    found = [wilson(*pair, LEVEL) for pair in hits]
    yield "TPR: Wilson", held(found[1], norm.sf(cut - separation(auc)))
    yield "FPR: Wilson", held(found[3], norm.sf(cut))
    values = np.array([item.value for item in found]).reshape(2, 2)
    errors = np.array([(item.high - item.low) / 2 for item in found]).reshape(2, 2) / norm.ppf((1 + LEVEL) / 2)
    both = np.stack([draws.tpr[:, 0, :2], draws.fpr[:, 0, :2]], axis=1)
    yield "equalized odds difference: sup-t", within(0, *range_interval(values, both, errors, LEVEL))


def of_calibration(rows: Rows, k: int, auc: float) -> Held:
    """Judge the slope of probabilities that are right."""
    inside, far = rows.groups == 1, separation(auc)
    chance = expit(far * rows.scores[inside] - far**2 / 2 + logit(k / (k + NEGATIVES)))
    yield "calibration slope: sandwich", held(slope_interval(rows.labels[inside], chance), 1)


def of_clusters(k: int, auc: float, agreement: float, rng: np.random.Generator, n_boot: int) -> Held:
    """Judge intervals where every case has two images."""
    alone = draw(k, auc, rng)
    index = np.repeat(np.arange(len(alone.labels)), 2)
    own = rng.normal(size=len(index)) * math.sqrt(1 - agreement)
    labels, groups = alone.labels[index], alone.groups[index]
    patients = (alone.scores - separation(auc) * alone.labels) * math.sqrt(agreement)
    scores = patients[index] + own + separation(auc) * labels
    rows = check_rows(labels, scores, groups, NAMES, index)
    draws = bootstrap(rows, (), n_boot, int(rng.integers(2**31)))
    small = groups == 1
    yield "clusters, AUC: percentile bootstrap", within(auc, *percentile_interval(draws.auc[:, 1], LEVEL)[:2])
    moved = percentile_interval(draws.auc[:, 1] - draws.auc[:, 0], LEVEL)
    yield "clusters, AUC difference: percentile bootstrap", within(0, *moved[:2])
    yield "clusters, AUC: Obuchowski", held(clustered_auc_interval(labels[small], scores[small], index[small]), auc)
    yield "clusters ignored, AUC: logit-DeLong", held(auc_interval(labels[small], scores[small], LEVEL), auc)


def simulate(k: int, given: argparse.Namespace) -> dict[str, float]:
    """Compute the coverage of every interval at `k` positives; samples without an interval are left out."""
    rng, found = np.random.default_rng(given.seed), defaultdict(list)
    cut = separation(given.auc) / 2
    for _ in range(given.runs):
        rows = draw(k, given.auc, rng)
        draws = bootstrap(rows, [cut], given.n_boot, int(rng.integers(2**31)))
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
