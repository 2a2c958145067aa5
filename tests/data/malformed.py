"""Tables of predictions at random, harmless oddities and fatal flaws to put into them, by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd


class Change(NamedTuple):
    """What is done to a table, and to which column of it."""

    column: str
    apply: Callable[[pd.DataFrame, np.random.Generator], pd.DataFrame]


NAMES = ["F", "M", "other", "männlich", "女", "a;b", 'say "x"', "x & y", "<script>", "🙂", "-1", "3.5", "l" * 200]


def good(draw: np.random.Generator) -> pd.DataFrame:
    """A table with both classes, and two levels of every attribute at least."""
    n = int(draw.integers(8, 40))
    names = draw.choice(NAMES, 3, replace=False)
    frame = pd.DataFrame(
        {
            "y": np.r_[0, 1, draw.integers(0, 2, n - 2)],
            "p": draw.random(n).round(int(draw.integers(1, 17))),
            "sex": np.r_[names[:2], draw.choice(names, n - 2)],
            "age": np.r_[20, 80, draw.integers(18, 95, n - 2)],
            "patient": draw.integers(0, n, n),
        }
    )
    return frame.sample(frac=1, random_state=int(draw.integers(1 << 30)))


def put(frame: pd.DataFrame, draw: np.random.Generator, column: str, value: object) -> pd.DataFrame:
    """Put a value into a cell of a column at random."""
    cells = frame[column].astype(object).tolist()
    cells[int(draw.integers(len(cells)))] = value
    return frame.assign(**{column: cells})


def cell(name: str, *values: object) -> Change:
    return Change(name, lambda frame, draw: put(frame, draw, name, values[int(draw.integers(len(values)))]))


def column(name: str, change: Callable[[pd.Series], object]) -> Change:
    return Change(name, lambda frame, draw: frame.assign(**{name: change(frame[name])}))


def whole(name: str, change: Callable[[pd.DataFrame], pd.DataFrame]) -> Change:
    return Change(name, lambda frame, draw: change(frame))


HARMLESS: dict[str, Change] = {
    "empty group": cell("sex", None, "", "  ", np.nan),
    "empty number of a cut attribute": cell("age", None, np.nan),
    "percentages": column("p", lambda p: p * 100),
    "constant scores": column("p", lambda p: 0.25),
    "logits": column("p", lambda p: p - 0.5),
    "labels as floats": column("y", lambda y: y.astype(float)),
    "labels as booleans": column("y", lambda y: y.astype(bool)),
    "labels as categories": column("y", lambda y: y.astype("category")),
    "scores as text": column("p", lambda p: p.map(repr)),
    "groups as categories": column("sex", lambda s: s.astype("category")),
    "spaces around groups": column("sex", lambda s: s.map(lambda v: f" {v} " if v else v)),
    "other columns": whole("", lambda frame: frame.assign(note='a "quoted", note\nof two lines', empty=None)),
    "row names that repeat": whole("index", lambda frame: frame.set_axis([7] * len(frame), axis="index")),
    "rows that repeat": whole("rows", lambda frame: pd.concat([frame, frame.iloc[:3]])),
    "columns in another order": whole("order", lambda frame: frame[sorted(frame.columns)]),
    "a group of one row": cell("sex", "alone"),
    "huge and tiny scores": cell("p", 1e300, -1e300, 5e-324, -0.0),
    "patients as text": column("patient", lambda s: "p" + s.astype(str)),
}
FATAL: dict[str, Change] = {
    "empty label": cell("y", None, "", np.nan),
    "a third label": cell("y", 2, "yes", -1, 0.5),
    "one class": column("y", lambda y: 1),
    "empty score": cell("p", None, np.nan, ""),
    "infinite score": cell("p", np.inf, -np.inf, "1e999"),
    "text as score": cell("p", "high", "0,8", "0.5.", "1_0", "--1", "0x1A", "½"),
    "text as age": cell("age", "old", "90+", "60-70", "1,5"),
    "one group": column("sex", lambda s: "F"),
    "no label": whole("", lambda frame: frame.drop(columns="y")),
    "no score": whole("", lambda frame: frame.rename(columns={"p": "P"})),
    "no group": whole("", lambda frame: frame.drop(columns="sex")),
    "no patient": whole("", lambda frame: frame.drop(columns="patient")),
    "an empty patient": cell("patient", None, " "),
    "no rows": whole("", lambda frame: frame.iloc[:0]),
    "a name twice": whole(
        "", lambda frame: frame.assign(q=0.5).rename(columns={"q": ["y", "p", "sex"][len(frame) % 3]})
    ),
    "too many groups": whole("sex", lambda f: pd.concat([f] * 3).assign(sex=[f"s{i}" for i in range(3 * len(f))])),
}
