"""Partial pooling of groups' numbers: small groups borrow from the rest, so that a ranking is not one of sizes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import FairTuneError

POINTS = 400
DRAWS = 10_000
# Half-normal prior of the spread of logits: AUCs of 0.73 and 0.88 lie one apart.
PRIOR_SPREAD = 1.0


@dataclass(frozen=True)
class Pooled:
    """Groups' logits after pooling.

    Args:
        mean: of the groups' distribution, posterior mean.
        tau: its standard deviation, posterior median.
        centres: posterior mean of each group, [k].
        low: lower end of each group's interval, [k].
        high: upper end, [k].
        worst_shares: posterior probability that a group is the lowest, [k].
    """

    mean: float
    tau: float
    centres: np.ndarray
    low: np.ndarray
    high: np.ndarray
    worst_shares: np.ndarray


def pool(values: np.ndarray, errors: np.ndarray, confidence: float = 0.95, seed: int = 0) -> Pooled:
    """Pool numbers that are normal around their truths, the truths normal around a mean: flat prior of the mean.

    The spread of the truths is averaged over its posterior, its likelihood being the restricted one, rather than
    fixed at one estimate: that would often be 0, and then call all groups the same without a doubt.

    Args:
        values: on a scale on which they are about normal, such as logits, [k], at least two.
        errors: their standard errors, positive, [k].
        confidence: level of the intervals.
        seed: of the draws from the posterior that intervals and shares are read off.

    Raises:
        FairTuneError: fewer than two values, or an error that is not positive.

    Source: Gelman et al. 2013, "Bayesian Data Analysis", 5.4, eq. 5.17 to 5.21; half-normal prior of the spread as in
    Gelman 2006, "Prior distributions for variance parameters in hierarchical models".
    """
    values, errors = np.asarray(values, dtype=np.float64), np.asarray(errors, dtype=np.float64)
    if len(values) < 2 or not (errors > 0).all() or not np.isfinite([*values, *errors]).all():
        raise FairTuneError(
            f"{len(values)} values with errors {errors.tolist()} cannot be pooled; pass two or more, each finite with "
            "a positive error."
        )
    taus = _grid(values, errors)
    means, variances, weights = _posterior(values, errors, taus)
    held = _shrinkage(errors, taus)
    centres = weights @ (means[:, None] + held * (values - means[:, None]))
    draws = _draws(values, errors, (taus, means, variances, weights), seed)
    low, high = np.quantile(draws, [(1 - confidence) / 2, (1 + confidence) / 2], axis=0)
    middle = float(taus[min(int(np.searchsorted(np.cumsum(weights), 0.5)), len(taus) - 1)])
    shares = np.bincount(draws.argmin(axis=1), minlength=len(values)) / DRAWS
    return Pooled(float(weights @ means), middle, centres, low, high, shares)


def _grid(values: np.ndarray, errors: np.ndarray) -> np.ndarray:
    """Space spreads evenly in their logarithm, from nothing beside the errors to more than the values show."""
    most = 5 * (float(np.ptp(values)) + float(errors.max()))
    return np.geomspace(float(errors.min()) / 50, most, POINTS)


def _shrinkage(errors: np.ndarray, taus: np.ndarray) -> np.ndarray:
    """Compute how much of its own value a group keeps at each spread, [points, k]."""
    kept: np.ndarray = taus[:, None] ** 2 / (taus[:, None] ** 2 + errors**2)
    return kept


def _posterior(values: np.ndarray, errors: np.ndarray, taus: np.ndarray) -> tuple[np.ndarray, ...]:
    """Compute mean and variance of the groups' mean at each spread, and the spread's posterior weights, [points]."""
    precision = 1 / (taus[:, None] ** 2 + errors**2)
    variances = 1 / precision.sum(axis=1)
    means = (precision * values).sum(axis=1) * variances
    misfit = (precision * (values - means[:, None]) ** 2).sum(axis=1)
    likelihood = (np.log(precision).sum(axis=1) + np.log(variances) - misfit) / 2
    # Points lie evenly in the logarithm: each stands for a width in proportion to itself.
    density = likelihood - (taus / PRIOR_SPREAD) ** 2 / 2 + np.log(taus)
    weights = np.exp(density - density.max())
    return means, variances, weights / weights.sum()


def _draws(values: np.ndarray, errors: np.ndarray, posterior: tuple[np.ndarray, ...], seed: int) -> np.ndarray:
    """Draw the groups' truths, [DRAWS, k]: spread, then mean, then groups."""
    taus, means, variances, weights = posterior
    rng = np.random.default_rng(seed)
    picked = rng.choice(len(taus), DRAWS, p=weights)
    mean = rng.normal(means[picked], np.sqrt(variances[picked]))[:, None]
    held = _shrinkage(errors, taus[picked])
    return rng.normal(mean + held * (values - mean), np.sqrt(held) * errors)
