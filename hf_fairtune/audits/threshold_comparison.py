"""A model against a reference, each at its own threshold: changes of rates and of their differences."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..intervals.bootstrap import Replicates
from ..intervals.change_bands import PairedFamily, range_change
from ..intervals.estimate import Estimate
from ..intervals.proportion import paired_difference
from ..metrics.equalized_odds_difference import CONVENTION
from ..metrics.rates import RateCounts, rate_counts, spread
from ..metrics.thresholds import Decision
from .pairing import Draw, Pairing, still
from .threshold_audit import RANGE

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
    """Changes at a pair of thresholds: `value` cuts the model's scores, `reference_value` the reference's.

    Both are NaN where every group has its own cut, or where decisions were given.
    """

    policy: str
    fitted_on: str | None
    value: float
    reference_value: float
    equalized_odds_difference: Estimate
    demographic_parity_difference: Estimate
    tpr_difference: Estimate
    fpr_difference: Estimate
    groups: list[ComparedRates]


def compare_threshold(pairing: Pairing, cuts: tuple[Decision, Decision], place: int) -> ThresholdComparison:
    """Compare at one pair of thresholds.

    Args:
        cuts: of the model and of the reference.
        place: which of the replicates' cuts they are.

    Raises:
        FairTuneError: one was fitted on these very rows.
    """
    rows, other = pairing.model.rows, pairing.reference.rows
    model, reference = (
        cut.apply(own.labels, own.scores, own.groups, own.group_names)
        for cut, own in zip(cuts, (rows, other), strict=True)
    )
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
            for code, name in enumerate(rows.group_names)
        ],
    )


@dataclass(frozen=True)
class _Changes:
    """What both models predict at a pair of cuts, [n] each, and the place of the cuts among the replicates'."""

    pairing: Pairing
    model: np.ndarray
    reference: np.ndarray
    place: int

    def rate(self, kind: str, code: int) -> Estimate:
        """Judge the change of one group's rate."""
        rows, need = self.pairing.model.rows, NEEDS[kind]
        among = (rows.groups == code) & ((need == "rows") | (rows.labels == (need == "positives")))
        gained, lost = (among & (self.model > self.reference)).sum(), (among & (self.model < self.reference)).sum()
        found = paired_difference(int(gained), int(lost), int(among.sum()), self.pairing.model.confidence)
        if rows.clusters is None or not among.any():
            return found
        return self.pairing.group_change(found.value, self._draw(kind, code), code, [need])

    def spread(self, convention: str, *kinds: str) -> Estimate:
        """Judge the change of the largest difference between groups over `kinds` of rates."""
        kept = list(self.pairing.model.included)
        counts = [self._counts(predictions) for predictions in (self.model, self.reference)]
        values = np.stack([[getattr(one, kind)[kept] for kind in kinds] for one in counts])

        def gather(replicates: tuple[Replicates, Replicates]) -> PairedFamily:
            both = [np.stack([self._draw(kind, kept)(one) for kind in kinds], axis=1) for one in replicates]
            trials = np.stack([self.pairing.counts(NEEDS[kind])[kept] for kind in kinds])
            return PairedFamily(values, np.stack(both), _errors(np.stack(both), trials))

        model, reference = spread(values).max(axis=-1)
        needs = [NEEDS[kind] for kind in kinds]
        return self.pairing.across_change(float(model - reference), gather, range_change, needs, convention)

    def _counts(self, predictions: np.ndarray) -> RateCounts:
        rows = self.pairing.model.rows
        return rate_counts(rows.labels, predictions, rows.groups, len(rows.group_names))

    def _draw(self, kind: str, codes: int | list[int]) -> Draw:
        return lambda replicates: getattr(replicates, kind)[:, self.place][:, codes]


def _errors(draws: np.ndarray, trials: np.ndarray) -> np.ndarray:
    """Give a group whose rates, or whose change, never vary the standard error of `paired_difference` there."""
    blind = still(draws[0]) | still(draws[1]) | still(draws[0] - draws[1])
    return np.where(blind, np.sqrt(2) / (trials + 2), 0.0)
