"""Measure how often intervals of a change that claim 95 % hold the true change, and how often a verdict is wrong.

Scores of model and reference are normal within class, with correlation `rho` and the AUCs of each scenario, so every
true change is known; `sizes` are the images of one patient after the other, much alike. `ours` is what `compare`
gives; the others are made from the same paired resamples: percentiles of the replicates, the estimate -+ 1.96 of their
standard deviations, and percentiles reflected at the estimate ("basic"). The last line of a scenario is the share of
samples with each verdict.

    python scripts/benchmarks/paired_coverage.py --samples 200
"""

from __future__ import annotations

import argparse
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from hf_fairtune.audits.comparison import compare
from hf_fairtune.audits.engine.bootstrap import Replicates, bootstrap
from hf_fairtune.audits.engine.rows import check_rows
from hf_fairtune.audits.metrics.metric import rates
from hf_fairtune.audits.thresholds import fixed
from hf_fairtune.document.comparison import Comparison

# The cut, and the share of the scores' variance between patients.
CUT, ALIKE = 0.8, 0.7
Z = float(norm.ppf(0.975))
KINDS = ("ours", "percentile", "normal", "basic")


@dataclass(frozen=True)
class Scenario:
    """A reference and a model: patients of each class and both AUCs by group, correlation of the scores, images."""

    name: str
    positives: Sequence[int]
    negatives: Sequence[int]
    before: Sequence[float]
    after: Sequence[float]
    rho: float = 0.9
    sizes: Sequence[int] = (1,)


TWO, FOUR = ([60, 30], [200, 100]), ([60, 30, 30, 20], [200, 100, 80, 80])
SCENARIOS = [
    Scenario("no change, equal groups", *TWO, [0.82] * 2, [0.82] * 2),
    Scenario("no change, a gap", *TWO, [0.86, 0.76], [0.86, 0.76]),
    Scenario("no change, nearly the same scores", *TWO, [0.82] * 2, [0.82] * 2, 0.99),
    Scenario("no change, 4 equal groups", *FOUR, [0.82] * 4, [0.82] * 4),
    Scenario("small change", *TWO, [0.86, 0.76], [0.85, 0.80]),
    Scenario("gap closed", *TWO, [0.88, 0.74], [0.83, 0.83]),
    Scenario("gap closed, 4 groups", *FOUR, [0.88, 0.84, 0.80, 0.74], [0.83] * 4),
    Scenario("gap opened, 4 groups", *FOUR, [0.83] * 4, [0.88, 0.84, 0.80, 0.74]),
    Scenario("gap closed, few cases", [15, 15], [50, 50], [0.88, 0.74], [0.83, 0.83]),
    Scenario("gap closed, many cases", [300, 100], [1500, 500], [0.88, 0.80], [0.85, 0.85]),
    Scenario("gap closed, unequal clusters", *TWO, [0.88, 0.74], [0.83, 0.83], sizes=(1, 1, 2, 3, 8)),
    Scenario("no change, unequal clusters", *TWO, [0.82] * 2, [0.82] * 2, sizes=(1, 1, 2, 3, 8)),
    Scenario("levelled down", [300, 100], [1500, 500], [0.88, 0.80], [0.82, 0.80], 0.97),
    Scenario("lifted", [300, 100], [1500, 500], [0.88, 0.78], [0.88, 0.84], 0.97),
]


def draw(scenario: Scenario, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Draw clusters, labels, groups, scores of the model and of the reference."""
    patients = zip(scenario.positives, scenario.negatives, strict=True)
    labels = np.concatenate([np.repeat([1, 0], pair) for pair in patients])
    groups = np.repeat(np.arange(len(scenario.positives)), np.add(scenario.positives, scenario.negatives))
    clusters = np.repeat(np.arange(len(labels)), np.resize(scenario.sizes, len(labels)))
    labels, groups = labels[clusters], groups[clusters]
    alike, single = rng.normal(size=(2, clusters[-1] + 1))[:, clusters], rng.normal(size=(2, len(clusters)))
    noise, own = np.sqrt(ALIKE) * alike + np.sqrt(1 - ALIKE) * single
    both = [scenario.rho * noise + np.sqrt(1 - scenario.rho**2) * own, noise]
    shifts = [np.sqrt(2) * norm.ppf(aucs) for aucs in (scenario.after, scenario.before)]
    return clusters, labels, groups, *(x + labels * shift[groups] for x, shift in zip(both, shifts, strict=True))


def numbers(auc: np.ndarray, tpr: np.ndarray, fpr: np.ndarray, selected: np.ndarray) -> dict[str, np.ndarray]:
    """Compute what a comparison reports from the groups' numbers, [..., n_groups]."""
    return {
        "AUC, last group": auc[..., -1],
        "TPR, last group": tpr[..., -1],
        "lowest AUC": auc.min(axis=-1),
        "AUC gap": np.ptp(auc, axis=-1),
        "equalized odds": np.maximum(np.ptp(tpr, axis=-1), np.ptp(fpr, axis=-1)),
        "demographic parity": np.ptp(selected, axis=-1),
    }


def truth(scenario: Scenario, aucs: Sequence[float]) -> dict[str, np.ndarray]:
    """Compute the true numbers of one model."""
    positives, negatives = np.array(scenario.positives), np.array(scenario.negatives)
    tpr = norm.sf(CUT - np.sqrt(2) * norm.ppf(aucs))
    fpr = np.full(len(tpr), norm.sf(CUT))
    selected = (tpr * positives + fpr * negatives) / (positives + negatives)
    return numbers(np.array(aucs), tpr, fpr, selected)


def ours(found: Comparison) -> dict[str, tuple[float, float, float]]:
    """Read estimate, low and high off a comparison."""
    (cut,) = found.thresholds
    chosen = {
        "AUC, last group": found.groups[-1].auc,
        "TPR, last group": cut.groups[-1].rates["tpr"],
        "lowest AUC": found.min_group_auc,
        "AUC gap": found.auc_gap,
        "equalized odds": cut.gaps["equalized_odds_difference"],
        "demographic parity": cut.gaps["demographic_parity_difference"],
    }
    return {name: (item.value, item.low, item.high) for name, item in chosen.items()}


def candidates(estimate: float, low: float, high: float, changes: np.ndarray) -> dict[str, tuple[float, float]]:
    """Make every kind of interval."""
    first, last = np.quantile(changes, [0.025, 0.975])
    half = Z * changes.std()
    return {
        "ours": (low, high),
        "percentile": (first, last),
        "normal": (estimate - half, estimate + half),
        "basic": (2 * estimate - last, 2 * estimate - first),
    }


def replicated(found: Replicates, n_groups: int) -> dict[str, np.ndarray]:
    """Compute the numbers of every replicate."""
    drawn = (rates()[kind](found.counts[:, :, 0, :n_groups]) for kind in ("tpr", "fpr", "selection_rate"))
    return numbers(found.auc[:, :n_groups], *drawn)


def simulate(scenario: Scenario, samples: int, n_boot: int) -> None:
    """Print coverage and mean width of every interval, and the verdicts."""
    rng, names = np.random.default_rng(0), [str(g) for g in range(len(scenario.positives))]
    true = {k: v - truth(scenario, scenario.before)[k] for k, v in truth(scenario, scenario.after).items()}
    inside, width = defaultdict(list), defaultdict(list)
    verdicts: Counter[str] = Counter()
    for seed in range(samples):
        clusters, labels, groups, *scores = draw(scenario, rng)
        cuts = [(fixed(CUT), fixed(CUT))]
        found = compare(labels, *scores, groups, names, thresholds=cuts, clusters=clusters, n_boot=n_boot, seed=seed)
        verdicts[found.verdict] += 1
        both = [check_rows(labels, one, groups, names, clusters) for one in scores]
        decisions = [(one[None] >= CUT).astype(np.int64) for one in scores]
        model, reference = (replicated(r, len(names)) for r in bootstrap(both, decisions, n_boot, seed))
        for name, (estimate, *ends) in ours(found).items():
            for kind, (low, high) in candidates(estimate, *ends, model[name] - reference[name]).items():
                inside[name, kind].append(low <= true[name] <= high)
                width[name, kind].append(high - low)
    print(f"\n{scenario.name}: AUC {list(scenario.before)} -> {list(scenario.after)}, rho {scenario.rho}")
    for name, change in true.items():
        cells = [f"{np.mean(inside[name, k]):.3f} ({np.mean(width[name, k]):.3f})" for k in KINDS]
        print(f"  {name:20}{change:+8.3f}  " + "  ".join(cells))
    print("  " + ", ".join(f"{name} {count / samples:.3f}" for name, count in verdicts.most_common()))


def main() -> None:
    """Run the scenarios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=100, help="test sets a scenario")
    parser.add_argument("--n_boot", type=int, default=300, help="replicates a test set")
    given = parser.parse_args()
    print(f"  {'coverage (width)':20}{'true':>8}  " + "  ".join(f"{kind:13}" for kind in KINDS))
    for scenario in SCENARIOS:
        simulate(scenario, given.samples, given.n_boot)


if __name__ == "__main__":
    main()
