"""Figures of an audit: what is drawn equals what the document holds."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.text import Text

from hf_fairtune.document.document import Document
from hf_fairtune.publish import publish
from hf_fairtune.show import drawing, figures
from hf_fairtune.show.drawing import BLUE, GREY, ORANGE, VERMILLION, WIDE, labels
from hf_fairtune.show.view import View, views
from hf_fairtune.show.words import metric

from .conftest import edited
from .strange import many_groups, undefined

DRAW = (figures.roc, figures.rates, figures.reliability)


def artists(axes: Axes, gid: str) -> list[Any]:
    return [a for a in axes.get_children() if a.get_gid() == gid]


def values(axes: Axes, gid: str) -> list[float]:
    return [float(a.get_xdata()[0]) for a in artists(axes, gid)]


def test_forest_holds_every_group_of_every_attribute(audit: Document) -> None:
    every = views(audit)
    picture = figures.forest(every)
    assert picture is not None
    for axes, view in zip(picture.figure.axes, every, strict=True):
        known = [row for row in view.audit.groups if row.auc.defined]
        assert values(axes, "estimate") == pytest.approx([row.auc.value for row in known])
        ends = [list(map(float, a.get_xdata())) for a in artists(axes, "interval")]
        assert ends == [pytest.approx([r.auc.low, r.auc.high]) for r in known if r.auc.bounded]
        hollow = [a for a in artists(axes, "estimate") if a.get_markerfacecolor() == "white"]
        assert len(hollow) == sum(row.status != "ok" for row in known)
        assert axes.get_title("left") == f"by {view.attribute}"
        assert values(axes, "line") == [pytest.approx(view.audit.auc.value)]
        assert [text.get_text() for text in artists(axes, "remark")][0] == "{0.n} / {0.positives}".format(known[0])


@pytest.mark.parametrize("name", ["search", "repair"])
def test_forest_of_two_models_marks_each_by_colour_and_shape(name: str, request: pytest.FixtureRequest) -> None:
    every = views(request.getfixturevalue(name))
    picture = figures.forest(every, WIDE)
    assert picture is not None
    (axes,) = picture.figure.axes
    before, after = every[0].audits.values()
    want = [group.auc.value for groups in zip(before.groups, after.groups, strict=True) for group in groups]
    assert values(axes, "estimate") == pytest.approx(want)
    looks = [(a.get_color(), a.get_marker()) for a in artists(axes, "estimate")[:2]]
    assert looks == [(ORANGE, "s"), (BLUE, "o")]
    legend = [text.get_text() for text in picture.figure.legends[0].get_texts()]
    assert legend[:2] == list(every[0].audits)


def test_forest_of_very_many_groups_holds_the_lowest(audit: Document) -> None:
    made = edited(audit, lambda content: many_groups(content, "sex", 100))
    picture = figures.forest(views(made)[:1])
    assert picture is not None
    (axes,) = picture.figure.axes
    assert len(values(axes, "estimate")) == figures.ROWS
    assert values(axes, "estimate") == [pytest.approx(views(audit)[0].audit.min_group_auc.value)] * figures.ROWS
    assert axes.get_title("left") == f"by sex, lowest {figures.ROWS}"


def test_gaps_stand_before_what_chance_makes(audit: Document) -> None:
    view = views(audit)[0]
    gap = view.audit.auc_gap
    for high, colour in ((gap.value - 0.01, VERMILLION), (gap.value + 0.01, BLUE)):
        one = replace(view, audit=replace(view.audit, auc_gap=replace(gap, null_high=high)))
        picture = figures.gaps([one, *views(audit)[1:]])
        assert picture is not None
        (axes,) = picture.figure.axes
        assert artists(axes, "chance")[0].get_width() == high
        assert values(axes, "chance-mean") == [gap.null_mean]
        (mark,) = artists(axes, "estimate")
        assert float(mark.get_xdata()[0]) == pytest.approx(gap.value)
        assert mark.get_color() == colour
        assert axes.get_title("left") == ""
    assert [text.get_text() for text in artists(axes, "remark")] == [f"{gap.p:#.2g}"]


def test_changes_hold_every_group_and_their_sign_is_colour_and_shape(audit: Document) -> None:
    every = views(audit)
    picture = figures.changes(every)
    assert picture is not None
    for axes, view in zip(picture.figure.axes, every, strict=True):
        found = view.comparison
        assert found is not None
        items = [found.auc, found.min_group_auc, *(row.auc for row in found.groups)]
        known = [item for item in items if item.defined]
        assert values(axes, "estimate") == pytest.approx([item.value for item in known])
        signs = [int(item.low > 0) - int(item.high < 0) for item in known]
        looks = {1: (">", BLUE), 0: ("o", GREY), -1: ("<", VERMILLION)}
        drawn = [(a.get_marker(), a.get_color()) for a in artists(axes, "estimate")]
        assert drawn == [looks[sign] for sign in signs]
        assert values(axes, "line") == [0]
    assert figures.changes([replace(view, comparison=None) for view in every]) is None


def test_roc_holds_the_curves_and_the_shared_threshold(audit: Document) -> None:
    view = views(audit)[0]
    picture = figures.roc(view)
    assert picture is not None
    axes = picture.figure.axes[0]
    assert [line.get_xdata().tolist() for line in artists(axes, "curve")] == [curve.fpr for curve in view.audit.roc]
    assert [line.get_ydata().tolist() for line in artists(axes, "curve")] == [curve.tpr for curve in view.audit.roc]
    place = view.deployed()
    assert place is not None
    rows = view.audit.thresholds[place].groups
    dots = [(float(d.get_xdata()[0]), float(d.get_ydata()[0])) for d in artists(axes, "shared-threshold")]
    assert dots == [pytest.approx((row.rates["fpr"].value, row.rates["tpr"].value)) for row in rows]
    assert len(artists(axes, "all")) == 1
    assert axes.get_title("left").startswith("dots: ")
    looks = {(line.get_color(), str(line.get_linestyle())) for line in artists(axes, "curve")}
    assert len(looks) == len(view.audit.roc)


def test_roc_of_many_groups_keeps_the_lowest_and_the_largest(audit: Document) -> None:
    view = views(audit)[0]
    curve = view.audit.roc[0]
    rows = [replace(view.audit.groups[0], group=f"g{i}", n=i) for i in range(9)]
    lowest = replace(view.audit.min_group_auc, group="g0")
    roc = [replace(curve, group=f"g{i}") for i in range(9)]
    made = replace(view, audit=replace(view.audit, groups=rows, roc=roc, min_group_auc=lowest, thresholds=[]))
    picture = figures.roc(made)
    assert picture is not None
    names = [line.get_label() for line in artists(picture.figure.axes[0], "curve")]
    assert names == ["g0", "g4", "g5", "g6", "g7", "g8"]
    assert picture.figure.axes[0].get_title("left") == ""


@pytest.mark.parametrize("place", [0, 1, 2])
def test_nothing_of_a_roc_figure_is_cut_off_or_covered(audit: Document, place: int) -> None:
    picture = figures.roc(views(audit)[place])
    assert picture is not None
    figure = picture.figure
    figure.draw_without_rendering()
    axes, (legend,) = figure.axes[0], figure.legends
    assert axes.get_tightbbox().y1 <= figure.bbox.y1
    assert axes.get_tightbbox().y0 >= legend.get_window_extent().y1
    assert legend.get_window_extent().y0 >= 0


def test_threshold_drawn_is_shared_and_decides(audit: Document) -> None:
    view = views(audit)[0]
    half, fitted = view.audit.thresholds

    def drawn(*cuts: Any) -> int | None:
        return replace(view, audit=replace(view.audit, thresholds=list(cuts))).deployed()

    assert drawn(half, fitted) == 1
    assert drawn(half, replace(fitted, degenerate=True)) == 0
    assert drawn(half, replace(fitted, by_group={"F": 0.1})) == 0
    assert drawn(replace(half, degenerate=True)) is None
    assert drawn() is None


@pytest.mark.parametrize("name", ["audit", "search"])
def test_rates_hold_both_rates_of_every_group(name: str, request: pytest.FixtureRequest) -> None:
    view = views(request.getfixturevalue(name))[0]
    picture, place = figures.rates(view), view.deployed()
    assert picture is not None
    assert place is not None
    cuts = [one.thresholds[place] for one in view.audits.values()]
    for axes, key in zip(picture.figure.axes, ("tpr", "fpr"), strict=True):
        want = [row.rates[key].value for rows in zip(*(c.groups for c in cuts), strict=True) for row in rows]
        assert values(axes, "estimate") == pytest.approx(want)
        assert values(axes, "line") == [pytest.approx(cuts[-1].overall.rates[key].value)]
        assert axes.get_xlabel() == metric(key)
    assert [axes.get_title("left")[:9] for axes in picture.figure.axes] == ["threshold", ""]


def test_reliability_holds_every_bin(audit: Document) -> None:
    view = views(audit)[0]
    picture = figures.reliability(view)
    assert picture is not None
    assert view.audit.reliability
    sizes = {row.group: row.n for row in view.audit.groups}
    panels = [axes for axes in picture.figure.axes if axes.get_visible()]
    for axes, curve in zip(panels, view.audit.reliability, strict=True):
        (line,) = artists(axes, "observed")
        assert line.get_xdata().tolist() == [one.mean_score for one in curve.bins]
        assert line.get_ydata().tolist() == [one.observed for one in curve.bins]
        (bars,) = artists(axes, "interval")
        assert np.array(bars.get_segments())[:, :, 1].tolist() == [[one.low, one.high] for one in curve.bins]
        assert axes.get_title() == f"{curve.group}\nn = {sizes[curve.group]}"


def pictures(every: list[View]) -> list[drawing.Picture]:
    made = [draw(every) for draw in (figures.forest, figures.gaps, figures.changes)]
    made += [draw(view) for view in every for draw in DRAW]
    return [picture for picture in made if picture is not None]


def test_every_figure_has_words_and_steady_bytes(audit: Document) -> None:
    for first, again in zip(pictures(views(audit)[:1]), pictures(views(audit)[:1]), strict=True):
        assert first.image() == again.image()
        assert len(first.alt) > 40
        assert not {"None", "nan"} & set(first.alt.replace(",", " ").split())
        assert "not" in first.reading.split()


def test_undefined_numbers_are_not_drawn(audit: Document) -> None:
    every = views(edited(audit, undefined))
    assert {picture.name for picture in pictures(every)} == {"roc", "changes", "reliability"}
    for picture in pictures(every):
        assert picture.image()[1] > 400
        assert "nan" not in picture.alt


def test_labels_cope_with_any_name() -> None:
    drawn = labels(["", "a" * 300, "$x$", "色", "two\nlines"])
    assert drawn[0] == "(empty name)"
    assert max(map(len, drawn[1].splitlines())) <= 27
    assert drawn[2:] == [r"\$x\$", "group 4 (see table)", "two lines"]


def test_a_column_of_sizes_that_are_not_shared_has_no_head(audit: Document) -> None:
    picture = figures.forest(views(publish(audit, "auc")))
    assert picture is not None
    assert not any(text.get_text() == figures.SIZES for text in picture.figure.findobj(Text))
