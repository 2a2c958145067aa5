"""Figures of an audit: what is drawn equals what the document holds."""

from typing import Any

import pytest
from matplotlib.axes import Axes

from hf_fairtune.page import attribute_forest, gap_band, pareto, rates, reliability, roc
from hf_fairtune.page import gallery as audit_gallery
from hf_fairtune.page.view import View, informative, views
from hf_fairtune.report.sheet import BLUE, VERMILLION

from .samples import document
from .strange import undefined, withheld


def artists(axes: Axes, gid: str) -> list[Any]:
    return [a for a in axes.get_children() if a.get_gid() == gid]


@pytest.fixture(scope="module")
def seen() -> list[View]:
    return list(views(document(attributes=2, small=True, extras=("reference",))))


def test_forest_holds_every_group_of_every_attribute(seen: list[View]) -> None:
    axes = attribute_forest.attribute_forest(seen).axes[0]
    groups = [row for view in seen for row in view.audit["groups"]]
    drawn = [float(a.get_xdata()[0]) for a in artists(axes, "estimate")]
    assert drawn == pytest.approx([row["auc"] for row in groups if row["auc"] is not None])
    ends = [list(map(float, a.get_xdata())) for a in artists(axes, "interval")]
    assert ends == [pytest.approx([r["auc_low"], r["auc_high"]]) for r in groups if r["auc_low"] is not None]
    hollow = [a for a in artists(axes, "estimate") if a.get_markerfacecolor() == "white"]
    assert len(hollow) == sum(row["status"] != "ok" and row["auc"] is not None for row in groups)
    assert [text.get_text() for text in artists(axes, "attribute")] == [f"by {view.attribute}" for view in seen]
    assert float(artists(axes, "overall")[0].get_xdata()[0]) == pytest.approx(seen[0].audit["auc"]["value"])


def test_forest_of_very_many_groups_holds_the_lowest(seen: list[View]) -> None:
    rows = [seen[0].audit["groups"][0] | {"group": f"g{i}", "auc": 0.5 + i / 1000} for i in range(200)]
    view = View(seen[0].document, "malignant", "sex", seen[0].audit | {"groups": rows[::-1]})
    assert [row["group"] for row in attribute_forest.shown(view)] == [f"g{i}" for i in range(24)]


def test_gap_band_sets_the_gap_before_chance(seen: list[View]) -> None:
    known = gap_band.shown(seen)
    assert [view.attribute for view in known] == ["age:60"]
    gap = known[0].audit["auc_gap"]
    axes = gap_band.gap_band(seen).axes[0]
    assert artists(axes, "chance")[0].get_width() == gap["null_high"]
    assert list(artists(axes, "chance-mean")[0].get_xdata()) == [gap["null_mean"]] * 2
    (mark,) = artists(axes, "estimate")
    assert float(mark.get_xdata()[0]) == pytest.approx(gap["value"])
    assert mark.get_color() == (VERMILLION if gap["value"] > gap["null_high"] else BLUE)
    assert [text.get_text() for text in artists(axes, "remark")] == ["0.004"]
    assert not gap_band.beyond({"value": 0.05, "null_high": 0.06})
    assert not gap_band.beyond({"value": 0.05, "null_high": None})


def test_roc_holds_the_curves_and_the_shared_threshold(seen: list[View]) -> None:
    view = seen[1]
    axes = roc.roc_by_group(view).axes[0]
    want = [curve for curve in view.curves("roc") if curve["fpr"]]
    drawn = artists(axes, "curve")
    assert [line.get_xdata().tolist() for line in drawn] == [curve["fpr"] for curve in want]
    assert [line.get_ydata().tolist() for line in drawn] == [curve["tpr"] for curve in want]
    cut = informative(view.audit)
    dots = [(float(d.get_xdata()[0]), float(d.get_ydata()[0])) for d in artists(axes, "shared-threshold")]
    assert dots == [pytest.approx((row["fpr"]["value"], row["tpr"]["value"])) for row in cut["groups"]]
    assert len(artists(axes, "all")) == 1


def test_roc_of_many_groups_keeps_the_lowest(seen: list[View]) -> None:
    curves = [
        {"group": f"g{i}", "n": i, "positives": i, "negatives": i, "fpr": [0, 1], "tpr": [0, 1]} for i in range(9)
    ]
    made = {"curves": [{"target": "t", "attribute": "a", "roc": curves, "reliability": None}]}
    view = View(made, "t", "a", {"min_group_auc": {"group": "g0"}})
    assert [curve["group"] for curve in roc.shown(view)] == ["g0", "g4", "g5", "g6", "g7", "g8"]
    assert reliability.reliability_by_group(view) is None


def test_threshold_drawn_is_shared_and_decides() -> None:
    cuts = [
        {"name": "blind", "degenerate": True, "by_group": None, "fitted_on": "validation"},
        {"name": "own", "degenerate": False, "by_group": {"F": 0.1}, "fitted_on": "validation"},
        {"name": "half", "degenerate": False, "by_group": None, "fitted_on": None},
        {"name": "fitted", "degenerate": False, "by_group": None, "fitted_on": "validation"},
    ]
    assert [informative({"thresholds": cuts[:k]}) for k in (2, 3, 4)] == [None, cuts[2], cuts[3]]


def test_reliability_holds_every_bin(seen: list[View]) -> None:
    panels = [axes for axes in reliability.reliability_by_group(seen[1]).axes if axes.get_visible()]
    for axes, group in zip(panels, seen[1].curves("reliability"), strict=True):
        (line,) = artists(axes, "observed")
        assert list(line.get_xdata()) == [b["mean_score"] for b in group["bins"]]
        assert list(line.get_ydata()) == [b["observed"] for b in group["bins"]]
        ends = [list(a.get_ydata()) for a in artists(axes, "interval")]
        assert ends == [[b["low"], b["high"]] for b in group["bins"]]
        assert f"n = {group['n']}" in axes.get_title()


def test_rates_hold_both_rates_of_every_group(seen: list[View]) -> None:
    view = seen[1]
    cut = informative(view.audit)
    for axes, key in zip(rates.rates_by_group(view).axes, ("tpr", "fpr"), strict=True):
        drawn = [float(a.get_xdata()[0]) for a in artists(axes, "estimate")]
        assert drawn == pytest.approx([r[key]["value"] for r in cut["groups"] if r[key]["value"] is not None])
        assert float(artists(axes, "overall")[0].get_xdata()[0]) == pytest.approx(cut["overall"][key]["value"])


def test_pareto_places_the_reference_at_model_minus_change(seen: list[View]) -> None:
    assert pareto.pareto(seen[0]) is None, "the lowest AUC is undefined there"
    view = seen[1]
    (change,) = view.of("comparisons")
    model, reference = pareto.points(view)
    assert (model.name, reference.name) == ("tuned", "baseline")
    assert model.overall["value"] == view.audit["auc"]["value"]
    for key, mine, other in (
        ("auc", model.overall, reference.overall),
        ("min_group_auc", model.lowest, reference.lowest),
    ):
        assert mine["value"] - other["value"] == pytest.approx(change[key]["value"])
    assert [pareto.beaten(point, [model, reference]) for point in (model, reference)] == [False, True]
    marks = artists(pareto.pareto(view).axes[0], "model")
    assert [mark.get_markerfacecolor() for mark in marks] == [BLUE, "white"]


def test_every_figure_has_words_and_steady_bytes(seen: list[View]) -> None:
    found = [[*audit_gallery.overview(seen), *audit_gallery.details(seen[1])] for _ in range(2)]
    names = ["forest", "gap_band", "pareto", "changes", "roc", "rates", "reliability"]
    assert [picture.name for picture in found[0]] == names
    for first, again in zip(*found, strict=True):
        assert audit_gallery.drawn(first) == audit_gallery.drawn(again)
        assert len(first.alt) > 40
        assert "None" not in first.alt
        assert "not" in first.reading


def test_figures_of_withheld_and_undefined_numbers() -> None:
    made = document(attributes=2, small=True, extras=("reference",))
    for view in [*views(withheld(made))][:2]:
        for picture in audit_gallery.details(view):
            assert "None" not in picture.alt
            texts = [text.get_text() for axes in picture.figure.axes for text in axes.texts]
            assert not [text for text in texts if "None" in text]
            assert audit_gallery.drawn(picture).width > 400
    blank = list(views(undefined(made)))
    assert [*audit_gallery.overview(blank)] == []
    assert {p.name for view in blank for p in audit_gallery.details(view)} <= {"roc", "reliability", "changes"}


def test_figures_of_one_class_among_several_name_it() -> None:
    every = list(views(document(task="multilabel", attributes=1)))
    for view in every:
        titles = [picture.title for picture in audit_gallery.overview([view])]
        assert titles == [f"AUC of every group, {view.finding}", f"Is the gap more than chance, {view.finding}?"]
    (alone,) = views(document(attributes=1))
    assert next(audit_gallery.overview([alone])).title == "AUC of every group"


@pytest.mark.parametrize("attributes", [1, 2, 3])
def test_nothing_of_a_roc_figure_is_cut_off_or_covered(attributes: int) -> None:
    """However many curves there are: title and legend lie within the figure, the axis above the legend."""
    for view in views(document(attributes=attributes, n=4000)):
        figure = roc.roc_by_group(view)
        figure.draw_without_rendering()
        axes, (legend,) = figure.axes[0], figure.legends
        assert axes.get_tightbbox().y1 <= figure.bbox.y1
        assert axes.get_tightbbox().y0 >= legend.get_window_extent().y1
        assert legend.get_window_extent().y0 >= 0


def test_dots_are_spoken_of_where_there_are_some(seen: list[View]) -> None:
    assert roc.roc_by_group(seen[0]).axes[0].get_title("left").startswith("dots: ")
    (view,) = views(document(attributes=1))
    for row in (row for cut in view.audit["thresholds"] for row in cut["groups"]):
        row["tpr"] = row["tpr"] | {"value": None}
    assert roc.roc_by_group(view).axes[0].get_title("left") == ""
