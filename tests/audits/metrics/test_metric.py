"""Every metric has its card; rates and gaps keep to their contract."""

import types

import numpy as np
import pytest

from hf_fairtune.audits.engine.proportions import total
from hf_fairtune.audits.metrics.metric import (
    Gap,
    Metric,
    Rate,
    ScoreMetric,
    card,
    card_of,
    cut_metrics,
    gaps,
    homes,
    metrics,
    rates,
    score_metrics,
)
from hf_fairtune.errors import FairTuneError


def counts(*shape: int, seed: int = 0) -> np.ndarray:
    """Cells of random classifiers: [4, *shape], every cell with rows."""
    return np.random.default_rng(seed).integers(1, 30, (4, *shape))


@pytest.mark.parametrize("name", metrics(Metric))
def test_every_metric_has_a_card(name: str) -> None:
    found = card_of(name)
    assert "\n" not in found.title
    assert min(map(len, found[1:])) > 5
    wanted = {"neither": "neither", "nearer": "is best"}.get(
        metrics(Metric)[name].better, metrics(Metric)[name].better
    )
    if name not in ("auc_difference", "statistical_parity_difference"):
        assert wanted in found.direction.lower()


def test_there_are_the_metrics_of_the_field() -> None:
    plain = {"accuracy", "balanced_accuracy", "f1", "fpr", "npv", "ppv", "selection_rate", "tnr", "tpr"}
    assert set(rates()) == plain
    assert set(cut_metrics()) == {"net_benefit"}
    assert [name for name, rate in rates().items() if rate.doubled] == ["f1"]
    odds = {f"equalized_odds_{kind}" for kind in ("difference", "mean", "score", "signed", "joint")}
    parity = {"demographic_parity_difference", "demographic_parity_ratio", "statistical_parity_difference"}
    others = {"equal_opportunity_difference", "predictive_equality_difference", "balanced_accuracy_difference"}
    assert set(gaps()) == odds | parity | others
    assert "average_precision" in score_metrics()
    others = {"auc", "min_group_auc", "auc_gap", "auc_difference", "es_auc", "xauc", "bpsn", "bnsp", "brier"}
    others |= {"expected_calibration_error", "calibration_slope", "calibration_intercept"}
    others |= {"sensitivity_at_specificity", "specificity_at_sensitivity", "average_precision_by_chance"}
    assert others <= set(homes())


def test_conventions_without_a_card_of_their_own_have_the_files() -> None:
    assert card_of("auc_difference") == card_of("auc_gap")
    assert card_of("bpsn") == card_of("xauc") != card_of("auc")
    assert card_of("tnr").title.startswith("True negative rate")


def test_an_unknown_metric_lists_those_there_are() -> None:
    with pytest.raises(FairTuneError, match="`best` is not one of the metrics; choose from accuracy, auc, "):
        card_of("best")


@pytest.mark.parametrize(
    "text", ["", "A title.", "A title.\n\nRange: 0 to 1.\n\nDefinition: of it.", "A\n\nDefinition:"]
)
def test_a_docstring_that_is_no_card_is_refused(text: str) -> None:
    with pytest.raises(
        FairTuneError, match="odd has no card; give its docstring a title and the paragraphs `Definition"
    ):
        card(types.ModuleType("odd", text))


@pytest.mark.parametrize("name", rates())
def test_a_rate_needs_its_denominator_or_both_classes(name: str) -> None:
    rate: Rate = rates()[name]
    if rate.denominator in (("positives",), ("negatives",), ("rows",)) and name != "accuracy":
        assert rate.needs == rate.denominator
        assert rate.paired
    else:
        assert rate.needs == ("positives", "negatives")
        assert rate.paired == (name == "accuracy")


@pytest.mark.parametrize("name", gaps())
def test_a_gap_needs_what_its_rates_need(name: str) -> None:
    gap: Gap = gaps()[name]
    assert gap.needs == tuple(dict.fromkeys(need for rate in gap.rates for need in rates()[rate].needs))
    ranges = {"equalized_odds_difference", "demographic_parity_difference"}
    assert gap.paired == (name in ranges | {"equal_opportunity_difference", "predictive_equality_difference"})


@pytest.mark.parametrize("name", gaps())
def test_gaps_of_replicates_are_those_of_each(name: str) -> None:
    many, gap = counts(7, 4), gaps()[name]
    found = gap(many, 2)
    for i in range(7):
        assert found[i] == pytest.approx(float(gap(many[:, i], 2)), abs=1e-15)
    low, high = gap.limits
    assert ((found >= low) & (found <= high)).all()
    assert (found < 0).any() == (gap.better == "nearer")


@pytest.mark.parametrize("name", gaps())
def test_equal_groups_have_the_value_of_equality(name: str) -> None:
    one = np.repeat([[16], [4], [6], [4]], 3, axis=1)
    wanted = 1.0 if gaps()[name].better == "higher" else 0.0
    assert float(gaps()[name](one)) == pytest.approx(wanted, abs=1e-15)


@pytest.mark.parametrize("name", gaps())
def test_a_group_that_lacks_what_is_needed_makes_it_nan(name: str) -> None:
    for kind in gaps()[name].needs:
        cells = counts(3)
        cells[{"negatives": slice(0, 2), "positives": slice(2, 4), "rows": slice(0, 4)}[kind], 1] = 0
        assert total(cells, (kind,))[1] == 0
        assert np.isnan(float(gaps()[name](cells)))
    assert np.isnan(float(gaps()[name](counts(1))))


@pytest.mark.parametrize("name", score_metrics())
def test_a_number_of_scores_is_vectorised_over_weights(name: str) -> None:
    metric: ScoreMetric = score_metrics()[name]
    rng = np.random.default_rng(0)
    labels, scores = rng.integers(2, size=40), np.sort(np.round(rng.random(40), 1))
    weights = rng.integers(3, size=(5, 2, 40))
    found = metric.value(labels, scores)(weights)
    assert found.shape == (5, 2)
    for place in np.ndindex(5, 2):
        rows = np.repeat(np.arange(40), weights[place])
        assert found[place] == pytest.approx(metric(labels[rows], scores[rows]))
    order = rng.permutation(40)
    assert metric(labels[order], scores[order]) == pytest.approx(metric(labels, scores))
    assert np.isnan([metric(np.full(40, label), scores) for label in (0, 1)]).all()
    assert np.isnan(metric(labels[:0], scores[:0]))
