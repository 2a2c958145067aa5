"""What a test split could show, before anything is trained."""

from hf_fairtune.audits.foresight import foresight
from hf_fairtune.intervals.power import detectable_difference


def test_the_group_that_shows_least_is_told() -> None:
    counts = {"F": (40, 200), "M": (90, 400), "other": (12, 30)}
    found = detectable_difference(0.85, (12, 30), (90, 400))
    assert found > detectable_difference(0.85, (40, 200), (90, 400))
    assert foresight(counts) == (
        f"a true difference of AUC of {found:.2f} between other (12 with, 30 without the finding) and M would be "
        "found in 4 of 5 such audits, if the AUC of M is 0.85; a smaller one may go unseen"
    )


def test_a_class_that_is_missing_shows_nothing() -> None:
    told = foresight({"F": (0, 50), "M": (90, 400)})
    assert told == "no difference of AUC between F (0 with, 50 without the finding) and M can be found"
