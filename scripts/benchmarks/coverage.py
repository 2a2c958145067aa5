"""Measure how often every interval of an audit that claims 95 % holds the truth, and write the table `coverage.md`.

Scores are normal within class and turned into probabilities that are right, so that every truth is known. The first
group has 60 patients with the finding on average, every other one k. In the second and third table a patient has 1, 1,
2, 3 or 8 images, whose scores agree at `--agreement`; in the first one each. Numbers of one group are judged in the
groups of k.

    python scripts/benchmarks/coverage.py --seconds 540
"""

from __future__ import annotations

import argparse
import math
import os
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
from coverage_samples import BY_CHANCE, GAP, SHARES, Scenario, drawn, judged

LEVEL, LEAST, MOST = 0.95, 0.93, 0.97
POSITIVES, GROUPS = (12, 20, 50), (2, 4, 8)
# Samples of two groups at a time.
ROUND = 16
KINDS = ("independent", "clusters", "unequal")
SCENARIOS = [Scenario(*one) for one in product(KINDS[:2], GROUPS, POSITIVES)]
SCENARIOS += [Scenario("unequal", 4, positives) for positives in POSITIVES]
# How often an interval holds the truth, and how often there is one, [2]: by scenario and name.
Counts = dict[Scenario, dict[str, np.ndarray]]
ABOUT = """`python scripts/benchmarks/coverage.py`: {samples} samples of two groups, half as many of four, a quarter of
eight; k is how many patients of all groups but the first have the finding on average. "independent" is one image a
patient, "clusters" 1, 1, 2, 3 or 8, "unequal" the same with AUCs from 0.9 in the first group to 0.75 in the last.

Standard error of a number of one group, or of a pair: about {one:.3f}, for "unequal" {three:.3f}. Of a number of all
groups: {two:.3f} with two, {four:.3f} with four, {eight:.3f} with eight. From k = 20 on, an interval that covers less
than .93 is marked narrow, more than .97 wide. An audit labels a group weak that has fewer than 20 patients of a class,
or effective ones (Kish) where some have more images than others; the last column says how often. Bands of the lowest
AUC and of gaps hold for all groups at once, and so are wide. What "unequal" groups' tests reject is their power.
"""


def simulate(scenario: Scenario, agreement: float, seed: int) -> dict[str, np.ndarray]:
    """Count for every interval how often it holds the truth, and how often there is one, in a few samples."""
    rng = np.random.default_rng([scenario.n_groups, scenario.positives, seed])
    found: dict[str, np.ndarray] = defaultdict(lambda: np.zeros(2))
    for _ in range(2 * ROUND // scenario.n_groups):
        for name, inside in judged(scenario, drawn(scenario, agreement, rng)):
            found[name] += (0, 0) if math.isnan(inside) else (inside, 1)
    return dict(found)


def mean(name: str, counts: Counts, among: Sequence[Scenario]) -> float:
    """Average a number over the samples of some scenarios; NaN where there is none."""
    inside, size = np.sum([counts[one].get(name, np.zeros(2)) for one in among], axis=0)
    return float(inside / size) if size else math.nan


def cell(name: str, counts: Counts, among: Sequence[Scenario]) -> str:
    """Write a number of some scenarios, and mark one that covers too little or too much."""
    value = mean(name, counts, among)
    if name == BY_CHANCE:
        equal = [replace(one, kind="clusters") if one.kind == "unequal" else one for one in among]
        return f"{value / mean(GAP, counts, equal):.2f}"
    text = f"{value:.3f}".lstrip("0")
    if name in SHARES or among[0].positives < 20:
        return text
    return text + (" narrow" if value < LEAST else " wide" if value > MOST else "")


def tables(counts: Counts) -> Iterator[str]:
    """Write the lines of both tables: an interval a column, and kinds of samples the rows."""
    names = list(counts[SCENARIOS[0]])
    edge, last = names.index("lowest AUC"), names.index(GAP)
    single, across = dict[str, list[Scenario]](), dict[str, list[Scenario]]()
    for kind, k in product(KINDS, POSITIVES):
        single[f"{kind}, k = {k}"] = [one for one in SCENARIOS if (one.kind, one.positives) == (kind, k)]
    for one in SCENARIOS:
        across[f"{one.kind}, {one.n_groups} groups, k = {one.positives}"] = [one]
    heads = sorted(names[:edge], key=SHARES.__contains__)
    for title, columns, rows in (("one group, or of a pair", heads, single), ("all groups", names[edge:last], across)):
        yield f"## Numbers of {title}\n"
        yield f"| | {' | '.join(columns)} |".replace("_", " ")
        yield "|---" * (len(columns) + 1) + "|"
        for head, among in rows.items():
            yield f"| {head} | {' | '.join(cell(name, counts, among) for name in columns)} |"
        yield ""


def written(counts: Counts) -> str:
    """Write the page."""
    samples = int(counts[SCENARIOS[0]][GAP][1])
    error = math.sqrt(LEVEL * (1 - LEVEL) / samples)
    errors = {"one": error / math.sqrt(1 + 1.5 + 1.75), "three": error * math.sqrt(2 / 3)}
    errors |= {"two": error, "four": error * math.sqrt(2), "eight": error * 2}
    title = "# Coverage of the intervals of an audit that claim 95 %\n"
    return "\n".join([title, ABOUT.format(samples=samples, **errors), *tables(counts)])


def main() -> None:
    """Simulate every scenario and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=540, help="no round of samples starts later")
    parser.add_argument("--agreement", type=float, default=0.7, help="correlation of a patient's images")
    parser.add_argument("--output", type=Path, default=Path(__file__).with_suffix(".md"))
    given = parser.parse_args()
    start, rounds = time.perf_counter(), 0
    counts: Counts = {one: {} for one in SCENARIOS}
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        while time.perf_counter() - start < given.seconds:
            parts = pool.map(simulate, SCENARIOS, [given.agreement] * len(SCENARIOS), [rounds] * len(SCENARIOS))
            for one, part in zip(SCENARIOS, parts, strict=True):
                for name, found in part.items():
                    counts[one][name] = counts[one].get(name, np.zeros(2)) + found
            rounds += 1
    text = written(counts)
    given.output.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
