"""Samples whose truths are known: scenarios, draws of patients, what is true of them, and which intervals hold it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.special import expit, logit
from scipy.stats import norm

from hf_fairtune.audits.audit import audit
from hf_fairtune.audits.thresholds import fixed
from hf_fairtune.document.audit import Audit
from hf_fairtune.document.estimate import Estimate

# Images of a patient, and patients with the finding in the first group.
SIZES, LARGE, AUC = (1, 1, 2, 3, 8), 60, 0.85
# AUCs of "unequal" groups, from the first to the last.
ENDS = (0.9, 0.75)
RATES = ("tpr", "fpr", "selection_rate", "accuracy", "ppv", "npv", "f1")
GAPS = ("equalized_odds_difference", "demographic_parity_difference", "demographic_parity_ratio")
# What is no coverage: shares of samples in which a test rejects or groups are labelled, a gap by chance, and a gap.
SHARES = ("two groups' AUCs rejected at 5 %", "all groups' AUCs rejected at 5 %", "groups labelled weak")
BY_CHANCE, GAP = "gap by chance alone / true mean gap of equal groups", "gap"


@dataclass(frozen=True)
class Scenario:
    """Groups of patients: their kind, how many, and patients with the finding in each but the first.

    "independent" is one image a patient, "clusters" several, "unequal" several and AUCs that differ by group.
    """

    kind: str
    n_groups: int
    positives: int

    @property
    def aucs(self) -> np.ndarray:
        """True AUC of each group."""
        ends = ENDS if self.kind == "unequal" else (AUC, AUC)
        return np.linspace(*ends, self.n_groups)

    def share(self, group: int) -> float:
        """Share of patients with the finding."""
        return self._sick(group) / self.patients(group)

    def patients(self, group: int) -> int:
        """Patients of a group."""
        return 3 * self._sick(group) + 16

    def _sick(self, group: int) -> int:
        return LARGE if group == 0 else self.positives


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
        yield SHARES[2], float(row.status == "weak")
    for pair in found.pairs:
        difference = truths[int(pair.group)].auc - truths[int(pair.reference)].auc
        yield "AUC difference of a pair", held(pair.auc_difference, difference)
        yield SHARES[0], float(pair.p <= 0.05)
    yield "lowest AUC", held(found.min_group_auc, scenario.aucs.min())
    yield "AUC gap", held(found.auc_gap, float(np.ptp(scenario.aucs)))
    by_name = {name: np.array([own.numbers[name] for own in truths]) for name in ("tpr", "fpr", "selection_rate")}
    selected = by_name["selection_rate"]
    ranges = max(np.ptp(by_name["tpr"]), np.ptp(by_name["fpr"])), np.ptp(selected), selected.min() / selected.max()
    for name, true_range in zip(GAPS, ranges, strict=True):
        yield name, held(cut.gaps[name], float(true_range))
    yield SHARES[1], float(found.auc_gap.p <= 0.05)
    yield BY_CHANCE, found.auc_gap.null_mean
    yield GAP, found.auc_gap.value
