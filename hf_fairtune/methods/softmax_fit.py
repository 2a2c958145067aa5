"""The L1 logistic regression of several classes, with a softmax."""

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax


def fit_softmax(x: np.ndarray, labels: np.ndarray, strength: float) -> tuple[np.ndarray, np.ndarray]:
    """Minimise |W|_1 + strength * sum of -log softmax(W x + b)_y; return W, [d, classes], and b, [classes].

    Args:
        x: [n, d].
        labels: codes of classes, [n], each of which occurs.
        strength: inverse of the penalty's.
    """
    d, classes = x.shape[1], int(labels.max()) + 1
    own = np.eye(classes)[labels]

    def objective(parts: np.ndarray) -> tuple[float, np.ndarray]:
        # W is a difference of two non-negative matrices, so that the objective is smooth within its bounds.
        above, below = parts[:-classes].reshape(2, d, classes)
        logs = log_softmax(x @ (above - below) + parts[-classes:], axis=1)
        slope = strength * (np.exp(logs) - own)
        gradient = x.T @ slope
        value = parts[:-classes].sum() - strength * logs[own == 1].sum()
        return value, np.concatenate([(1 + gradient).ravel(), (1 - gradient).ravel(), slope.sum(0)])

    bounds = [(0, None)] * (2 * d * classes) + [(None, None)] * classes
    parts = minimize(objective, np.zeros(len(bounds)), jac=True, method="L-BFGS-B", bounds=bounds).x
    above, below = parts[:-classes].reshape(2, d, classes)
    return above - below, parts[-classes:]
