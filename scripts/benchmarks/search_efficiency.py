"""Count the epochs in which a search reaches what the published search has after 40 trials, none stopped early.

    nice -n 10 python scripts/benchmarks/search_efficiency.py

The task is that of `search_task.py`, the searches are those of `search_race.py`. A configuration that two searches ask
for is trained once and counts for both; every curve is kept in the output folder, so that a killed run goes on.
"""

import argparse
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import optuna
import torch
from search_race import STRATEGIES, Curves, Race, Reached, run
from search_task import BIASES, EPOCHS, Task

# `default-2` searches by `default` with a schedule of two epochs.
SHORTER = (2, 3)
SHARES = (0.1, 0.25, 0.5)


def reaches(race: Race, target: float) -> Reached | None:
    """Return where a search first has a value as good as the target; None where it never has."""
    return next((reached for reached in race.course if reached.best >= target), None)


def rows(races: Sequence[Race], n_trials: int) -> list[str]:
    """Compare each strategy with the published search of the same task and seed, a line a strategy."""
    published = {(race.task, race.seed): race for race in races if race.strategy == "published"}
    lines = []
    for strategy in dict.fromkeys(race.strategy for race in races):
        own = [race for race in races if race.strategy == strategy]
        against = [published[race.task, race.seed] for race in own]
        hits = [reaches(race, other.best) for race, other in zip(own, against, strict=True)]
        # One that never reaches the target is counted with what it spent.
        spent = np.array([hit.epochs if hit else race.course[-1].epochs for hit, race in zip(hits, own, strict=True)])
        ratio = spent / (n_trials * EPOCHS)
        first = [reaches(other, other.best) for other in against]
        soonest = spent / np.array([one.epochs for one in first if one])
        test = np.array([race.course[-1].test - o.course[-1].test for race, o in zip(own, against, strict=True)])
        at_hit = [h.test - o.course[-1].test for h, o in zip(hits, against, strict=True) if h]
        lines.append(
            f"| {strategy} | {np.median(ratio):.3f} | {ratio.mean():.3f} | {np.median(soonest):.2f} "
            f"| {sum(hit is None for hit in hits)} of {len(own)} | {np.mean([r.course[-1].epochs for r in own]):.0f} "
            f"| {np.mean([r.best for r in own]):.4f} | {np.mean([r.course[-1].test for r in own]):.4f} "
            f"| {shown(test)} | {shown(np.array(at_hit))} |"
        )
    return lines


def after(race: Race, epochs: float) -> Reached:
    """Return where a search stands after so many epochs, or after its first trial."""
    return next((reached for reached in reversed(race.course) if reached.epochs <= epochs), race.course[0])


def shares(races: Sequence[Race], n_trials: int) -> list[str]:
    """Set a search after a share of the epochs of the published one beside that one at its end, a line a share."""
    ends = {(race.task, race.seed): race.course[-1] for race in races if race.strategy == "published"}
    lines = []
    for strategy in dict.fromkeys(race.strategy for race in races):
        for share in SHARES:
            own = [race for race in races if race.strategy == strategy]
            pairs = [(after(race, share * n_trials * EPOCHS), ends[race.task, race.seed]) for race in own]
            cells = [shown(np.array([getattr(a, k) - getattr(b, k) for a, b in pairs])) for k in ("best", "test")]
            lines.append(f"| {strategy} | {share:g} | {' | '.join(cells)} |")
    return lines


def shown(values: np.ndarray) -> str:
    """Write a mean with its standard error."""
    if len(values) < 2:
        return "-"
    return f"{values.mean():+.4f} ± {values.std(ddof=1) / math.sqrt(len(values)):.4f}"


def main() -> None:
    """Print a row a strategy."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--strategies",
        nargs="+",
        default=["published", *(n for n in STRATEGIES if n != "published"), *(f"default-{n}" for n in SHORTER)],
    )
    parser.add_argument("--bias", choices=BIASES, default=BIASES[0])
    parser.add_argument("--world", type=int, default=0)
    parser.add_argument("--data_seeds", type=int, default=3)
    parser.add_argument("--search_seeds", type=int, default=5)
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--output_dir", type=Path, default=Path("search-efficiency"))
    asked = parser.parse_args()
    torch.set_num_threads(1)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    asked.output_dir.mkdir(parents=True, exist_ok=True)
    place = asked.output_dir / f"world-{asked.world}"
    tasks = [Task.drawn(place, asked.world, asked.bias, seed) for seed in range(asked.data_seeds)]
    curves = Curves(asked.output_dir / f"curves-{asked.world}-{asked.bias}.jsonl")
    races = [
        Race(strategy, task, seed, asked.trials)
        for strategy in asked.strategies
        for task in range(asked.data_seeds)
        for seed in range(asked.search_seeds)
    ]
    run(races, tasks, curves, asked.trials)
    heads = ["search", "epochs to the published best, median", "mean", "to where it had it itself, median", "never",
             "epochs of 40 trials", "validation", "test", "test against published", "where reached"]  # fmt: skip
    print(f"| {' | '.join(heads)} |\n{'|---' * len(heads)}|")
    print("\n".join(rows(races, asked.trials)))
    print("\n| search | share of the published epochs | validation against their end | test |\n|---|---|---|---|")
    print("\n".join(shares(races, asked.trials)))


if __name__ == "__main__":
    main()
