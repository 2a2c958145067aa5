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
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
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
TABLES = {
    "independent": "One image a patient, equal groups",
    "clusters": "Clusters of 1, 1, 2, 3 and 8 images, equal groups",
    "unequal": f"The same clusters, AUCs from {BEST} (the first group) to {WORST}",
}
RATES = ("tpr", "fpr", "selection_rate", "accuracy", "ppv", "npv", "f1")
GAPS = ("equalized_odds_difference", "demographic_parity_difference", "demographic_parity_ratio")
ABOUT = """`python scripts/benchmarks/coverage.py`: {runs} samples of two groups, half as many of four, a quarter of
eight. Of a sample every interval of a group or pair counts, but those of the first group.

Standard error of a number: about {error:.3f} or less; of the lowest AUC, gaps and tests of all groups {four:.3f} with
four groups, {eight:.3f} with eight. From 20 patients with the finding on, an interval that covers less than .93 is
labelled narrow, more than .97 wide; groups of 12 are few, and an audit says so. Bands of the lowest AUC and of gaps
hold for all groups at once, and so are wide. Two numbers are those of an earlier version ({earlier} samples) → these.
"""
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


def cell(name: str, value: float, before: float | None, scenario: Scenario) -> str:
    """Write a number beside the earlier one; an interval that covers too little or too much is labelled."""
    text = f"{value:.2f}" if name == RATIO else f"{value:.3f}".lstrip("0")
    if not name.startswith(SIZE_OF) and name != RATIO and scenario.positives >= 20:
        text += " narrow" if value < LEVEL - 0.02 else " wide" if value > LEVEL + 0.02 else ""
    return text if before is None else f"{before:.2f}".lstrip("0") + f" → {text}"


def table(kind: str, numbers: dict[Scenario, dict[str, float]], earlier: dict[str, dict[str, float]]) -> Iterator[str]:
    """Write the lines of one table: an interval a row, a number of groups and of patients a column."""
    columns = [one for one in numbers if one.kind == kind]
    yield f"## {TABLES[kind]}\n"
    heads = [f"{one.n_groups} groups, k = {one.positives}" for one in columns]
    yield f"| | {' | '.join(heads)} |"
    yield "|---" * (len(columns) + 1) + "|"
    for name in numbers[columns[0]]:
        if name == "gap" or (kind == "unequal" and name.startswith(SIZE_OF)):
            continue
        cells = [cell(name, numbers[one][name], earlier.get(str(one), {}).get(name), one) for one in columns]
        yield f"| {name.replace('_', ' ')} | {' | '.join(cells)} |"
    yield ""


def main() -> None:
    """Simulate every scenario and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=540, help="no round of samples starts later")
    parser.add_argument("--agreement", type=float, default=0.7, help="correlation of a patient's images")
    parser.add_argument("--save", type=Path, help="file for the numbers")
    parser.add_argument("--against", type=Path, help="numbers saved by an earlier version, shown first")
    parser.add_argument("--output", type=Path, default=Path(__file__).with_suffix(".md"))
    given = parser.parse_args()
    start, rounds = time.perf_counter(), 0
    counts: dict[tuple[Scenario, str], np.ndarray] = defaultdict(lambda: np.zeros(2))
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        while time.perf_counter() - start < given.seconds:
            parts = pool.map(simulate, SCENARIOS, [given.agreement] * len(SCENARIOS), [rounds] * len(SCENARIOS))
            for one, part in zip(SCENARIOS, parts, strict=True):
                for name, own in part.items():
                    counts[one, name] += own
            rounds += 1
    numbers: dict[Scenario, dict[str, float]] = {one: {} for one in SCENARIOS}
    for (one, name), (inside, size) in counts.items():
        numbers[one][name] = inside / size if size else math.nan
    if given.save:
        saved = {"samples": {"": ROUND * rounds}} | {str(one): found for one, found in numbers.items()}
        given.save.write_text(json.dumps(saved))
    earlier: dict[str, dict[str, float]] = json.loads(given.against.read_text()) if given.against else {}
    for one, found in numbers.items():
        equal = Scenario("clusters", one.n_groups, one.positives) if one.kind == "unequal" else one
        by_chance = counts[equal, "gap"][0] / counts[equal, "gap"][1]
        found[RATIO] /= by_chance
        if str(one) in earlier:
            earlier[str(one)][RATIO] /= by_chance
    error = math.sqrt(LEVEL * (1 - LEVEL) / (ROUND * rounds))
    lines = ["# Coverage of the intervals of an audit that claim 95 %\n"]
    of_more = {"four": error * math.sqrt(2), "eight": error * 2}
    before = earlier.get("samples", {"": 0})[""]
    lines.append(ABOUT.format(runs=ROUND * rounds, error=error, earlier=before, **of_more))
    for kind in TABLES:
        lines += table(kind, numbers, earlier)
    given.output.write_text("\n".join(lines))
    print("\n".join(lines))


if __name__ == "__main__":
    main()
