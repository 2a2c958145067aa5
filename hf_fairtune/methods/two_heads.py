"""Two linear heads on the same features: one tells the label, one each group; both by ridge-penalised fits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit


@dataclass(frozen=True)
class Lines:
    """Linear functions of features: weights [d] or [d, k], and intercepts, a number or [k]."""

    weights: np.ndarray
    intercept: np.ndarray

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Return their values at rows x [n, d]: [n] or [n, k]."""
        found: np.ndarray = x @ self.weights + self.intercept
        return found


@dataclass(frozen=True)
class TwoHeads:
    """A classifier, whose log-odds are [n], and an attribute head with a score of each group, [n, n_groups]."""

    classifier: Lines
    attribute: Lines

    @classmethod
    def fit(cls, x: np.ndarray, labels: np.ndarray, groups: np.ndarray, n_groups: int, ridge: float) -> TwoHeads:
        """Fit both on features x [n, d]; they are standardised for the fit, and the heads read them as they are."""
        center, spread = x.mean(0), x.std(0)
        spread[spread == 0] = 1
        values = (x - center) / spread
        owns = np.eye(n_groups)[groups]
        heads = []
        for head in (fit_logistic(values, labels, ridge), fit_squares(values, owns, ridge)):
            weights = (head.weights.T / spread).T
            heads.append(Lines(weights, head.intercept - center @ weights))
        return cls(*heads)

    def merged(self, weights: np.ndarray) -> Lines:
        """Return the one head: the classifier plus the attribute head's scores times weights [n_groups]."""
        own, other = self.classifier, self.attribute
        return Lines(own.weights + other.weights @ weights, own.intercept + other.intercept @ weights)


def fit_logistic(x: np.ndarray, labels: np.ndarray, ridge: float) -> Lines:
    """Minimise ridge / 2 * |w|² + sum of log(1 + exp(-y (x w + b))), y = ±1."""
    sign = 2 * labels - 1

    def objective(parts: np.ndarray) -> tuple[float, np.ndarray]:
        w, b = parts[:-1], parts[-1]
        z = sign * (x @ w + b)
        slope = -sign * expit(-z)
        value = ridge / 2 * w @ w + np.logaddexp(0, -z).sum()
        return value, np.append(ridge * w + slope @ x, slope.sum())

    found = minimize(
        objective, np.zeros(x.shape[1] + 1), jac=True, method="L-BFGS-B", options={"maxiter": 2000, "maxfun": 4000}
    )
    return Lines(found.x[:-1], found.x[-1])


def fit_squares(x: np.ndarray, targets: np.ndarray, ridge: float) -> Lines:
    """Minimise ridge * |W|² + sum of (x W + b - y)² for targets [n, k].

    Squares draw the scores towards 0 and 1, so that a weight acts as a shift of its group. Of targets that sum to 1
    the fits sum to 1, too.
    """
    center, mean = x.mean(0), targets.mean(0)
    inner = x - center
    weights = np.linalg.solve(inner.T @ inner + ridge * np.eye(x.shape[1]), inner.T @ (targets - mean))
    return Lines(weights, mean - center @ weights)
