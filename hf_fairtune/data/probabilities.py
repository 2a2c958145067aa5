"""Probabilities of logits in double precision, which rank rows as their log-odds do."""

import numpy as np
from scipy.special import expit, logsumexp


def class_log_odds(logits: np.ndarray) -> np.ndarray:
    """Compute the log-odds of each class against all others under softmax, [n, k] -> float64 [n, k].

    log p - log(1 - p) loses what lies above 37 for the likeliest class: that is its logit less the log-sum-exp of the
    others.
    """
    logits = logits.astype(np.float64)
    rows, top = np.arange(len(logits)), logits.argmax(axis=1)
    log_p = logits - logsumexp(logits, axis=1, keepdims=True)
    others = logits.copy()
    others[rows, top] = -np.inf
    log_p[rows, top] = -np.inf
    odds: np.ndarray = log_p - np.log1p(-np.exp(log_p))
    odds[rows, top] = logits[rows, top] - logsumexp(others, axis=1)
    return odds


def probabilities(log_odds: np.ndarray) -> np.ndarray:
    """Compute the probability of each row's log-odds, float64 [n]; rows tie only where their log-odds do.

    Above log-odds of 37 double precision has nothing below 1 left, and the ranks would be lost: what would tie is
    set apart by neighbouring numbers, 10^-16 each. NaN stays NaN.
    """
    levels, place = np.unique(log_odds, return_inverse=True)
    chances = expit(levels)
    known = ~np.isnan(chances)
    # Doubles from 0 to 1 are in the order of the whole numbers that have the same bits.
    bits, step = chances[known].view(np.int64), np.arange(known.sum())
    bits = np.minimum(np.maximum.accumulate(bits - step) + step, np.float64(1).view(np.int64))
    bits = np.minimum.accumulate((bits - step)[::-1])[::-1] + step
    chances[known] = bits.view(np.float64)
    return np.asarray(chances[place])
