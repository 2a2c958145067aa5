"""Every file of `metrics/` carries its card; rates and gaps keep to their contract."""

import types

import numpy as np
import pytest

from hf_fairtune import catalog
from hf_fairtune.errors import FairTuneError
from hf_fairtune.metrics.metric import Gap, Rate, card
from hf_fairtune.metrics.rates import RateCounts

NAMES = catalog.names("metrics")
METRICS = {name: getattr(catalog.find("metrics", name), "METRIC", None) for name in NAMES}
GAPS = {name: metric for name, metric in METRICS.items() if isinstance(metric, Gap)}
RATES = {name: metric for name, metric in METRICS.items() if isinstance(metric, Rate)}


def counts(*shape: int, seed: int = 0) -> RateCounts:
    rng = np.random.default_rng(seed)
    positives, negatives = rng.integers(3, 30, (2, *shape))
    return RateCounts(positives, negatives, rng.integers(0, positives + 1), rng.integers(0, negatives + 1))


@pytest.mark.parametrize("name", NAMES)
def test_every_metric_has_a_card(name: str) -> None:
    found = card(catalog.find("metrics", name))
    assert "\n" not in found.title
    for part in (found.definition, found.range, found.direction, found.traps, found.citation):
        assert len(part) > 5
    words = found.direction.lower()
    metric = METRICS[name]
    if metric is not None:
        wanted = {"neither": "neither", "nearer": "0 is"}.get(metric.better, metric.better)
        assert wanted in words


def test_there_are_the_rates_and_gaps_of_the_field() -> None:
    assert set(RATES) == {"accuracy", "f1", "fpr", "npv", "ppv", "selection_rate", "tnr", "tpr"}
    assert [name for name, rate in RATES.items() if not rate.binomial] == ["f1"]
    assert {"equalized_odds_difference", "demographic_parity_ratio", "statistical_parity_difference"} < set(GAPS)
    assert len(GAPS) == 10


@pytest.mark.parametrize(
    "text", ["", "A title.", "A title.\n\nRange: 0 to 1.\n\nDefinition: of it.", "A\n\nDefinition:"]
)
def test_a_docstring_that_is_no_card_is_told(text: str) -> None:
    with pytest.raises(
        FairTuneError, match="odd has no card; give its docstring a title and the paragraphs `Definition"
    ):
        card(types.ModuleType("odd", text))


@pytest.mark.parametrize("name", GAPS)
def test_gaps_of_replicates_are_those_of_each(name: str) -> None:
    many, gap = counts(7, 4), GAPS[name]
    found = gap(many, 2)
    for i in range(7):
        alone = RateCounts(*(getattr(many, key)[i] for key in vars(many)))
        assert found[i] == pytest.approx(float(gap(alone, 2)), abs=1e-15)
    low, high = gap.bounds
    assert ((found >= low) & (found <= high)).all()
    assert (found < 0).any() == gap.signed


@pytest.mark.parametrize("name", GAPS)
def test_equal_groups_have_the_value_of_equality(name: str) -> None:
    one = [np.full(3, value) for value in (10, 20, 4, 6)]
    assert float(GAPS[name](RateCounts(*one))) == pytest.approx(GAPS[name].equal, abs=1e-15)


@pytest.mark.parametrize("name", GAPS)
def test_a_group_that_lacks_what_is_needed_makes_it_nan(name: str) -> None:
    for kind in GAPS[name].needs:
        empty = ("positives", "negatives") if kind == "rows" else (kind,)
        cells = {key: value.copy() for key, value in vars(counts(3)).items()}
        for key in empty:
            cells[key][1] = cells[f"{'true' if key == 'positives' else 'false'}_positives"][1] = 0
        assert np.isnan(float(GAPS[name](RateCounts(**cells))))
        assert np.isnan(float(GAPS[name](counts(1))))


def test_kept_groups_come_in_their_order() -> None:
    many = counts(5, 4)
    np.testing.assert_array_equal(many.take([3, 1]).tpr, many.tpr[:, [3, 1]])
