"""Labels of figures: long names collide nowhere."""

from collections.abc import Callable
from typing import Any

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from hf_fairtune.document.document import Document
from hf_fairtune.show import figures
from hf_fairtune.show.drawing import COLUMN, WIDE, Picture
from hf_fairtune.show.view import views

from .conftest import edited
from .strange import renamed

DRAW = (figures.roc, figures.rates, figures.reliability)


LONG = {
    "F": "Female, as assigned at birth",
    "M": "Male, as assigned at birth",
    "I-II": "Native Hawaiian or Other Pacific Islander, of skin type I or II",
    "III-IV": "Black or African American, non-Hispanic, of skin type III or IV",
    "V-VI": "Black or African American, non-Hispanic, of skin type V or VI",
    "not stated": "White, Hispanic or Latino, or not stated",
}


@pytest.mark.parametrize("make", [figures.forest, figures.gaps, figures.changes])
@pytest.mark.parametrize("width", [COLUMN, WIDE])
def test_long_names_of_eight_intersections_collide_nowhere(
    audit: Document, make: Callable[..., Picture | None], width: float
) -> None:
    every = views(edited(audit, lambda content: renamed(content, LONG)))
    picture = make(every) if make is figures.gaps else make(every, width)
    assert picture is not None
    apart(picture.figure)
    if make is figures.forest:
        names = [label.get_text() for label in picture.figure.axes[-1].get_yticklabels()]
        assert len(set(names)) == len(names) == 8


def test_long_names_collide_in_no_figure_of_one_audit(audit: Document) -> None:
    for view in views(edited(audit, lambda content: renamed(content, LONG))):
        for make in (figures.rates, figures.roc, figures.reliability):
            picture = make(view)
            if picture is not None:
                apart(picture.figure)


def apart(figure: Figure) -> None:
    """Assert that no two texts that are drawn overlap, and that none leaves the figure at its sides."""
    canvas, boxes, draw = FigureCanvasAgg(figure), dict[int, tuple[str, Any]](), Text.draw

    def record(text: Text, renderer: Any) -> None:
        if text.get_visible() and text.get_text().strip():
            boxes[id(text)] = text.get_text(), text.get_window_extent(renderer)
        draw(text, renderer)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Text, "draw", record)
        canvas.draw()
    shown = list(boxes.values())
    assert len(shown) > 5
    for place, (said, box) in enumerate(shown):
        assert box.x0 >= -1, said
        assert box.x1 <= figure.bbox.x1 + 1, said
        for other, beside in shown[:place]:
            # A line may touch the next one.
            inside = box.x0 + 1 < beside.x1 and beside.x0 + 1 < box.x1
            assert not (inside and box.y0 + 2 < beside.y1 and beside.y0 + 2 < box.y1), (said, other)
