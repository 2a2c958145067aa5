"""Error enrichment: of every value of a column, are its rows missed or alarmed more often than all other rows?"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..data.attributes import Attribute
from ..document.audit import ThresholdAudit
from ..document.enrichment import ColumnErrors, Enrichment, Mistake, ValueErrors, fcr_level
from ..document.estimate import NAN, Estimate, Reason, Unit, undefined
from ..errors import FairTuneError
from .engine.auc_tests import adjusted, inverted
from .engine.proportions import CLOPPER_PEARSON, CLUSTERED_CLOPPER_PEARSON, clopper_pearson, correlation, mover
from .engine.resampled_rows import ESTIMABLE
from .engine.rows import ScoredRows
from .threshold_audit import deployed

MISTAKES: tuple[Mistake, ...] = ("missed", "alarmed")
# The cases that can be mistaken so, of the value and of all other rows, without clusters and with.
UNITS: dict[tuple[Mistake, bool], tuple[Unit, Unit]] = {
    ("missed", False): ("positives", "positives_of_others"),
    ("alarmed", False): ("negatives", "negatives_of_others"),
    ("missed", True): ("clusters_with_positives", "clusters_with_positives_of_others"),
    ("alarmed", True): ("clusters_with_negatives", "clusters_with_negatives_of_others"),
}
CORRECTION = "benjamini-hochberg"


@dataclass(frozen=True)
class Decisions:
    """Rows and what is predicted of them, 0 or 1, [n], at the threshold in place `threshold` of their audit."""

    rows: ScoredRows
    predictions: np.ndarray
    threshold: int


def shared_threshold(cuts: Sequence[ThresholdAudit]) -> int:
    """Return the place of the threshold that an audit tells; where none decides, of the first shared one."""
    place = deployed(cuts)
    return place if place is not None else [not at.by_group for at in cuts].index(True)


def check_shared(by_group: Sequence[object]) -> None:
    """Refuse thresholds of which each gives every group its own cut, by what they say of that."""
    if all(by_group):
        raise FairTuneError("`explain` needs a threshold that all rows share; add one, such as 0.5.")


class Contrast:
    """Two shares of errors in one class: of the rows `inside` a value, and of all others.

    The difference has MOVER's interval of two Clopper-Pearson ones: many tests ask for levels at which the interval of
    Wilson's leaves out a true difference of 0 up to sixteen times as often as it claims. For clusters these are on
    rows over the design effect, which is no less than rows as much alike as those of the whole class have, for few
    errors hardly tell it; and the shares correlate as far as clusters move both. `p` is 1 minus the highest confidence
    at which the interval leaves out 0, so that the two never disagree.

    Args:
        errors, inside: 0 or 1, and bool, of every row of the class, [n].
        clusters: codes, [n], or None.
        mistake: which errors they are.
    """

    def __init__(self, errors: np.ndarray, inside: np.ndarray, clusters: np.ndarray | None, mistake: Mistake) -> None:
        parts = inside, ~inside
        self.mistake, self.correlation = mistake, 0.0
        self.cases, self.errors = [int(own.sum()) for own in parts], [int(errors[own].sum()) for own in parts]
        self.rates = [hits / n if n else NAN for hits, n in zip(self.errors, self.cases, strict=True)]
        units = self.cases
        if clusters is not None:
            from .engine.clusters import ClusteredShare  # only where there are clusters

            self.shares, alike = (
                [ClusteredShare(errors[own], clusters[own]) for own in parts],
                ClusteredShare(errors, clusters),
            )
            for share in self.shares:
                share.at_least(alike.correlation)
            units, moves = [len(np.unique(clusters[own])) for own in parts], []
            for own, rate in zip(parts, self.rates, strict=True):
                moves.append(np.bincount(clusters, (errors - np.nan_to_num(rate)) * own))
            self.correlation = correlation(*moves)
        self.clustered, few = clusters is not None, list[Reason]()
        for unit, count in zip(UNITS[mistake, self.clustered], units, strict=True):
            few += [Reason("too_few", None, unit, count, ESTIMABLE)] if count < ESTIMABLE else []
        self.few = tuple(few)
        self.p = NAN if few else inverted(self.interval)

    def interval(self, confidence: float) -> tuple[float, float, float]:
        """Compute the difference of the shares, low and high."""
        trials: Sequence[float] = self.cases
        if self.clustered:
            trials = [share.trials(confidence) for share in self.shares]
        terms = []
        for rate, n in zip(self.rates, trials, strict=True):
            terms.append(clopper_pearson(rate * n, n, confidence))
        return mover(terms, (1.0, -1.0), self.correlation)

    def found(self, value: str, confidence: float, p_adjusted: float, level: float) -> ValueErrors:
        """Return what was found of a value; where it is selected, its interval has the `level` of such."""
        method = f"MOVER of {CLUSTERED_CLOPPER_PEARSON if self.clustered else CLOPPER_PEARSON}"
        (rate, others), selected = self.rates, p_adjusted <= 1 - confidence
        if not all(self.cases):
            difference = undefined(method, *self.few)
        elif self.few:
            difference = Estimate(rate - others, NAN, NAN, method, self.few)
        else:
            difference = Estimate(*self.interval(level if selected else confidence), method)
        sizes = self.cases[0], self.errors[0]
        return ValueErrors(value, self.mistake, *sizes, rate, others, difference, self.p, p_adjusted, selected)


def enrich(decided: Sequence[Decisions], columns: Sequence[Attribute], confidence: float) -> list[Enrichment]:
    """Set the errors of every value of every column against those of all other rows, for each of the decisions.

    P-values are adjusted over all of them together, so that of the selected ones a share of at most 1 - `confidence`
    is expected to be false (Benjamini-Hochberg); and so that of their intervals such a share is wrong
    (Benjamini-Yekutieli).

    Source: one column at a time, as the error analysis of Nushi et al. 2018, "Towards accountable AI", and the slices
    of Chung et al. 2019, "Slice Finder", with a test of each.
    """
    tested: list[list[list[Contrast]]] = []
    for own in decided:
        tested.append([list(_contrasts(own, column)) for column in columns])
    flat = [contrast for by_column in tested for some in by_column for contrast in some]
    p_adjusted = adjusted(np.array([contrast.p for contrast in flat]), CORRECTION)
    tests, selected = int((~np.isnan(p_adjusted)).sum()), int((p_adjusted <= 1 - confidence).sum())
    level, left, found = fcr_level(confidence, selected, tests), iter(p_adjusted.tolist()), list[Enrichment]()
    for own, by_column in zip(decided, tested, strict=True):
        errors = []
        for column, contrasts in zip(columns, by_column, strict=True):
            values, twice = [], [name for name in column.names for _ in MISTAKES]
            for value, contrast in zip(twice, contrasts, strict=True):
                values.append(contrast.found(value, confidence, next(left), level))
            errors.append(ColumnErrors(column.name, column.columns[0], column.kind, values))
        found.append(Enrichment(own.threshold, tests, selected, errors))
    return found


def _contrasts(own: Decisions, column: Attribute) -> list[Contrast]:
    """Build both mistakes of every value of a column."""
    rows, found = own.rows, []
    for code in range(len(column.names)):
        for truth, mistake in zip((1, 0), MISTAKES, strict=True):
            among = rows.labels == truth
            clusters = None if rows.clusters is None else rows.clusters[among]
            wrong = (own.predictions[among] != truth).astype(np.int64)
            found.append(Contrast(wrong, column.values[among] == code, clusters, mistake))
    return found
