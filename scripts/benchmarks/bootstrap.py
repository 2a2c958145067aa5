"""Time the bootstrap of group metrics: one sort and weights, a scikit-learn loop, fairlearn's MetricFrame.

Times are by replicate, so the slow two may run fewer. All three give AUC, TPR, FPR and selection rate by group.

    python scripts/benchmarks/bootstrap.py --rows 1600 --groups 4
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable

import numpy as np
from fairlearn.metrics import MetricFrame, false_positive_rate, selection_rate, true_positive_rate
from sklearn.metrics import roc_auc_score

from hf_fairtune.intervals.bootstrap import bootstrap
from hf_fairtune.metrics.rates import rate_counts
from hf_fairtune.metrics.rows import Rows, check_rows


def sample(n: int, n_groups: int, prevalence: float, seed: int) -> Rows:
    """Draw scored rows."""
    rng = np.random.default_rng(seed)
    labels = (rng.random(n) < prevalence).astype(int)
    scores = 1 / (1 + np.exp(-rng.normal(1.5 * labels - 0.7)))
    return check_rows(labels, scores, rng.integers(n_groups, size=n), [str(g) for g in range(n_groups)])


def ours(rows: Rows, n_boot: int) -> None:
    """Run the package's bootstrap."""
    bootstrap(rows, (0.5,), n_boot)


def loop(rows: Rows, n_boot: int) -> None:
    """Draw rows and call scikit-learn for each group."""
    rng, n, size = np.random.default_rng(0), len(rows.labels), len(rows.group_names)
    for _ in range(n_boot):
        drawn = rng.integers(n, size=n)
        labels, scores, groups = rows.labels[drawn], rows.scores[drawn], rows.groups[drawn]
        rate_counts(labels, scores >= 0.5, groups, size)
        for g in range(size):
            roc_auc_score(labels[groups == g], scores[groups == g])


def frame(rows: Rows, n_boot: int) -> None:
    """Let MetricFrame do it: hard rates and AUC are two frames there."""
    hard = {"tpr": true_positive_rate, "fpr": false_positive_rate, "selected": selection_rate}
    for metrics, predictions in ((hard, rows.scores >= 0.5), ({"auc": roc_auc_score}, rows.scores)):
        MetricFrame(
            metrics=metrics,
            y_true=rows.labels,
            y_pred=predictions.astype(int) if metrics is hard else predictions,
            sensitive_features=rows.groups,
            n_boot=n_boot,
            ci_quantiles=[0.025, 0.975],
            random_state=0,
        )


def seconds(run: Callable[[Rows, int], None], rows: Rows, n_boot: int) -> float:
    """Time one run."""
    start = time.perf_counter()
    run(rows, n_boot)
    return time.perf_counter() - start


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1600, help="rows of the split")
    parser.add_argument("--groups", type=int, default=4, help="groups, of about equal size")
    parser.add_argument("--prevalence", type=float, default=0.1, help="share of positives")
    parser.add_argument("--n_boot", type=int, default=2000, help="replicates of ours")
    parser.add_argument("--slow_n_boot", type=int, default=50, help="replicates of the other two")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    rows = sample(given.rows, given.groups, given.prevalence, given.seed)
    ours(rows, 10)
    runs = {"hf_fairtune": (ours, given.n_boot), "scikit-learn loop": (loop, given.slow_n_boot)}
    runs["fairlearn MetricFrame"] = (frame, given.slow_n_boot)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        times = {name: (seconds(run, rows, n), n) for name, (run, n) in runs.items()}
    base = times["hf_fairtune"][0] / given.n_boot
    print(f"{'':22}{'replicates':>11}{'seconds':>9}{'ms each':>9}{'ratio':>8}")
    for name, (total, n) in times.items():
        print(f"{name:22}{n:11}{total:9.2f}{1000 * total / n:9.3f}{total / n / base:8.0f}")


if __name__ == "__main__":
    main()
