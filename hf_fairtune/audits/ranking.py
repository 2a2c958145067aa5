"""Groups ranked by AUC after partial pooling: small groups borrow from the rest, so that ranks are not of sizes."""

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import expit, logit

from ..document.audit import RankedGroup, Ranking
from ..document.estimate import Estimate
from .engine.auc_tests import hanley_mcneil_variance, logit_point, logit_slope
from .engine.delong import auc_variance
from .engine.resampled_rows import ResampledRows

METHOD = "partial pooling of logit AUCs, normal around normal; rank 1 is the lowest"
POINTS = 400
DRAWS = 10_000
# Half-normal prior of the spread of logits: AUCs of 0.73 and 0.88 lie one apart.
PRIOR_SPREAD = 1.0


def pool(
    values: np.ndarray, errors: np.ndarray, confidence: float = 0.95, seed: int = 0
) -> tuple[float, float, np.ndarray]:
    """Pool numbers that are normal around their truths, the truths normal around a mean: flat prior of the mean.

    The spread of the truths is averaged over its posterior, its likelihood being the restricted one, rather than
    fixed at one estimate: that would often be 0, and then call all groups the same without a doubt.

    Values are on a scale on which they are about normal, such as logits, with positive standard errors, [k] each, two
    or more; intervals and shares are read off draws from the posterior.

    Returns:
        Posterior mean of the truths' mean, posterior median of their standard deviation and, for every value, [4, k],
        posterior mean, low, high and probability of being the lowest.

    Source: Gelman et al. 2013, "Bayesian Data Analysis", 5.4, eq. 5.17 to 5.21; half-normal prior of the spread as in
    Gelman 2006, "Prior distributions for variance parameters in hierarchical models".
    """
    # Evenly in the logarithm, from nothing beside the errors to more than the values show.
    taus = np.geomspace(float(errors.min()) / 50, 5 * (float(np.ptp(values)) + float(errors.max())), POINTS)
    precision = 1 / (taus[:, None] ** 2 + errors**2)
    variances = 1 / precision.sum(axis=1)
    means = (precision * values).sum(axis=1) * variances
    misfit = (precision * (values - means[:, None]) ** 2).sum(axis=1)
    likelihood = (np.log(precision).sum(axis=1) + np.log(variances) - misfit) / 2
    # Points lie evenly in the logarithm: each stands for a width in proportion to itself.
    density = likelihood - (taus / PRIOR_SPREAD) ** 2 / 2 + np.log(taus)
    weights = np.exp(density - density.max())
    weights /= weights.sum()
    rng = np.random.default_rng(seed)
    picked = rng.choice(len(taus), DRAWS, p=weights)
    mean = rng.normal(means[picked], np.sqrt(variances[picked]))[:, None]
    # What a group keeps of its own value at each spread.
    held = taus[:, None] ** 2 / (taus[:, None] ** 2 + errors**2)
    draws = rng.normal(mean + held[picked] * (values - mean), np.sqrt(held[picked]) * errors)
    centres = weights @ (means[:, None] + held * (values - means[:, None]))
    low, high = np.quantile(draws, [(1 - confidence) / 2, (1 + confidence) / 2], axis=0)
    middle = float(taus[np.searchsorted(np.cumsum(weights), 0.5)])
    shares = np.bincount(draws.argmin(axis=1), minlength=len(values)) / DRAWS
    return float(weights @ means), middle, np.stack([centres, low, high, shares])


def rank_groups(resampled: ResampledRows, aucs: Sequence[Estimate], seed: int) -> Ranking | None:
    """Rank the included groups that have an AUC by their pooled AUC, lowest first.

    Errors are DeLong's (by clusters: Obuchowski's). A group that is not estimable cannot tell its own error: logit
    and error are taken along the tangent at the AUC of the whole split, with Hanley & McNeil's error there. A group
    whose AUC has no variance, as at 1, enters with Newcombe's interval, its logits cut half a pair short of 0 and 1.
    None with fewer than two groups to rank.
    """
    names, kept, points, groups = resampled.rows.group_names, [], [], []
    for code in resampled.included:
        if aucs[code].defined:
            kept.append(code)
            points.append(_point(resampled, aucs[code].value, code, aucs[-1].value))
    if len(kept) < 2:
        return None
    values, errors = np.array(points).T
    mean, tau, (centres, low, high, shares) = pool(values, errors, resampled.confidence, seed)
    ranks = np.argsort(np.argsort(centres, kind="stable"), kind="stable") + 1
    columns = map(np.ndarray.tolist, (expit(centres), expit(low), expit(high), shares, ranks))
    for code, *numbers in zip(kept, *columns, strict=True):
        groups.append(RankedGroup(names[code], *numbers))
    left_out = np.delete(names, kept).tolist()
    return Ranking(METHOD, float(expit(mean)), tau, groups, left_out)


def _point(resampled: ResampledRows, value: float, code: int, whole: float) -> tuple[float, float]:
    """Return a group's logit and its standard error, `whole` being the AUC of the whole split."""
    positives, negatives, _ = resampled.worth[code].tolist()
    # If the whole split is ranked perfectly, so is every group.
    if not resampled.estimable(code) and 0 < whole < 1:
        error = math.sqrt(hanley_mcneil_variance(whole, positives, negatives))
        return float(logit(whole)) + (value - whole) * logit_slope(whole), error * logit_slope(whole)
    part = resampled.inside(code)
    variance = auc_variance(part.labels, part.scores, part.clusters, part.weights)
    return logit_point(value, variance, positives, negatives)
