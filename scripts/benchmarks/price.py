"""Set the price of a search beside what it took, on the generated lesions of `fairtune demo`.

Each run is a process of its own: it prints its price after a few timed steps, then searches and trains. No trial is
stopped early, as the price counts every epoch. What is compared is the time from the price to the end of the last
training; audits and the card come on top and are printed apart, and so is what the pricing itself took. Memory is the
process's highest resident set.

A price holds for the machine as it is while the steps are timed: run this where nothing else runs, or count the
seconds of the process on its processor by `--cpu`.

    OMP_NUM_THREADS=1 python scripts/benchmarks/price.py --rounds 3
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from unittest.mock import patch

from optuna.pruners import NopPruner

from hf_fairtune.cli import demo, price, search
from hf_fairtune.cli.job import Job
from hf_fairtune.cli.price import Price
from hf_fairtune.search import modes
from hf_fairtune.trainer.fair import FairTrainer


def measure(given: argparse.Namespace, folder: Path) -> None:
    """Run the demo, and print as JSON what it was to take and what it took."""
    if given.cpu:
        time.monotonic = time.process_time
    marks: dict[str, float] = {}
    line, wait, spending = price.price_line, FairTrainer.train, search.spending

    def priced(found: Price) -> str:
        marks.update(price=found.seconds, memory=found.memory or 0, start=time.monotonic())
        return line(found)

    def spend(*args: Any) -> Any:
        start = time.monotonic()
        found = spending(*args)
        marks["pricing"] = time.monotonic() - start
        return found

    def train(trainer: FairTrainer, *args: Any, **kwargs: Any) -> Any:
        found = wait(trainer, *args, **kwargs)
        marks["end"] = time.monotonic()
        return found

    with (
        patch.object(search, "price_line", priced),
        patch.object(search, "spending", spend),
        patch.object(FairTrainer, "train", train),
        patch.object(modes, "MedianPruner", lambda **_: NopPruner()),
        patch.object(Job, "print_result", lambda _: None),
    ):
        demo.run(demo.DemoArguments(str(folder / "run"), given.trials, given.epochs))
    marks["audits"] = time.monotonic() - marks["end"]
    marks["held"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps(marks))


def spawned(folder: Path) -> dict[str, float]:
    """Run in a process of its own with this one's arguments."""
    command = [sys.executable, __file__, *sys.argv[1:], "--only", str(folder)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Print a row a round, and the median of the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="runs")
    parser.add_argument("--trials", type=int, default=8, help="trials of the search, and of the baseline")
    parser.add_argument("--epochs", type=float, default=4, help="of a trial and of a training")
    parser.add_argument("--cpu", action="store_true", help="count seconds on the processor, not on the wall")
    parser.add_argument("--only", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.only:
        measure(given, given.only)
        return
    columns = ("price s", "took s", "price/took", "price GB", "held GB", "price/held", "pricing s", "audits s")
    print("".join(f"{name:>12}" for name in columns))
    ratios = []
    for _ in range(given.rounds):
        with tempfile.TemporaryDirectory() as folder:
            found = spawned(Path(folder))
        took = found["end"] - found["start"]
        ratios.append(found["price"] / took)
        memory = found["memory"] / 1e9, found["held"] / 1e9, found["memory"] / found["held"]
        row = (found["price"], took, ratios[-1], *memory, found["pricing"], found["audits"])
        print("".join(f"{value:12.2f}" for value in row), flush=True)
    print(f"price/took, median of {given.rounds}: {statistics.median(ratios):.2f}")


if __name__ == "__main__":
    main()
