"""No more is withheld than must be: six rows without a sex cost one sex, not both."""

import numpy as np

from hf_fairtune.audit_cells.counts import counts_of
from hf_fairtune.audit_cells.protect import withhold
from hf_fairtune.audit_cells.ranges import Withheld
from hf_fairtune.audit_cells.restore import TRIES, restored

from ..page.samples import document
from .test_suppress import safe

FEW_MISSING = {
    ("F", "<=60"): (128, 192),
    ("F", ">60"): (99, 178),
    ("M", "<=60"): (121, 212),
    ("M", ">60"): (87, 177),
    ("missing", "<=60"): (1, 3),
    ("missing", ">60"): (2, 0),
}


def test_one_sex_is_told_although_some_have_none() -> None:
    public = safe(document(cells=FEW_MISSING))
    told = {row["group"] for row in public["groups"] if row["positives"] is not None}
    assert {"<=60", ">60"} <= told
    assert told & {"F", "M"}
    sex = next(iter(told & {"F", "M"}))
    assert {f"{sex} & <=60", f"{sex} & >60"} <= told


def test_what_is_small_itself_stays_withheld_and_tries_have_an_end() -> None:
    counts = counts_of(document(cells=FEW_MISSING))
    found = withhold(counts)
    nothing = Withheld(found.n & False, found.pairs & False, found.spoken)
    whole = Withheld(found.n | True, found.pairs | True, found.spoken)
    small = Withheld(counts.n < 11, (counts.positives < 11) | (counts.negatives < 11), found.spoken)
    open_ = restored(counts, whole, small, lambda trial: True)
    assert np.array_equal(open_.pairs[0, 1:], small.pairs[0, 1:])
    assert np.array_equal(open_.n[1:], small.n[1:])
    asked: list[Withheld] = []
    assert restored(counts, whole, nothing, lambda trial: bool(asked.append(trial))) is whole
    assert 0 < len(asked) <= TRIES
