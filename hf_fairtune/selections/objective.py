"""The objective of a search as a number of scored rows: as it came out, of resamples, and within folds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ..audits.class_numbers import of_aucs, of_class_aucs
from ..audits.compute import numbers
from ..audits.engine.bootstrap import bootstrap
from ..audits.engine.class_draws import cells_of, class_draws
from ..audits.engine.class_rows import ClassRows
from ..audits.engine.folds import fold_draws
from ..audits.engine.resampling import plan
from ..audits.engine.rows import ScoredRows
from ..errors import FairTuneError


@dataclass(frozen=True)
class Scored:
    """Rows, and the scores that some trials gave them.

    Args:
        rows: labels, groups and clusters, [n]; the scores in it do not count.
        included: codes of the groups that numbers across groups are of.
        scores: of each trial, [k, n] or of several classes [k, n, classes]; NaN throughout for one that failed here.
        folds: of each row, where another model scored the rows of each fold, [n].
    """

    rows: ScoredRows | ClassRows
    included: tuple[int, ...]
    scores: np.ndarray
    folds: np.ndarray | None = None
    _drawn: dict[tuple[int, int], list[np.ndarray]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def by(self, trial: int) -> ScoredRows | ClassRows:
        """Return the rows with the scores of a trial, by its place."""
        return replace(self.rows, scores=self.scores[trial])

    @property
    def auc_keys(self) -> list[str]:
        """Name the AUC of every group that takes part, of several classes that of each class in it."""
        names = self.rows.group_names
        if isinstance(self.rows, ScoredRows):
            return [f"auc_{names[code]}" for code in self.included]
        found = []
        for place, own in enumerate(self.rows.names):
            found += [f"auc_{own}_{names[code]}" for code in self.rows.compared(place, self.included)]
        return found

    def aucs(self, n_boot: int, seed: int) -> list[np.ndarray]:
        """Compute each trial's AUCs on the same resamples, [n_boot, n_groups + 1], all rows last.

        Of several classes [n_boot, classes, n_groups + 1].
        """
        if (n_boot, seed) not in self._drawn:
            self._drawn[n_boot, seed] = self._draw(n_boot, seed)
        return self._drawn[n_boot, seed]

    def _draw(self, n_boot: int, seed: int) -> list[np.ndarray]:
        models = [self.by(place) for place in range(len(self.scores))]
        several = [model for model in models if isinstance(model, ClassRows)]
        if several:
            return class_draws(several, n_boot, seed, self.folds)
        single = [model for model in models if isinstance(model, ScoredRows)]
        return _aucs(single, n_boot, seed) if self.folds is None else fold_draws(single, self.folds, n_boot, seed)


@dataclass(frozen=True)
class Objective:
    """What a search optimises.

    Args:
        name: key of `fairness_metrics`, or the name of `function`.
        maximize: whether greater is better.
        function: metrics, whose keys begin with "eval_", to the objective; None for a metric by its name.
    """

    name: str
    maximize: bool
    function: Callable[[Mapping[str, float]], float] | None = None

    def gains(self, values: np.ndarray) -> np.ndarray:
        """Turn values so that greater is better."""
        return values if self.maximize else -values

    def value(self, rows: ScoredRows | ClassRows, included: Sequence[int], folds: np.ndarray | None = None) -> float:
        """Compute the objective of scored rows, by `numbers`; NaN where it is undefined.

        Raises:
            FairTuneError: it takes more than scores, such as a loss.
        """
        found = numbers(rows, included, folds)
        try:
            if self.function is None:
                return found[self.name]
            return float(self.function({f"eval_{name}": value for name, value in found.items()}))
        except KeyError as error:
            name = str(error).strip("'\"").removeprefix("eval_")
            raise FairTuneError(
                f"the objective takes `{name}`, which scores do not give; choose the selection `best`."
            ) from error

    def values(self, scored: Scored) -> np.ndarray:
        """Compute the objective of each trial, [k]."""
        found = np.full(len(scored.scores), np.nan)
        for place in np.flatnonzero(np.isfinite(scored.scores.reshape(len(found), -1)).all(axis=1)).tolist():
            found[place] = self.value(scored.by(place), scored.included, scored.folds)
        return found

    def draws(self, scored: Scored, n_boot: int, seed: int) -> np.ndarray:
        """Compute the objective of each trial on the same resamples of rows, or of clusters, [n_boot, k].

        NaN where a resample leaves it undefined. Objectives made of AUCs take all replicates in a few passes; others
        take each replicate alone, which is slower and the same.

        Source: Efron & Tibshirani 1993, "An Introduction to the Bootstrap", 8, for resamples within strata.
        """
        models, folds = [scored.by(place) for place in range(len(scored.scores))], scored.folds
        several = scored.scores.shape[2:]
        if self.of_aucs(np.zeros((*several, len(scored.rows.group_names) + 1)), scored) is not None:
            return np.stack([np.asarray(self.of_aucs(own, scored)) for own in scored.aucs(n_boot, seed)], axis=1)
        cells = cells_of(scored.rows)
        cells = cells if folds is None else cells + folds * (2 * len(scored.rows.group_names) * sum(several, 1))
        order = np.argsort(cells, kind="stable")
        clusters = scored.rows.clusters
        resampling = plan(cells[order], None if clusters is None else clusters[order])
        found = np.empty((n_boot, len(models)))
        for part in resampling.parts(n_boot):
            for replicate, weights in zip(part, resampling.draw(part, seed), strict=True):
                drawn = np.repeat(order, weights)
                own = None if folds is None else folds[drawn]
                found[replicate] = [self.value(rows.take(drawn), scored.included, own) for rows in models]
        return found

    def bounds(self, scored: Scored, confidence: float, n_boot: int, seed: int) -> np.ndarray:
        """Compute the one-sided lower bound of each trial's gain, [k]; NaN where no resample defines all of them.

        A percentile bound from `draws`, the same for all trials.

        Source: Efron & Tibshirani 1993, "An Introduction to the Bootstrap", 13.
        """
        gains = self.gains(self.draws(scored, n_boot, seed))
        kept = gains[~np.isnan(gains).any(axis=1)]
        if not len(kept):
            return np.full(gains.shape[1], np.nan)
        found: np.ndarray = np.quantile(kept, 1 - confidence, axis=0)
        return found

    def errors(self, scored: Scored, best: int, n_boot: int, seed: int) -> np.ndarray:
        """Compute the standard error of each trial's difference from the best, by its place, [k], from `draws`.

        They are paired: what is hard for both moves both. NaN where fewer than two resamples define all of them.
        """
        draws = self.draws(scored, n_boot, seed)
        known = draws[~np.isnan(draws).any(axis=1)]
        if len(known) < 2:
            return np.full(draws.shape[1], np.nan)
        found: np.ndarray = (known - known[:, [best]]).std(axis=0, ddof=1)
        return found

    def of_aucs(self, aucs: np.ndarray, scored: Scored) -> np.ndarray | None:
        """Read the objective off what `Scored.aucs` gives of a trial, [...]; None if it takes more."""
        if self.function is not None or not scored.included:
            return None
        if isinstance(scored.rows, ClassRows):
            return of_class_aucs(self.name, aucs, scored.rows, scored.included)
        return of_aucs(self.name, aucs, scored.included, scored.rows.group_names)


def _aucs(models: Sequence[ScoredRows], n_boot: int, seed: int) -> list[np.ndarray]:
    """Compute AUCs on resamples, by group and, last, of all rows, [n_boot, n_groups + 1] each."""
    undecided = [np.zeros((0, len(models[0].labels)), dtype=bool)] * len(models)
    return [found.auc for found in bootstrap(models, undecided, n_boot, seed)]
