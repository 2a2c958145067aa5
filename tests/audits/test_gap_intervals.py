"""Intervals of gaps between rates: they hold the truth as often as they say, a ratio's over its own rate."""

from typing import Any

import numpy as np
import pytest
from scipy.stats import binom, norm

from hf_fairtune.audits.engine.bands import Over
from hf_fairtune.audits.engine.bootstrap import bootstrap
from hf_fairtune.audits.engine.resampled_rows import ResampledRows
from hf_fairtune.audits.engine.rows import check_rows
from hf_fairtune.audits.metrics.metric import Gap, gaps, rates
from hf_fairtune.audits.threshold_audit import Decided
from hf_fairtune.document.estimate import Reason

# Gaps that no file has: a ratio of another rate than the selection rate, and a range of a rate whose rows vary.
OPPORTUNITY_RATIO = Gap("min / max of TPR", ("tpr",), Over.LOWEST_SHARE, better="higher", needs=("positives",))
PREDICTIVE_PARITY = Gap("max - min over groups", ("ppv",), better="lower")


def decided(
    labels: np.ndarray, predictions: np.ndarray, groups: np.ndarray, n_boot: int = 200, seed: int = 0
) -> Decided:
    """Decisions with their replicates."""
    names = [str(code) for code in range(groups.max() + 1)]
    rows = check_rows(labels, predictions * 1.0, groups, names)
    (draws,) = bootstrap([rows], [predictions[None]], n_boot, seed)
    return Decided(ResampledRows(rows, tuple(range(len(names))), draws, 0.95), predictions, 0)


def samples(tprs: tuple[float, ...], fprs: tuple[float, ...], runs: int) -> Any:
    """Labels, random decisions with these rates by group, and groups; 50 positives and 100 negatives each."""
    rng, groups = np.random.default_rng(0), np.repeat(np.arange(len(tprs)), 150)
    labels = np.tile(np.repeat([1, 0], [50, 100]), len(tprs))
    chances = np.where(labels == 1, np.array(tprs)[groups], np.array(fprs)[groups])
    for _ in range(runs):
        yield labels, (rng.random(len(labels)) < chances).astype(int), groups


@pytest.mark.parametrize(("tprs", "fprs"), [((0.8, 0.8, 0.8), (0.2, 0.2, 0.2)), ((0.9, 0.8, 0.6), (0.2, 0.1, 0.3))])
def test_coverage_of_the_gaps(tprs: tuple[float, ...], fprs: tuple[float, ...]) -> None:
    """Intervals of every gap hold the truth, for equal groups and for unequal ones."""
    hits, alarms = 50 * np.array(tprs), 100 * np.array(fprs)
    truth = np.stack([100 - alarms, alarms, 50 - hits, hits])
    asked = gaps() | {"equal_opportunity_ratio": OPPORTUNITY_RATIO, "predictive_parity_difference": PREDICTIVE_PARITY}
    inside = dict.fromkeys(asked, 0)
    for seed, sample in enumerate(samples(tprs, fprs, 40)):
        given_rows = decided(*sample, seed=seed)
        for name, gap in asked.items():
            found = given_rows.gap(gap)
            inside[name] += found.low - 1e-12 <= float(gap(truth, 0)) <= found.high + 1e-12
    assert min(inside.values()) >= 35, inside


def test_a_ratio_has_the_interval_of_its_own_rate() -> None:
    """Equal selection rates, sensitivities of 0.9 and 0.5: the selections' interval would reach to 1."""
    labels, groups = np.tile(np.repeat([1, 0], [200, 200]), 2), np.repeat([0, 1], 400)
    decisions = np.concatenate([np.arange(200) < k for k in (180, 20, 100, 100)]).astype(int)
    given_rows = decided(labels, decisions, groups, n_boot=400)
    found, parity = given_rows.gap(OPPORTUNITY_RATIO), given_rows.gap(gaps()["demographic_parity_ratio"])
    assert (found.value, parity.value) == (pytest.approx(100 / 180), 1)
    assert found.low < found.value < found.high < 0.7
    assert parity.high == 1
    # The delta method on logarithms: independent binomials of 200 trials.
    spread = np.sqrt((1 - 0.9) / 180 + (1 - 0.5) / 100)
    wanted = np.log(100 / 180) + 1.96 * spread * np.array([-1, 1])
    assert np.log([found.low, found.high]) == pytest.approx(wanted, abs=0.03)


def test_coverage_of_a_ratio_is_that_of_an_oracle() -> None:
    """Two groups of 40 positives: how often the interval holds the true ratio, against exact binomial sampling."""
    rng, labels, groups = np.random.default_rng(1), np.tile(np.repeat([1, 0], [40, 80]), 2), np.repeat([0, 1], 120)
    for tprs in ((0.7, 0.7), (0.9, 0.6), (0.5, 0.25)):
        hits = binom.rvs(40, tprs, size=(80, 2), random_state=rng)
        inside = 0
        for seed, pair in enumerate(hits):
            decisions = np.concatenate(
                [np.arange(n) < k for n, k in zip((40, 80) * 2, (pair[0], 8, pair[1], 8), strict=True)]
            )
            found = decided(labels, decisions.astype(int), groups, seed=seed).gap(OPPORTUNITY_RATIO)
            inside += found.low <= min(tprs) / max(tprs) <= found.high
        assert inside >= 72, tprs


def test_a_band_is_no_narrower_than_the_intervals_of_its_rates() -> None:
    """Who is flagged depends on who has the finding, whose number a bootstrap within classes keeps."""
    labels, groups = np.tile(np.repeat([1, 0], [40, 60]), 2), np.repeat([0, 1], 100)
    decisions = np.where(np.arange(200) % 20 == 0, 1 - labels, labels)
    found = decided(labels, decisions, groups, n_boot=2000)
    selected, gap = found.rate(rates()["selection_rate"])[:2], found.gap(gaps()["demographic_parity_difference"])
    errors = [(one.high - one.low) / 2 / norm.ppf(0.975) for one in selected]
    assert gap.high - gap.value >= 0.97 * norm.ppf(0.975) * np.hypot(*errors)
    assert found.draws is not None
    drawn = found.draws[[1, 3]].sum(axis=0)[:, :2] / 100
    assert drawn.std(axis=0).max() < 0.6 * min(errors)


def test_a_gap_of_a_rate_without_denominator_has_a_reason() -> None:
    labels, groups = np.tile(np.repeat([1, 0], 30), 2), np.repeat([0, 1], 60)
    flagged = np.where(groups == 0, labels, 0)
    found = decided(labels, flagged, groups).gap(PREDICTIVE_PARITY)
    assert (found.defined, found.reasons) == (False, (Reason("zero_denominator"),))
    none = decided(labels, flagged * 0, groups).gap(OPPORTUNITY_RATIO)
    assert none.reasons == (Reason("no_predicted_positive"),)
