"""A model against a reference on the same rows: what changed, overall and for each group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import ArrayLike

from ..errors import FairTuneError
from ..intervals.bootstrap import Replicates, joint_bootstrap
from ..intervals.estimate import Estimate, plain
from ..metrics.rows import Rows, check_rows, check_scores, excluded_codes
from ..metrics.thresholds import Decision, cut_of
from .auc_comparison import (
    ComparedGroup,
    compared_groups,
    gap_change,
    group_auc_changes,
    minimum_auc_change,
    overall_auc_change,
)
from .audit import AuditOptions
from .evidence import Evidence
from .levelling import classify
from .paired_test import paired_p
from .pairing import Pairing
from .threshold_comparison import ThresholdComparison, compare_threshold


@dataclass(frozen=True)
class Comparison:
    """Model minus reference, every number with a paired interval; see `compare` and `classify` for the verdict.

    `p` is of the test that both AUCs of the whole split are equal, see `paired_p`.
    """

    confidence: float
    n_boot: int
    seed: int
    clusters: int | None
    n: int
    positives: int
    negatives: int
    excluded: list[str]
    auc: Estimate
    p: float
    min_group_auc: Estimate
    auc_gap: Estimate
    groups: list[ComparedGroup]
    thresholds: list[ThresholdComparison]
    verdict: str

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison as the record holds it, None for every undefined number."""
        content: dict[str, Any] = plain(self)
        return content


def compare(
    labels: ArrayLike,
    scores: ArrayLike,
    reference_scores: ArrayLike,
    groups: ArrayLike,
    group_names: Sequence[str],
    *,
    thresholds: Sequence[tuple[Decision, Decision]] = (),
    **options: Any,
) -> Comparison:
    """Compare a model with a reference on one whole split: every number is model minus reference.

    Both are resampled together, so that what they share cancels. Intervals of AUCs are percentiles of the paired
    replicates; those of group rates Bonett & Price's for independent rows, and percentiles for clusters; those of the
    lowest AUC, the gap and the differences sup-t bands (see `change_bands`), where percentiles would fail.

    Args:
        labels: 0 or 1, [n]; 1 is the finding to detect.
        scores: of the model, finite, [n]; higher means more likely 1.
        reference_scores: of the reference, for the same rows in the same order, [n].
        groups: codes of `group_names`, [n].
        group_names: name of each code, [n_groups].
        thresholds: a cut of the model's scores with one of the reference's, or decisions of each, chosen in the same
            way.
        options: fields of `AuditOptions` by name: clusters, exclude, n_boot, seed, confidence.

    Raises:
        FairTuneError: the rows do not fit together, the two cuts of a pair were chosen differently, or one was fitted
            on these very rows.
    """
    chosen = AuditOptions(**options)
    rows = check_rows(labels, scores, groups, group_names, chosen.clusters)
    pairing = _pairing(rows, _other(rows, reference_scores), thresholds, chosen)
    changes = group_auc_changes(pairing)
    gap = gap_change(pairing)
    positives = int(rows.labels.sum())
    kept = pairing.model.included
    return Comparison(
        confidence=float(chosen.confidence),
        n_boot=int(chosen.n_boot),
        seed=int(chosen.seed),
        clusters=rows.n_clusters,
        n=len(rows.labels),
        positives=positives,
        negatives=len(rows.labels) - positives,
        excluded=[name for g, name in enumerate(rows.group_names) if g not in kept],
        auc=overall_auc_change(pairing),
        p=paired_p(pairing),
        min_group_auc=minimum_auc_change(pairing),
        auc_gap=gap,
        groups=compared_groups(pairing, changes),
        thresholds=[compare_threshold(pairing, cuts, i) for i, cuts in enumerate(thresholds)],
        verdict=classify([changes[g] for g in kept], gap),
    )


def _other(rows: Rows, reference_scores: ArrayLike) -> Rows:
    found = check_scores(reference_scores, "reference_scores")
    if found.shape != rows.scores.shape:
        raise FairTuneError(
            f"`reference_scores` has shape {found.shape} for {len(rows.scores)} rows; "
            "score the same rows with both models, in the same order."
        )
    return Rows(rows.labels, found, rows.groups, rows.group_names, rows.clusters)


def _pairing(
    rows: Rows, other: Rows, thresholds: Sequence[tuple[Decision, Decision]], options: AuditOptions
) -> Pairing:
    left_out = excluded_codes(rows.group_names, options.exclude)
    included = tuple(g for g in range(len(rows.group_names)) if g not in left_out)
    replicates: list[Replicates | None] = [None, None]
    checked = [_checked(pair) for pair in thresholds]
    cuts = [[cut_of(pair[side], own) for pair in checked] for side, own in enumerate((rows, other))]
    if options.n_boot:
        replicates = [*joint_bootstrap([rows, other], cuts, options.n_boot, options.seed)]
    sides = zip((rows, other), replicates, strict=True)
    return Pairing(*(Evidence(own, included, draws, options.confidence) for own, draws in sides))


def _checked(pair: tuple[Decision, Decision]) -> tuple[Decision, Decision]:
    model, reference = pair
    if (model.policy, model.fitted_on) != (reference.policy, reference.fitted_on):
        raise FairTuneError(
            f"A pair of `thresholds` is `{model.policy}` fitted on {model.fitted_on} and `{reference.policy}` fitted "
            f"on {reference.fitted_on}; choose both in one way, on one split."
        )
    return model, reference
