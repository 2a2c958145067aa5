"""Which rung is kept where none is enough: the cheapest within one standard error of the best; how that is said."""

import math
from dataclasses import replace

import numpy as np
import pytest

from hf_fairtune.audits.engine.class_rows import check_class_rows
from hf_fairtune.document.estimate import NAN, Estimate
from hf_fairtune.document.ladder import Ladder, Rung
from hf_fairtune.selections.objective import Scored
from hf_fairtune.show.ladder import ladder_said
from hf_fairtune.trainer.ladder import cheapest

GROUPS = ("a", "b", "c")


def scored(*noises: float, lacking: bool = False) -> Scored:
    """Score 300 rows of three groups by one model a noise: the labels with most of it shared, and some of each own."""
    draw = np.random.default_rng(0)
    labels, groups = draw.integers(0, 2, 300), np.arange(300) % 3
    labels = np.where(groups == 2, 0, labels) if lacking else labels
    shared = draw.normal(size=300)
    logits = [labels + size * (shared + 0.3 * draw.normal(size=300)) for size in noises]
    scores = 1 / (1 + np.exp(-np.stack(logits)))
    return Scored(check_class_rows(labels, scores[0], groups, GROUPS), (0, 1, 2), scores)


def lowest(rows: Scored, scores: np.ndarray, kept: np.ndarray) -> float:
    """Compute the lowest AUC of a group by counting pairs."""
    found = []
    for code in range(3):
        own = kept[rows.rows.groups[kept] == code]
        up, down = (scores[own[rows.rows.labels[own] == label]][:, None] for label in (1, 0))
        found.append(float(((up > down.T) + (up == down.T) / 2).mean()))
    return min(found)


def resampled(rows: Scored, draw: np.random.Generator) -> np.ndarray:
    """Draw rows within group and label."""
    cells = rows.rows.groups * 2 + rows.rows.labels
    return np.concatenate([draw.choice(own, len(own)) for own in (np.flatnonzero(cells == c) for c in range(6))])


@pytest.mark.parametrize("noises", [(1.0, 1.0), (1.1, 1.0), (2.0, 1.0), (2.0, 1.05, 1.0), (1.0, 2.0), (1.0,)])
def test_a_dearer_rung_must_earn_its_cost(noises: tuple[float, ...]) -> None:
    """The oracle counts pairs and resamples rows within group and label, all models by the same draws."""
    rows, draw = scored(*noises), np.random.default_rng(1)
    values = [lowest(rows, own, np.arange(300)) for own in rows.scores]
    best = int(np.argmax(values))
    draws = [[lowest(rows, own, part) for own in rows.scores] for part in (resampled(rows, draw) for _ in range(400))]
    errors = (np.array(draws) - np.array(draws)[:, [best]]).std(axis=0)
    wanted = next(place for place, value in enumerate(values) if values[best] - value <= errors[place])
    chosen, found, error = cheapest(rows, 0)
    assert (chosen, found) == (wanted, best)
    assert error == pytest.approx(errors[chosen], rel=0.15)


def test_near_and_far() -> None:
    """Of twins the cheaper is taken though the other is better, and the better where the cheaper is far below."""
    twins = scored(1.0, 1.0)
    values = [lowest(twins, own, np.arange(300)) for own in twins.scores]
    worse_first = replace(twins, scores=twins.scores[np.argsort(values)])
    assert cheapest(worse_first, 0)[:2] == (0, 1)
    assert cheapest(scored(3.0, 1.0), 0)[:2] == (1, 1)


def test_without_a_value_the_cheapest_is_taken() -> None:
    chosen, best, error = cheapest(scored(1.0, 1.0, lacking=True), 0)
    assert (chosen, best) == (0, None)
    assert math.isnan(error)


def test_it_is_said() -> None:
    def rung(name: str, value: float) -> Rung:
        return Rung(name, name.upper(), 1.0, Estimate(value, value, value, "sup-t"), "fail")

    rungs = [rung("dfr", 0.811), rung("swift", 0.812)]
    near = Ladder("better", "sex", rungs[0].value, rungs, [], "dfr", False, best="swift", error=0.0123)
    within = "the cheapest whose worst group's AUC there is within one standard error"
    assert f"DFR is kept, {within} (0.012) of the highest, that of SWIFT." in ladder_said(near)
    assert f"{within} of the highest" in ladder_said(replace(near, error=NAN))
    assert "; SWIFT, whose worst group has the highest AUC there, is kept." in ladder_said(
        replace(near, chosen="swift")
    )
    assert "no group's lowest AUC is defined there, so that the cheapest, DFR, is kept." in ladder_said(
        replace(near, best="")
    )
