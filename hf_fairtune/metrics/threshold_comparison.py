"""A model against a reference, each at its own threshold: changes of rates and of their differences."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .bootstrap import Replicates
from .equalized_odds_difference import CONVENTION
from .estimate import Estimate
from .evidence import Evidence
from .pairing import Pairing
from .rates import RateCounts, rate_counts, spread
from .threshold_audit import RANGE
from .thresholds import Threshold

NEEDS = {"tpr": "positives", "fpr": "negatives", "selection_rate": "rows"}


@dataclass(frozen=True)
class ComparedRates:
    """Changes of one group's rates."""

    group: str
    tpr: Estimate
    fpr: Estimate
    selection_rate: Estimate


@dataclass(frozen=True)
class ThresholdComparison:
    """Changes at a pair of thresholds: `value` cuts the model's scores, `reference_value` the reference's."""

    policy: str
    fitted_on: str | None
    value: float
    reference_value: float
    equalized_odds_difference: Estimate
    demographic_parity_difference: Estimate
    tpr_difference: Estimate
    fpr_difference: Estimate
    groups: list[ComparedRates]


def compare_threshold(pairing: Pairing, cuts: tuple[Threshold, Threshold], place: int) -> ThresholdComparison:
    """Compare at one pair of thresholds.

    Args:
        cuts: of the model and of the reference.
        place: which of the replicates' cuts they are.

    Raises:
        FairTuneError: one was fitted on these very rows.
    """
    model, reference = (_counts(side, cut) for side, cut in zip((pairing.model, pairing.reference), cuts, strict=True))
    changes = _Changes(pairing, model, reference, place)
    return ThresholdComparison(
        policy=cuts[0].policy,
        fitted_on=cuts[0].fitted_on,
        value=cuts[0].value,
        reference_value=cuts[1].value,
        equalized_odds_difference=changes.spread(CONVENTION, "tpr", "fpr"),
        demographic_parity_difference=changes.spread(RANGE, "selection_rate"),
        tpr_difference=changes.spread(RANGE, "tpr"),
        fpr_difference=changes.spread(RANGE, "fpr"),
        groups=[
            ComparedRates(name, **{kind: changes.rate(kind, code) for kind in NEEDS})
            for code, name in enumerate(pairing.model.rows.group_names)
        ],
    )


def _counts(side: Evidence, cut: Threshold) -> RateCounts:
    rows = side.rows
    return rate_counts(rows.labels, cut.apply(rows.labels, rows.scores), rows.groups, len(rows.group_names))


@dataclass(frozen=True)
class _Changes:
    """Counts of both models at a pair of cuts, and the place of the cuts among the replicates'."""

    pairing: Pairing
    model: RateCounts
    reference: RateCounts
    place: int

    def rate(self, kind: str, code: int) -> Estimate:
        """Judge the change of one group's rate."""
        value = float(getattr(self.model, kind)[code] - getattr(self.reference, kind)[code])

        def draw(draws: Replicates) -> np.ndarray:
            found: np.ndarray = getattr(draws, kind)[:, self.place, code]
            return found

        return self.pairing.group_change(value, draw, code, [NEEDS[kind]])

    def spread(self, convention: str, *kinds: str) -> Estimate:
        """Judge the change of the largest difference between groups over `kinds` of rates."""
        kept = list(self.pairing.model.included)

        def widest(rates: list[np.ndarray]) -> np.ndarray:
            return np.max([spread(rate[..., kept]) for rate in rates], axis=0)

        def draw(draws: Replicates) -> np.ndarray:
            return widest([getattr(draws, kind)[:, self.place] for kind in kinds])

        model, reference = (widest([getattr(side, kind) for kind in kinds]) for side in (self.model, self.reference))
        return self.pairing.across_change(float(model - reference), draw, [NEEDS[kind] for kind in kinds], convention)
