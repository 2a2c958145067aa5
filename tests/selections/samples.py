"""Made-up trials and scores of rules."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from hf_fairtune.audits.engine.rows import ScoredRows, check_rows
from hf_fairtune.document.search import Trial
from hf_fairtune.selections.objective import Objective, Scored
from hf_fairtune.selections.selection import Pool


def trial(number: int, value: float, weights: int | None = 10) -> Trial:
    """A complete trial."""
    return Trial(number, "COMPLETE", None, {}, [], 1e-3, weights, value, {}, 1.0)


def rows(n: int = 120, seed: int = 0, clusters: bool = False) -> ScoredRows:
    """Rows of two groups without scores."""
    rng = np.random.default_rng(seed)
    ids = rng.integers(0, n // 3, n) if clusters else None
    return check_rows(np.arange(n) % 2, np.zeros(n), np.arange(n) // 2 % 2, ("a", "b"), ids)


def scores(of: ScoredRows, k: int = 3, seed: int = 1) -> np.ndarray:
    """Scores of some models, each better than the one before, [k, n]."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(k, len(of.labels))) + 0.5 * np.arange(1, k + 1)[:, None] * of.labels


@dataclass(frozen=True)
class Given(Objective):
    """An objective whose draws are given, so that a rule's arithmetic can be seen."""

    given: Any = None

    def draws(self, scored: Scored, n_boot: int, seed: int) -> np.ndarray:
        """Return what was given."""
        return np.asarray(self.given)


def pool(objective: Objective, trials: list[Trial], scored: Scored | None = None, refit: Any = None) -> Pool:
    """A pool of trials."""
    nothing = Scored(rows(), (0, 1), np.zeros((len(trials), 120)))
    return Pool(objective, trials, 0, lambda: scored or nothing, refit)
