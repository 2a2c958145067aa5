"""The verdict on a change: what simultaneous intervals of the groups' changes show, within a margin."""

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import stdtrit

from ..document.comparison import Verdict
from ..document.estimate import NAN, Estimate, undefined
from .engine.delong import ROUNDING
from .engine.paired_rows import PairedRows
from .engine.ranks import midranks

JOINT = "{}, t quantile; Bonferroni over the groups that changed"


def joint_changes(
    paired: PairedRows, changes: Sequence[float], blind: np.ndarray
) -> dict[int, tuple[Estimate, float]]:
    """Judge the changes of the included groups' AUCs together.

    A gain or a fall is claimed of any of k groups, so each interval is at the level 1 - (1 - confidence) / k. That no
    group fell by more than a margin is claimed of all at once: every group must show it, so that each may be tested at
    the full level, one-sided (Berger 1982, "Multiparameter hypothesis testing and acceptance sampling"). A group that
    is ranked alike by both models did not change: its interval is 0 to 0, and it is none of the k. Quantiles are
    Student's, with the scarcer class's cases, or effective clusters, less one.

    Args:
        paired: both models' rows.
        changes: change of every group's AUC by code, [n_groups].
        blind: standard error of each included group's change where resampling or DeLong see none, as at an AUC of 1.

    Returns:
        By code of an included group, its simultaneous interval, and how far its AUC may have fallen, 0 or more.
    """
    model, errors = paired.model, dict[int, float]()
    method = JOINT.format(paired.method)
    for place, code in enumerate(model.included):
        errors[code] = change_error(paired, code, float(blind[place])) if model.estimable(code) else NAN
    changed = sum(error != 0 for error in errors.values())
    found = {}
    for code, error in errors.items():
        if math.isnan(error):
            found[code] = undefined(method, *model.grounds(code)), NAN
            continue
        value, freedom = changes[code], paired.degrees(code)
        half = error * float(stdtrit(freedom, 1 - (1 - model.confidence) / 2 / max(changed, 1)))
        low, high = max(-1.0, value - half), min(1.0, value + half)
        fall = max(0.0, error * float(stdtrit(freedom, model.confidence)) - value)
        found[code] = Estimate(value, low, high, method), min(1.0, fall)
    return found


def change_error(paired: PairedRows, code: int, blind: float) -> float:
    """Return the standard error of the change of a group's AUC: 0 only where both models rank its rows alike."""
    rows, others = paired.model.rows, paired.reference.rows.scores
    kept = paired.inside(code)
    if np.array_equal(midranks(rows.scores[kept]), midranks(others[kept])):
        return 0.0
    variance = paired.auc_variance(code)
    return math.sqrt(variance) if variance > ROUNDING else blind


def classify(changes: Sequence[tuple[Estimate, float]], gap: Estimate, margin: float) -> Verdict:
    """Name what a change did to the groups: was a smaller gap gained by lifting one, or by levelling others down?

    - "better": a group's AUC rose (its simultaneous interval lies above 0), and of no group a fall by more than
      `margin` is left open;
    - "gain": a group's AUC rose, but another's fell, or a fall by more than `margin` is not excluded;
    - "level-down": a group's AUC fell and none rose, while the gap shrank;
    - "worse": a group's AUC fell and none rose, while the gap did not shrink, or is undefined: harm without even a
      smaller gap to show for it;
    - "not shown": no group's interval leaves 0 out.

    A group whose interval is withheld neither rose nor fell, and forbids "better": it may have been harmed.

    `changes` are of the groups' AUCs, model minus reference, each with how far the AUC may have fallen; `gap` is the
    change of the gap, and `margin` the loss of AUC that is let pass.

    Source: Mittelstadt, Wachter & Russell 2023, "The unfairness of fair machine learning", on levelling down; the
    margin as in a trial of non-inferiority.
    """
    rose = any(change.low > 0 for change, _ in changes)
    fell = any(change.high < 0 for change, _ in changes)
    if rose:
        return "better" if all(fall <= margin for _, fall in changes) else "gain"
    if fell:
        return "level-down" if gap.value < 0 else "worse"
    return "not shown"
