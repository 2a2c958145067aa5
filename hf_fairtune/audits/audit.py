"""Audit of a classifier's scores by group."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from operator import itemgetter

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ..document.audit import Audit, CalibrationAudit, CalibrationGroup, GroupAudit
from ..document.comparison import MARGIN
from ..document.estimate import NAN, Estimate, Reason, point
from ..errors import FairTuneError
from .decision_curve import decision_curves
from .engine.bands import standard_errors
from .engine.bootstrap import bootstrap
from .engine.influence import influence_interval
from .engine.resampled_rows import ALL, VALUE, ResampledRows
from .engine.rows import ScoredRows, check_rows, included_codes, reference_code
from .metrics.auc import auc_estimates, cross_groups, roc_curves
from .metrics.auc_gap import auc_pairs, lowest_and_gap, worst_and_gap
from .metrics.brier import brier
from .metrics.calibration_slope import calibration_intercept, calibration_slope
from .metrics.es_auc import es_auc_estimate
from .metrics.expected_calibration_error import (
    BINS,
    calibration_null,
    expected_calibration_error,
    reliability_curves,
)
from .metrics.metric import score_metrics
from .metrics.sensitivity_at_specificity import operating_points
from .ranking import rank_groups
from .threshold_audit import OVERALL, audit_threshold
from .thresholds import Decision, decide


@dataclass(frozen=True)
class AuditOptions:
    """How to audit.

    Args:
        exclude: names of groups to leave out of minimum, gap and differences; recorded.
        reference_group: name of the group that the others are compared with; none for the largest estimable one.
        n_boot: bootstrap replicates; 0 for none, and then the intervals that need them are NaN.
        n_permutations: of the groups, for what chance alone makes of the gap; 0 for none.
        seed: of the bootstrap and the permutations, not negative.
        confidence: level of the intervals, between 0 and 1.
        margin: fall of a group's AUC against a reference that is let pass, 0 or more.
    """

    exclude: Sequence[str] = ()
    n_boot: int = 2000
    n_permutations: int = 1000
    seed: int = 0
    confidence: float = 0.95
    margin: float = MARGIN
    reference_group: Sequence[str] = ()

    def __post_init__(self) -> None:
        """Check the numbers."""
        if not 0 < self.confidence < 1:
            raise FairTuneError(f"`confidence` is {self.confidence}; pass a level between 0 and 1, such as 0.95.")
        for name in ("n_boot", "n_permutations", "seed", "margin"):
            if not getattr(self, name) >= 0:
                raise FairTuneError(f"`{name}` is {getattr(self, name)}; pass 0 or more.")


def audit(
    labels: ArrayLike,
    scores: ArrayLike,
    groups: ArrayLike,
    group_names: Sequence[str],
    *,
    thresholds: Sequence[Decision] = (),
    clusters: Sequence[object] | np.ndarray | None = None,
    exclude: Sequence[str] = (),
    n_boot: int = 2000,
    n_permutations: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
    reference_group: Sequence[str] = (),
    explain: pd.DataFrame | None = None,
) -> Audit:
    """Audit the scores of one whole split by group, never averaged over batches.

    Args:
        labels: 0 or 1, [n]; 1 is the finding to detect.
        scores: finite, [n]; higher means more likely 1.
        groups: codes of `group_names`, [n].
        group_names: name of each code, [n_groups].
        thresholds: cuts to report rates at, fitted on another split, `fixed()`, or decisions made elsewhere.
        clusters: id of each row's cluster (the patient), [n]; None where rows are independent.
        exclude: see `AuditOptions`, as `n_boot`, `n_permutations`, `seed`, `confidence` and `reference_group`.
        explain: columns that may go with errors at the threshold that is told, of at most 20 values each, [n] rows.

    Raises:
        FairTuneError: the rows do not fit together, a threshold was fitted on these very rows, or there is none that
            all rows share to explain errors at.
    """
    options = AuditOptions(exclude, n_boot, n_permutations, seed, confidence, reference_group=reference_group)
    rows = check_rows(labels, scores, groups, group_names, clusters)
    if explain is None:
        return audit_rows(rows, thresholds, options)
    from ..data.attributes import read_attributes  # most audits explain nothing
    from .enrichment import Decisions, check_shared, enrich, shared_threshold

    check_shared([threshold.by_group for threshold in thresholds])
    if len(explain) != len(rows.labels):
        raise FairTuneError(f"`explain` has {len(explain)} rows for {len(rows.labels)} labels; pass one a label.")
    frame = explain.reset_index(drop=True).rename(columns=str)
    columns, _ = read_attributes(frame, [*map(str, explain)], intersections=False, flag="explain")
    found = audit_rows(rows, thresholds, options)
    place = shared_threshold(found.thresholds)
    (own,) = enrich([Decisions(rows, thresholds[place].apply(rows), place)], columns, options.confidence)
    return replace(found, enrichment=own)


def audit_rows(rows: ScoredRows, thresholds: Sequence[Decision], options: AuditOptions) -> Audit:
    """Resample checked rows once and put together every number of an audit. Arguments as for `audit`."""
    decisions, values, measures, cuts = decide(thresholds, rows), {}, [], []
    for name, metric in score_metrics().items():
        values[name] = metric.value
    included, seed = included_codes(rows.group_names, options.exclude), int(options.seed)
    reference = reference_code(rows.group_names, included, options.reference_group)
    (replicates,) = bootstrap([rows], [decisions], options.n_boot, seed, values) if options.n_boot else [None]
    resampled = ResampledRows(rows, included, replicates, float(options.confidence), reference)
    for code in (*range(len(rows.group_names)), ALL):
        measures.append(score_estimates(resampled, code))
    for place, threshold in enumerate(thresholds):
        cuts.append(audit_threshold(resampled, threshold, decisions[place], place))
    aucs = auc_estimates(resampled)
    lowest, gap = lowest_and_gap(resampled, aucs, options.n_permutations, seed)
    positives, negatives, n = resampled.counts[ALL].tolist()
    return Audit(
        n=n,
        positives=positives,
        negatives=negatives,
        clusters=resampled.n_clusters,
        confidence=float(options.confidence),
        n_boot=int(options.n_boot),
        seed=seed,
        excluded=resampled.excluded,
        auc=aucs[ALL],
        min_group_auc=lowest,
        auc_gap=gap,
        es_auc=es_auc_estimate(resampled, aucs),
        measures=measures[ALL],
        across=score_extremes(resampled, measures),
        groups=group_rows(resampled, aucs, measures),
        pairs=auc_pairs(resampled, aucs),
        cross_group=cross_groups(resampled),
        operating_points=operating_points(resampled, seed=seed),
        calibration=audit_calibration(resampled, seed),
        thresholds=cuts,
        ranking=rank_groups(resampled, aucs, seed),
        roc=roc_curves(resampled),
        reliability=reliability_curves(resampled),
        decision=decision_curves(resampled),
    )


def group_rows(
    resampled: ResampledRows, aucs: Sequence[Estimate], measures: Sequence[dict[str, Estimate]]
) -> list[GroupAudit]:
    """Build every group's row, excluded ones too."""
    known, found = resampled.replicates, []
    shares = known.worst_shares(resampled.included) if known else np.full(len(aucs) - 1, NAN)
    for code, name in enumerate(resampled.rows.group_names):
        positives, negatives, n = resampled.counts[code].tolist()
        reasons = resampled.grounds(code) if aucs[code].defined else aucs[code].reasons
        found.append(
            GroupAudit(
                group=name,
                n=n,
                positives=positives,
                negatives=negatives,
                prevalence=positives / n if n else NAN,
                status=resampled.status[code],
                reasons=reasons if code in resampled.included else (*reasons, Reason("excluded")),
                auc=aucs[code],
                worst_share=float(shares[code]),
                measures=measures[code],
            )
        )
    return found


def score_estimates(resampled: ResampledRows, code: int) -> dict[str, Estimate]:
    """Compute every number of scores in a group, or in `ALL` rows, with the interval of its influences.

    A number without influences has the percentile interval of its replicates.
    """
    known, found, part = resampled.replicates, {}, resampled.inside(code)
    for name, metric in score_metrics().items():
        lacking = resampled.few(code, metric.needs, least=1)
        value = NAN if lacking else metric(part.labels, part.scores)
        few = lacking or resampled.few(code, metric.needs)
        if metric.influences and not lacking:
            moves = metric.influences(part.labels, part.scores)
            own = influence_interval(value, moves, part.clusters, resampled.confidence, share=True)
            found[name] = point(value, own.method, *few) if few else own
        else:
            draws = None if known is None else known.measures[name][:, code]
            found[name] = resampled.percentile(value, draws, *few)
    return found


def score_extremes(resampled: ResampledRows, measures: Sequence[dict[str, Estimate]]) -> dict[str, Estimate]:
    """Compute the worst group's value and the gap of every number of scores, with simultaneous intervals."""
    known, found, kept = resampled.replicates, {}, list(resampled.included)
    for name, metric in score_metrics().items():
        own = list(map(itemgetter(name), measures))
        values, errors = np.array(list(map(VALUE, own))), standard_errors(own, resampled.confidence)[None, kept]
        draws, (worst, gap) = None if known is None else known.measures[name], metric.across_keys(name)
        _, found[worst], found[gap] = worst_and_gap(resampled, metric, values, draws, errors, resampled.names)
    return found


def audit_calibration(resampled: ResampledRows, seed: int = 0) -> CalibrationAudit | None:
    """Audit calibration of all rows and by group; None where scores leave [0, 1] and so are no probabilities.

    Intervals are withheld where a group is not estimable.
    """
    if resampled.rows.scores.min() < 0 or resampled.rows.scores.max() > 1:
        return None
    found = []
    for code, name in enumerate((OVERALL, *resampled.rows.group_names), start=ALL):
        part, rng, estimates = resampled.inside(code), np.random.default_rng([seed, code + 1]), []
        columns = part.labels, part.scores, part.clusters
        for metric in (brier, calibration_slope, calibration_intercept):
            estimates.append(resampled.guarded(metric(*columns, resampled.confidence), code))
        error, (mean, high, p) = expected_calibration_error(*columns[:2]), calibration_null(*columns, rng)
        found.append(CalibrationGroup(name, estimates[0], error, mean, high, error - mean, p, *estimates[1:]))
    return CalibrationAudit(BINS, found[0], found[1:])
