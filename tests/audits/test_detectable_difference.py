"""What a test split could show, before anything is trained."""

import math

from hf_fairtune.audits.detectable_difference import Detectable, detectable
from hf_fairtune.audits.engine.auc_tests import detectable_difference


def test_it_is_of_the_group_that_shows_least() -> None:
    counts = {"F": (40, 200), "M": (90, 400), "other": (12, 30)}
    found = detectable_difference(0.85, (12, 30), (90, 400))
    assert found > detectable_difference(0.85, (40, 200), (90, 400))
    assert detectable(counts) == Detectable("other", "M", 12, 30, found, 0.85)


def test_a_class_that_is_missing_shows_nothing() -> None:
    found = detectable({"F": (0, 50), "M": (90, 400)})
    assert (found.group, found.positives) == ("F", 0)
    assert math.isnan(found.difference)
