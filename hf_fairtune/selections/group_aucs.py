"""Rules that weigh the AUC of every group in place of the objective."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from ..audits.engine.class_rows import ClassRows
from ..audits.engine.folds import fold_auc
from ..document.search import Candidate
from ..errors import FairTuneError, listed
from .objective import Objective, Scored
from .selection import Chosen, Pool, Selection, first_of

AUCS = ("auc", "min_group_auc", "max_group_auc")


class OfGroupAucs(Selection):
    """A rule that rates trials by the AUC of each group that takes part."""

    scores: ClassVar[bool] = True

    def check(self, objective: Objective, class_names: Sequence[str]) -> None:
        """Refuse an objective that is no AUC, as the winner would not be the search's, and several classes."""
        if objective.function is not None or not (objective.name in AUCS or objective.name.startswith("auc_")):
            raise FairTuneError(
                f"the selection `{self.name}` weighs the groups' AUCs, but the search goes by `{objective.name}`; "
                "search by min_group_auc or another AUC, or choose the selection `best`."
            )
        if class_names:
            raise _several_classes(self.name)

    @abstractmethod
    def gains(self, aucs: np.ndarray) -> np.ndarray:
        """Rate trials by their groups' AUCs, [k, groups] -> [k]: greater is better, NaN for one that cannot win."""

    def choose(self, pool: Pool) -> Chosen:
        """Return the trial with the best rating; of equal ones that of the better value, then the earlier one.

        Those that can win were weighed.
        """
        aucs = group_aucs(pool.scored(), self.name)
        gains, known = np.full(len(aucs), np.nan), ~np.isnan(aucs).any(axis=1)
        if known.any():
            gains[known] = self.gains(aucs[known])
        weighed = [trial for trial, gain in zip(pool.trials, gains.tolist(), strict=True) if gain == gain]
        candidates = [Candidate(trial.number, trial.value) for trial in weighed]
        return pool.trials[first_of(pool.ranked(), gains)], candidates


def group_aucs(scored: Scored, rule: str) -> np.ndarray:
    """Compute the AUC of each trial in each group that takes part, [k, groups], of pairs within one fold if any.

    NaN throughout for a trial without scores.

    Raises:
        FairTuneError: no group takes part, one has no AUC, or the rows are of several classes.
    """
    rows = scored.rows
    if isinstance(rows, ClassRows):
        raise _several_classes(rule)
    if not scored.included:
        raise FairTuneError(f"the selection `{rule}` weighs the groups' AUCs, but no group takes part; choose `best`.")
    folds = np.zeros_like(rows.groups) if scored.folds is None else scored.folds
    found = np.full((len(scored.scores), len(scored.included)), np.nan)
    known = np.flatnonzero(np.isfinite(scored.scores).all(axis=1))
    for column, code in enumerate(scored.included):
        own = rows.groups == code
        for trial in known:
            found[trial, column] = fold_auc(rows.labels[own], scored.scores[trial, own], folds[own]).value
    names = [rows.group_names[code] for code in scored.included]
    if lacking := [name for name, values in zip(names, found[known].T, strict=True) if np.isnan(values).any()]:
        raise FairTuneError(
            f"the selection `{rule}` weighs the groups' AUCs, but {listed(lacking)} has none, as it lacks a class; "
            "leave it out by `exclude`, or choose the selection `best`."
        )
    return found


def _several_classes(rule: str) -> FairTuneError:
    return FairTuneError(
        f"the selection `{rule}` weighs one AUC a group, but of several classes each has its own; choose `best`, "
        "`lower_bound` or `one_se`."
    )
