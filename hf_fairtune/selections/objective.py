"""The objective of a search as a number of scored rows: as it came out, of resamples, and within folds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..audits.compute import numbers
from ..audits.engine.bootstrap import bootstrap
from ..audits.engine.delong import auc
from ..audits.engine.resampling import plan
from ..audits.engine.rows import ScoredRows
from ..errors import FairTuneError


@dataclass(frozen=True)
class Scored:
    """Rows, and the scores that some trials gave them.

    Args:
        rows: labels, groups and clusters, [n]; the scores in it do not count.
        included: codes of the groups that numbers across groups are of.
        scores: of each trial, [k, n]; NaN throughout for a trial that failed here.
        folds: of each row, where another model scored the rows of each fold, [n].
    """

    rows: ScoredRows
    included: tuple[int, ...]
    scores: np.ndarray
    folds: np.ndarray | None = None

    def by(self, trial: int) -> ScoredRows:
        """Return the rows with the scores of a trial, by its place."""
        return replace(self.rows, scores=self.scores[trial])


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

    def value(self, rows: ScoredRows, included: Sequence[int]) -> float:
        """Compute the objective of scored rows; NaN where it is undefined.

        Raises:
            FairTuneError: it takes more than scores, such as a loss.
        """
        found = numbers(rows, included)
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
        """Compute the objective of each trial, [k].

        AUCs of rows that several models scored count pairs within folds alone, see `within_folds`; every other number
        is of all rows together.
        """
        found = np.full(len(scored.scores), np.nan)
        for place in range(len(found)):
            if not np.isfinite(scored.scores[place]).all():
                continue
            rows = scored.by(place)
            if scored.folds is not None and self.of_aucs(np.zeros(len(rows.group_names) + 1), scored) is not None:
                found[place] = self.of_aucs(within_folds(rows, scored.folds), scored)
            else:
                found[place] = self.value(rows, scored.included)
        return found

    def draws(self, scored: Scored, n_boot: int, seed: int) -> np.ndarray:
        """Compute the objective of each trial on the same resamples of rows, or of clusters, [n_boot, k].

        NaN where a resample leaves it undefined. Objectives made of AUCs take all replicates in a few passes; others
        take each replicate alone, which is slower and the same.

        Source: Efron & Tibshirani 1993, "An Introduction to the Bootstrap", 8, for resamples within strata.
        """
        models, n = [scored.by(place) for place in range(len(scored.scores))], len(scored.rows.labels)
        if self.of_aucs(np.zeros(len(scored.rows.group_names) + 1), scored) is not None:
            replicates = bootstrap(models, [np.zeros((0, n), dtype=bool)] * len(models), n_boot, seed)
            return np.stack([np.asarray(self.of_aucs(one.auc, scored)) for one in replicates], axis=1)
        cells = scored.rows.groups * 2 + scored.rows.labels
        order = np.argsort(cells, kind="stable")
        clusters = scored.rows.clusters
        resampling = plan(cells[order], None if clusters is None else clusters[order])
        found = np.empty((n_boot, len(models)))
        for part in resampling.parts(n_boot):
            for replicate, weights in zip(part, resampling.draw(part, seed), strict=True):
                drawn = np.repeat(order, weights)
                found[replicate] = [self.value(rows.take(drawn), scored.included) for rows in models]
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

    def of_aucs(self, aucs: np.ndarray, scored: Scored) -> np.ndarray | None:
        """Read the objective off AUCs by group and, last, of all rows, [..., n_groups + 1]; None if it takes more."""
        across = aucs[..., list(scored.included)]
        if self.function is not None or not across.shape[-1]:
            return None
        if self.name in ("min_group_auc", "max_group_auc", "auc_gap"):
            low, high = across.min(axis=-1), across.max(axis=-1)
            return {"min_group_auc": low, "max_group_auc": high, "auc_gap": high - low}[self.name]
        columns = {"auc": -1} | {f"auc_{name}": code for code, name in enumerate(scored.rows.group_names)}
        return aucs[..., columns[self.name]] if self.name in columns else None


def within_folds(rows: ScoredRows, folds: np.ndarray) -> np.ndarray:
    """Compute AUCs by group and, last, of all rows from pairs within one fold, [n_groups + 1]; NaN without a pair.

    That is the mean over folds weighted by pairs. Each fold has its own model, whose scores lie on a scale of their
    own: pairs across folds compare scales, not patients, and pull a pooled AUC down. The lowest group is taken after
    the mean, as the lowest within each small fold would be lower by chance.

    Source: Parker, Günter & Bedo 2007, "Stratification bias in low signal microarray studies", BMC Bioinformatics 8;
    Airola et al. 2011, "An experimental comparison of cross-validation techniques for estimating the area under the
    ROC curve", Computational Statistics & Data Analysis 55.
    """
    size = len(rows.group_names)
    won, pairs = np.zeros(size + 1), np.zeros(size + 1)
    for fold in np.unique(folds):
        for code in range(size + 1):
            kept = (folds == fold) & ((rows.groups == code) | (code == size))
            labels = rows.labels[kept]
            count = int((labels == 1).sum()) * int((labels == 0).sum())
            if count:
                won[code] += auc(labels, rows.scores[kept]) * count
                pairs[code] += count
    return np.divide(won, pairs, out=np.full(size + 1, np.nan), where=pairs > 0)
