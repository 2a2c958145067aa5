"""Simulate how often a comparison of two models gets which verdict: equal models, and a gain of one group.

    python scripts/benchmarks/verdicts.py --runs 1000

Scores are binormal, the two models' correlated. The Monte Carlo error of a share p is sqrt(p (1 - p) / runs).
"""

import argparse
from collections import Counter

import numpy as np
from scipy.stats import norm

from hf_fairtune.audits.comparison import compare

AUC, CORRELATION, NEGATIVES = 0.8, 0.9, 4
VERDICTS = ("better", "gain", "worse", "level-down", "not shown")


def shares(rng: np.random.Generator, positives: int, gains: list[float], runs: int) -> Counter[str]:
    """Count the verdicts of `runs` pairs of models; `gains` are true changes of AUC by group."""
    found: Counter[str] = Counter()
    n, names = positives * (1 + NEGATIVES), list(map(str, range(len(gains))))
    labels = np.tile(np.repeat([1, 0], [positives, n - positives]), len(gains))
    groups = np.repeat(np.arange(len(gains)), n)
    means = np.sqrt(2) * norm.ppf([[AUC + gain for gain in gains], [AUC] * len(gains)])
    for _ in range(runs):
        shared, own = rng.standard_normal((2, len(labels)))
        mixed = CORRELATION * shared + np.sqrt(1 - CORRELATION**2) * own
        model, reference = (noise + mean[groups] * labels for noise, mean in zip((mixed, shared), means, strict=True))
        found[compare(labels, model, reference, groups, names, n_boot=0).verdict] += 1
    return found


def main() -> None:
    """Print a row a setting."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    rng = np.random.default_rng(asked.seed)
    settings = [("equal models", positives, [0.0] * k) for k in (2, 4, 8) for positives in (12, 20, 50)]
    settings += [("+0.10 in one of 2", positives, [0.1, 0.0]) for positives in (20, 50, 200)]
    print(f"| setting | groups | positives a group | {' | '.join(VERDICTS)} |")
    print("|---" * (3 + len(VERDICTS)) + "|")
    for what, positives, gains in settings:
        found = shares(rng, positives, gains, asked.runs)
        cells = [f"{found[verdict] / asked.runs:.3f}" for verdict in VERDICTS]
        print(f"| {what} | {len(gains)} | {positives} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
