"""Time bootstrap intervals of the AUC, overall and by group: ours, fairlearn's MetricFrame, a scikit-learn loop.

All three give percentile intervals from as many replicates. The slow two run fewer unless `--full` is given; their
seconds are then scaled up, and the table says so. Ratios are of seconds for all replicates.

    python scripts/benchmarks/bootstrap.py
    python scripts/benchmarks/bootstrap.py --full
    python scripts/benchmarks/bootstrap.py --rows 1000000 --groups 12 --ours_only
"""

from __future__ import annotations

import argparse
import os
import resource
import time
import warnings
from collections.abc import Callable

import numpy as np

from hf_fairtune.audits.engine.bootstrap import bootstrap
from hf_fairtune.audits.engine.rows import ScoredRows, check_rows


def sample(n: int, n_groups: int, prevalence: float, seed: int) -> ScoredRows:
    """Draw scored rows."""
    rng = np.random.default_rng(seed)
    labels = (rng.random(n) < prevalence).astype(int)
    scores = 1 / (1 + np.exp(-rng.normal(1.5 * labels - 0.7)))
    return check_rows(labels, scores, rng.integers(n_groups, size=n), [str(g) for g in range(n_groups)])


def ours(rows: ScoredRows, n_boot: int) -> np.ndarray:
    """Run the package: intervals [n_groups + 1, 2], the whole split last."""
    (found,) = bootstrap([rows], [np.empty((0, len(rows.labels)), dtype=np.int64)], n_boot)
    return np.nanquantile(found.auc, [0.025, 0.975], axis=0).T


def loop(rows: ScoredRows, n_boot: int) -> np.ndarray:
    """Draw rows and call scikit-learn for each group and for all."""
    from sklearn.metrics import roc_auc_score  # here, so that it weighs nothing where only ours is measured

    rng, n, size = np.random.default_rng(0), len(rows.labels), len(rows.group_names)
    aucs = np.empty((n_boot, size + 1))
    for replicate in aucs:
        drawn = rng.integers(n, size=n)
        labels, scores, groups = rows.labels[drawn], rows.scores[drawn], rows.groups[drawn]
        replicate[:size] = [roc_auc_score(labels[groups == g], scores[groups == g]) for g in range(size)]
        replicate[size] = roc_auc_score(labels, scores)
    return np.nanquantile(aucs, [0.025, 0.975], axis=0).T


def frame(rows: ScoredRows, n_boot: int) -> np.ndarray:
    """Let MetricFrame do it."""
    from fairlearn.metrics import MetricFrame
    from sklearn.metrics import roc_auc_score

    found = MetricFrame(
        metrics=roc_auc_score,
        y_true=rows.labels,
        y_pred=rows.scores,
        sensitive_features=rows.groups,
        n_boot=n_boot,
        ci_quantiles=[0.025, 0.975],
        random_state=0,
    )
    return np.column_stack(
        [[*low, all_rows] for low, all_rows in zip(found.by_group_ci, found.overall_ci, strict=True)]
    )


def seconds(run: Callable[[ScoredRows, int], np.ndarray], rows: ScoredRows, n_boot: int) -> tuple[float, np.ndarray]:
    """Time one run, and return its intervals."""
    start = time.perf_counter()
    found = run(rows, n_boot)
    return time.perf_counter() - start, found


def compare(rows: ScoredRows, given: argparse.Namespace) -> None:
    """Print the table of all three."""
    fewer = given.n_boot if given.full else min(given.n_boot, given.slow_n_boot)
    ours(rows, 10)
    runs = {"hf_fairtune": (ours, given.n_boot), "fairlearn MetricFrame": (frame, fewer)}
    runs["scikit-learn loop"] = (loop, fewer)
    base = None
    print(f"{'':22}{'run':>7}{'seconds':>9}{f'for {given.n_boot}':>10}{'ratio':>8}  95 % interval of all rows")
    for name, (run, n) in runs.items():
        took, found = seconds(run, rows, n)
        whole = took * given.n_boot / n
        base = base or whole
        interval = "{:.3f} to {:.3f}".format(*found[-1])
        print(f"{name:22}{n:7}{took:9.2f}{whole:10.2f}{whole / base:8.0f}  {interval}", flush=True)
    if fewer < given.n_boot:
        print(f"The slow two ran {fewer} of {given.n_boot} replicates; their seconds are scaled (--full runs all).")


def weigh(rows: ScoredRows, n_boot: int) -> None:
    """Print seconds and memory of ours; memory is the highest resident set, and what it was with the rows made."""
    with open("/proc/self/statm") as file:
        before = int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")
    took, _ = seconds(ours, rows, n_boot)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(f"{len(rows.labels)} rows, {len(rows.group_names)} groups, {n_boot} replicates: {took:.1f} s, ", end="")
    print(f"{n_boot / took:.0f} replicates/s; peak {peak / 1e6:.0f} MB, {before / 1e6:.0f} MB before")


def main() -> None:
    """Print the table, or what ours takes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=2000, help="rows of the split")
    parser.add_argument("--groups", type=int, default=4, help="groups, of about equal size")
    parser.add_argument("--prevalence", type=float, default=0.1, help="share of positives")
    parser.add_argument("--n_boot", type=int, default=2000, help="replicates")
    parser.add_argument("--slow_n_boot", type=int, default=200, help="replicates that the other two run at most")
    parser.add_argument("--full", action="store_true", help="let the other two run all replicates")
    parser.add_argument("--ours_only", action="store_true", help="seconds and memory of ours, without the other two")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    rows = sample(given.rows, given.groups, given.prevalence, given.seed)
    if given.ours_only:
        weigh(rows, given.n_boot)
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        compare(rows, given)


if __name__ == "__main__":
    main()
