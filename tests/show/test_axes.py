"""An axis is no finer than the numbers on it."""

from dataclasses import replace
from typing import Any

import pytest

from hf_fairtune.document.document import Document
from hf_fairtune.publish import publish
from hf_fairtune.show.drawing import Picture, coarse, paper
from hf_fairtune.show.figures import changes, forest
from hf_fairtune.show.search_history import search_history
from hf_fairtune.show.view import views

from .conftest import edited


def near(content: dict[str, Any]) -> None:
    """Make a search of which every value is 0.41 or 0.42, and groups that changed by 0.01 at most."""
    for trial in content["run"]["search"]["trials"]:
        even = trial["number"] % 2 == 0
        trial["value"] = None if trial["value"] is None else 0.41 + 0.01 * even
        trial["values"] = dict.fromkeys(trial["values"], 0.42 - 0.01 * even)
    for entry in content["audits"]:
        found = entry["comparison"]
        if found:
            rows = [part for row in found["groups"] for part in (row["auc"], row["joint"])]
            for item in (found["auc"], found["min_group_auc"], *rows):
                item |= {"value": -0.004, "low": -0.008, "high": 0.0}


def assert_coarse(ticks: list[float], limits: tuple[float, float], step: float) -> None:
    low, high = limits
    inside = [tick for tick in ticks if low <= tick <= high]
    assert high - low >= 10 * step - 1e-12
    assert len(inside) >= 3
    assert [round(tick / step) * step for tick in inside] == pytest.approx(inside, abs=step / 1000)


def drawn(picture: Picture | None) -> Picture:
    assert picture is not None
    picture.figure.draw_without_rendering()
    return picture


def test_a_history_of_near_values(search: Document) -> None:
    run = publish(edited(search, near)).run
    assert run is not None
    assert run.search is not None
    figure = drawn(search_history(run.search)).figure
    assert len(figure.axes) == 2
    for axes in figure.axes:
        assert_coarse([*axes.get_yticks()], axes.get_ylim(), 0.01)
        low, high = axes.get_ylim()
        assert low < 0.41
        assert high > 0.42


@pytest.mark.parametrize("step", [0.01, 0.001])
def test_changes_of_near_values(search: Document, step: float) -> None:
    made = edited(search, near)
    every = views(publish(made) if step == 0.01 else made)
    for picture in (drawn(changes(every)), drawn(forest(every))):
        for axes in picture.figure.axes:
            assert_coarse([*axes.get_xticks()], axes.get_xlim(), step)


def test_forest_of_one_value(search: Document) -> None:
    (view,) = views(publish(search))
    groups = [replace(row, auc=replace(row.auc, value=0.8, low=0.8, high=0.8)) for row in view.audit.groups]
    audit = replace(view.audit, groups=groups, auc=groups[0].auc)
    figure = drawn(forest([replace(view, audit=audit, audits={view.title: audit})])).figure
    assert_coarse([*figure.axes[0].get_xticks()], figure.axes[0].get_xlim(), 0.01)


@pytest.mark.parametrize("width", [0.004, 0.1, 0.13, 0.2, 0.27, 0.9, 3.0])
@pytest.mark.parametrize("along", ["x", "y"])
def test_no_range_has_a_tick_between_two_steps(width: float, along: Any) -> None:
    figure = paper(3)
    axes = figure.add_subplot()
    axes.plot([0.5, 0.5 + width], [0.5, 0.5 + width])
    coarse(axes, along)
    ticks, limits = (axes.get_xticks(), axes.get_xlim()) if along == "x" else (axes.get_yticks(), axes.get_ylim())
    assert_coarse([*ticks], limits, 0.01)
