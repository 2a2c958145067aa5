"""Measure how often every interval of an audit that claims 95 % holds the truth, and write the table `coverage.md`.

Scores are normal within class and turned into probabilities that are right, so that every truth is known. The first
group has 60 patients with the finding on average, every other one k. In the second and third table a patient has 1, 1,
2, 3 or 8 images, whose scores agree at `--agreement`; in the first one each. Numbers of one group are judged in the
groups of k.

    python scripts/benchmarks/coverage.py --seconds 540 --save numbers.json --against earlier.json
"""

from __future__ import annotations

import argparse
import json
import math
import os
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
from scipy.special import expit, logit
from scipy.stats import norm

from hf_fairtune.audits.audit import audit
from hf_fairtune.audits.thresholds import fixed
from hf_fairtune.document.audit import Audit
from hf_fairtune.document.estimate import Estimate

SIZES, LARGE, LEVEL, AUC = (1, 1, 2, 3, 8), 60, 0.95, 0.85
POSITIVES, GROUPS = (12, 20, 50), (2, 4, 8)
# Samples of two groups at a time.
ROUND = 16
BEST, WORST = 0.9, 0.75
# One image a patient; several; several, and AUCs from `BEST` in the first group to `WORST` in the last.
KINDS = ("independent", "clusters", "unequal")
# How often an interval holds the truth, and how often there is one: by scenario and name.
Counts = dict[str, dict[str, tuple[float, float]]]
RATES = ("tpr", "fpr", "selection_rate", "accuracy", "ppv", "npv", "f1")
GAPS = ("equalized_odds_difference", "demographic_parity_difference", "demographic_parity_ratio")
ABOUT = """`python scripts/benchmarks/coverage.py`: {samples} samples of two groups, half as many of four, a quarter of
eight; k is how many patients of all groups but the first have the finding on average. "independent" is one image a
patient, "clusters" 1, 1, 2, 3 or 8, "unequal" the same with AUCs from 0.9 in the first group to 0.75 in the last.

Standard error of a number of one group, or of a pair: about {one:.3f}, for "unequal" {three:.3f}. Of a number of all
groups: {two:.3f} with two, {four:.3f} with four, {eight:.3f} with eight. From k = 20 on, an interval that covers less
than .93 is labelled narrow, more than .97 wide; groups of 12 are few, and an audit says so. Bands of the lowest AUC
and of gaps hold for all groups at once, and so are wide. What "unequal" groups' tests reject is their power.{earlier}
"""
EARLIER = "\n\nTwo numbers are those of an earlier version, of {} samples, and these."
# Rows that are no coverage: shares of samples in which a test rejects, and a ratio.
SIZE_OF, RATIO = "rejected at 5 %: ", "gap by chance alone / true mean gap of equal groups"


@dataclass(frozen=True)
class Scenario:
    """A column of a table: its kind, how many groups, and patients with the finding in each but the first."""

    kind: str
    n_groups: int
    positives: int

    @property
    def aucs(self) -> np.ndarray:
        """True AUC of each group."""
        ends = (BEST, WORST) if self.kind == "unequal" else (AUC, AUC)
        return np.linspace(*ends, self.n_groups)

    def share(self, group: int) -> float:
        """Share of patients with the finding."""
        return self._sick(group) / self.patients(group)

    def patients(self, group: int) -> int:
        """Patients of a group."""
        return 3 * self._sick(group) + 16

    def _sick(self, group: int) -> int:
        return LARGE if group == 0 else self.positives


SCENARIOS = [Scenario(*one) for one in product(("independent", "clusters"), GROUPS, POSITIVES)]
SCENARIOS += [Scenario("unequal", 4, positives) for positives in POSITIVES]


def separation(auc: float) -> float:
    """Distance of two normals of spread 1 whose AUC this is."""
    return math.sqrt(2) * float(norm.ppf(auc))


def chances(x: np.ndarray, apart: float, share: float) -> np.ndarray:
    """Probability of the finding, given a score, where a share of the images has it."""
    return np.asarray(expit(apart * x - apart**2 / 2 + logit(share)))


@dataclass(frozen=True)
class Truth:
    """What is true of a group: its AUC, and its rates and its Brier score at the cut of 0.5 by name."""

    auc: float
    numbers: dict[str, float]


@cache
def truth(scenario: Scenario, group: int) -> Truth:
    """Compute it from the normal distribution; the Brier score, which has no closed form, by a sum over quantiles."""
    auc, share = float(scenario.aucs[group]), scenario.share(group)
    apart = separation(auc)
    cut = (apart**2 / 2 - float(logit(share))) / apart
    tpr, fpr = float(norm.sf(cut - apart)), float(norm.sf(cut))
    hits, alarms = tpr * share, fpr * (1 - share)
    z = norm.ppf((np.arange(20_000) + 0.5) / 20_000)
    squares = (1 - chances(z + apart, apart, share)) ** 2, chances(z, apart, share) ** 2
    numbers = {"tpr": tpr, "fpr": fpr, "selection_rate": hits + alarms, "accuracy": hits + 1 - share - alarms}
    numbers |= {"ppv": hits / (hits + alarms), "npv": (1 - share - alarms) / (1 - hits - alarms)}
    numbers |= {"f1": 2 * hits / (share + hits + alarms)}
    numbers["brier"] = float(share * squares[0].mean() + (1 - share) * squares[1].mean())
    # Sensitivity at a specificity of 0.9, and the average precision: the mean of precision over the positives.
    numbers["sensitivity at specificity"] = float(norm.sf(norm.ppf(0.9) - apart))
    found, alarmed = norm.sf(z) * share, norm.sf(z + apart) * (1 - share)
    numbers["average_precision"] = float((found / (found + alarmed)).mean())
    return Truth(auc, numbers)


def drawn(scenario: Scenario, agreement: float, rng: np.random.Generator) -> Audit:
    """Draw patients and audit them."""
    labels, scores, groups, clusters = [], [], [], []
    for group, auc in enumerate(scenario.aucs.tolist()):
        apart, patients = separation(auc), scenario.patients(group)
        images = np.resize((1,) if scenario.kind == "independent" else SIZES, patients)
        sick = (rng.random(patients) < scenario.share(group)).astype(int).repeat(images)
        level, own = rng.normal(size=patients).repeat(images), rng.normal(size=len(sick))
        x = math.sqrt(agreement) * level + math.sqrt(1 - agreement) * own + apart * sick
        labels.append(sick)
        scores.append(chances(x, apart, scenario.share(group)))
        groups.append(np.full(len(x), group))
        clusters += [f"{group} {i}" for i in np.arange(patients).repeat(images)]
    return audit(
        np.concatenate(labels),
        np.concatenate(scores),
        np.concatenate(groups),
        [str(group) for group in range(scenario.n_groups)],
        thresholds=[fixed(0.5)],
        clusters=None if scenario.kind == "independent" else clusters,
        n_boot=300,
        n_permutations=200,
        seed=int(rng.integers(2**31)),
    )


def held(found: Estimate, true: float) -> float:
    """Tell whether an interval holds the truth; NaN where there is none."""
    return float(found.low - 1e-12 <= true <= found.high + 1e-12) if found.bounded else math.nan


def judged(scenario: Scenario, found: Audit) -> Iterator[tuple[str, float]]:
    """Judge every interval of an audit; of the groups all but the first."""
    assert found.calibration is not None
    (cut,), (of_specificity, _) = found.thresholds, found.operating_points
    truths = [truth(scenario, group) for group in range(scenario.n_groups)]
    for group, true in list(enumerate(truths))[1:]:
        row, calibration = found.groups[group], found.calibration.groups[group]
        yield "AUC", held(row.auc, true.auc)
        yield "average precision", held(row.measures["average_precision"], true.numbers["average_precision"])
        for name in RATES:
            yield name, held(cut.groups[group].rates[name], true.numbers[name])
        at = of_specificity.groups[group].value
        yield "sensitivity at specificity 0.9", held(at, true.numbers["sensitivity at specificity"])
        yield "Brier score", held(calibration.brier, true.numbers["brier"])
        yield "calibration slope", held(calibration.slope, 1)
        yield "calibration intercept", held(calibration.intercept, 0)
    for pair in found.pairs:
        difference = truths[int(pair.group)].auc - truths[int(pair.reference)].auc
        yield "AUC difference of a pair", held(pair.auc_difference, difference)
        yield SIZE_OF + "two groups' AUCs", float(pair.p <= 1 - LEVEL)
    yield "lowest AUC", held(found.min_group_auc, scenario.aucs.min())
    yield "AUC gap", held(found.auc_gap, float(np.ptp(scenario.aucs)))
    by_name = {name: np.array([own.numbers[name] for own in truths]) for name in ("tpr", "fpr", "selection_rate")}
    selected = by_name["selection_rate"]
    ranges = max(np.ptp(by_name["tpr"]), np.ptp(by_name["fpr"])), np.ptp(selected), selected.min() / selected.max()
    for name, true_range in zip(GAPS, ranges, strict=True):
        yield name, held(cut.gaps[name], float(true_range))
    yield SIZE_OF + "all groups' AUCs", float(found.auc_gap.p <= 1 - LEVEL)
    yield RATIO, found.auc_gap.null_mean
    yield "gap", found.auc_gap.value


def simulate(scenario: Scenario, agreement: float, seed: int) -> dict[str, np.ndarray]:
    """Count for every interval how often it holds the truth, and how often there is one, in a few samples."""
    rng = np.random.default_rng([scenario.n_groups, scenario.positives, seed])
    found: dict[str, np.ndarray] = defaultdict(lambda: np.zeros(2))
    for _ in range(2 * ROUND // scenario.n_groups):
        for name, inside in judged(scenario, drawn(scenario, agreement, rng)):
            found[name] += (0, 0) if math.isnan(inside) else (inside, 1)
    return dict(found)


def cell(name: str, counts: Counts, earlier: Counts, among: Sequence[Scenario]) -> str:
    """Write a number of some scenarios beside the earlier one; label one that covers too little or too much."""
    value, before = (mean(name, own, among) for own in (counts, earlier))
    by_chance = 1.0
    if name == RATIO:
        equal = [replace(one, kind="clusters") if one.kind == "unequal" else one for one in among]
        by_chance = mean("gap", counts, equal)
    text = f"{value / by_chance:.2f}" if name == RATIO else f"{value:.3f}".lstrip("0")
    if not name.startswith(SIZE_OF) and name != RATIO and among[0].positives >= 20:
        text += " narrow" if value < LEVEL - 0.02 else " wide" if value > LEVEL + 0.02 else ""
    return text if math.isnan(before) else f"{before / by_chance:.2f}".removeprefix("0") + f" → {text}"


def mean(name: str, counts: Counts, among: Sequence[Scenario]) -> float:
    """Average a number over the samples of some scenarios; NaN where there is none."""
    inside, size = np.sum([counts.get(str(one), {}).get(name, (0.0, 0.0)) for one in among], axis=0)
    return float(inside / size) if size else math.nan


def tables(counts: Counts, earlier: Counts) -> Iterator[str]:
    """Write the lines of both tables: an interval a row, and kinds of samples the columns."""
    names = list(counts[str(SCENARIOS[0])])
    edge = names.index("lowest AUC")
    groups_of = {kind: [one for one in SCENARIOS if one.kind == kind] for kind in KINDS}
    single = {
        f"{kind}, k = {k}": [one for one in groups_of[kind] if one.positives == k] for kind in KINDS for k in POSITIVES
    }
    across = {f"{one.kind}, {one.n_groups} groups, k = {one.positives}": [one] for one in SCENARIOS}
    for title, rows, columns in (
        ("one group, or of a pair", names[:edge], single),
        ("all groups", names[edge:-1], across),
    ):
        yield f"## Numbers of {title}\n"
        yield f"| | {' | '.join(rows)} |".replace("_", " ")
        yield "|---" * (len(rows) + 1) + "|"
        for head, among in columns.items():
            yield f"| {head} | {' | '.join(cell(name, counts, earlier, among) for name in rows)} |"
        yield ""


def main() -> None:
    """Simulate every scenario and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=540, help="no round of samples starts later")
    parser.add_argument("--agreement", type=float, default=0.7, help="correlation of a patient's images")
    parser.add_argument("--save", type=Path, help="file for the counts")
    parser.add_argument("--against", type=Path, help="counts saved by an earlier version, shown first")
    parser.add_argument("--output", type=Path, default=Path(__file__).with_suffix(".md"))
    given = parser.parse_args()
    start, rounds = time.perf_counter(), 0
    counts: Counts = {str(one): {} for one in SCENARIOS}
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        while time.perf_counter() - start < given.seconds:
            parts = pool.map(simulate, SCENARIOS, [given.agreement] * len(SCENARIOS), [rounds] * len(SCENARIOS))
            for one, part in zip(SCENARIOS, parts, strict=True):
                for name, (inside, size) in part.items():
                    before = counts[str(one)].get(name, (0.0, 0.0))
                    counts[str(one)][name] = float(before[0] + inside), float(before[1] + size)
            rounds += 1
    if given.save:
        given.save.write_text(json.dumps(counts))
    earlier: Counts = json.loads(given.against.read_text()) if given.against else {}
    text = written(counts, earlier)
    given.output.write_text(text)
    print(text)


def written(counts: Counts, earlier: Counts) -> str:
    """Write the page."""
    first = str(SCENARIOS[0])
    samples, before = (int(own.get(first, {"gap": (0.0, 0.0)})["gap"][1]) for own in (counts, earlier))
    error = math.sqrt(LEVEL * (1 - LEVEL) / samples)
    errors = {
        "one": error / math.sqrt(1 + 1.5 + 1.75),
        "three": error * math.sqrt(2 / 3),
        "two": error,
        "four": error * math.sqrt(2),
        "eight": error * 2,
    }
    lines = ["# Coverage of the intervals of an audit that claim 95 %\n"]
    lines += [
        ABOUT.format(samples=samples, earlier=EARLIER.format(before) if before else "", **errors),
        *tables(counts, earlier),
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
