"""The figure of decision curves: what is drawn equals what the document holds, alone and shared."""

from dataclasses import replace

import numpy as np
import pytest

from hf_fairtune.document.document import Document
from hf_fairtune.publish import publish
from hf_fairtune.show.decision_figure import decision
from hf_fairtune.show.figures import PANELS
from hf_fairtune.show.view import views

from .test_figures import artists


@pytest.mark.parametrize("shared", [False, True])
def test_every_panel_holds_a_groups_curve_and_both_ways_without_a_model(audit: Document, shared: bool) -> None:
    view = views(publish(audit) if shared else audit)[0]
    picture = decision(view)
    assert picture is not None
    assert view.audit.decision
    rows = {row.group: row for row in view.audit.groups}
    panels = [axes for axes in picture.figure.axes if axes.get_visible()]
    for axes, found in zip(panels, view.audit.decision, strict=True):
        row = rows[found.group]
        (model,), (everybody,), (nobody,) = (artists(axes, gid) for gid in ("model", "everybody", "nobody"))
        odds = [cut / (1 - cut) for cut in found.cuts]
        wanted = [
            row.prevalence * t - (1 - row.prevalence) * f * o
            for t, f, o in zip(found.tpr, found.fpr, odds, strict=True)
        ]
        assert model.get_ydata().tolist() == pytest.approx(wanted)
        assert everybody.get_ydata().tolist() == pytest.approx(
            [row.prevalence - (1 - row.prevalence) * o for o in odds]
        )
        assert set(nobody.get_ydata().tolist()) == {0.0}
        assert model.get_xdata().tolist() == found.cuts
        assert len(artists(axes, "interval")) == (not shared)
        assert axes.get_title() == f"{found.group}\nn = {row.n}"
    assert len(panels) >= 1


def test_the_axis_ends_where_nobody_is_flagged(audit: Document) -> None:
    view = views(audit)[0]
    assert view.audit.decision
    kept = np.array(view.audit.decision[0].cuts) <= 0.22
    low = []
    for one in view.audit.decision:
        low.append(replace(one, tpr=(one.tpr * kept).tolist(), fpr=(one.fpr * kept).tolist()))
    picture = decision(replace(view, audit=replace(view.audit, decision=low)))
    assert picture is not None
    assert picture.figure.axes[0].get_xlim() == (0, 0.22)


def test_it_is_drawn_of_probabilities_only_and_of_the_largest_groups(audit: Document) -> None:
    view = views(audit)[0]
    assert decision(replace(view, audit=replace(view.audit, decision=None))) is None
    assert view.audit.decision
    one, row = view.audit.decision[0], view.audit.groups[0]
    rows = [replace(row, group=f"g{i}", n=i) for i in range(12)]
    lowest = replace(view.audit.min_group_auc, group="g0")
    many = replace(
        view.audit,
        groups=rows,
        min_group_auc=lowest,
        decision=[replace(one, group=own.group) for own in rows],
    )
    picture = decision(replace(view, audit=many))
    assert picture is not None
    titles = [axes.get_title().partition("\n")[0] for axes in picture.figure.axes if axes.get_visible()]
    assert titles == ["g0", *(f"g{i}" for i in range(4, 12))]
    assert len(titles) == PANELS


def test_it_has_words_and_steady_bytes_and_covers_nothing(audit: Document) -> None:
    for view in views(audit):
        picture, again = decision(view), decision(view)
        assert picture is not None
        assert again is not None
        assert picture.image() == again.image()
        assert "nan" not in picture.alt
        assert "not" in picture.reading.split()
        figure = picture.figure
        (legend,), axes = figure.legends, figure.axes[0]
        figure.draw_without_rendering()
        assert legend.get_window_extent().y0 >= axes.get_tightbbox().y1
        assert legend.get_window_extent().y1 <= figure.bbox.y1
