import json
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from hf_fairtune.errors import FairTuneError
from hf_fairtune.metrics.comparison import compare
from hf_fairtune.metrics.thresholds import fixed, youden

from .samples import NAMES, split

QUICK: dict[str, Any] = {"n_boot": 200}
CUTS = [(fixed(0.5), fixed(0.45))]


def two_models(seed: int = 0, **kwargs: Any) -> tuple[np.ndarray, ...]:
    """Labels, a model's scores, a reference's that go with them, and groups."""
    labels, scores, groups = split(seed=seed, **kwargs)
    noise = np.random.default_rng(seed + 100).normal(0, 0.1, len(scores))
    return labels, scores, np.clip(np.round(scores + noise, 2), 0, 1), groups


def estimates(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, list):
        return [found for item in value for found in estimates(item)]
    if not isinstance(value, dict):
        return []
    own = [value] if "method" in value else []
    return own + [found for item in value.values() for found in estimates(item)]


def test_points_are_differences_of_sklearns() -> None:
    labels, scores, reference, groups = two_models()
    found = compare(labels, scores, reference, groups, NAMES, **QUICK)
    parts = [groups == g for g in range(3)]
    model, other = ([roc_auc_score(labels[p], s[p]) for p in parts] for s in (scores, reference))
    assert found.auc.value == pytest.approx(roc_auc_score(labels, scores) - roc_auc_score(labels, reference))
    np.testing.assert_allclose([row.auc.value for row in found.groups], np.subtract(model, other), atol=1e-12)
    assert found.min_group_auc.value == pytest.approx(min(model) - min(other))
    assert found.auc_gap.value == pytest.approx(np.ptp(model) - np.ptp(other))


def test_identical_models_have_not_changed() -> None:
    labels, scores, _, groups = two_models()
    found = compare(labels, scores, scores, groups, NAMES, thresholds=[(fixed(), fixed())], **QUICK)
    numbers = estimates(found.to_dict())
    assert {item["value"] for item in numbers} == {0.0}
    assert found.verdict == "not shown"


def test_the_other_way_round_flips_every_sign() -> None:
    labels, scores, reference, groups = two_models()
    one = compare(labels, scores, reference, groups, NAMES, thresholds=CUTS, **QUICK)
    other = compare(labels, reference, scores, groups, NAMES, thresholds=[CUTS[0][::-1]], **QUICK)
    for there, back in zip(estimates(one.to_dict()), estimates(other.to_dict()), strict=True):
        np.testing.assert_allclose(there["value"], -back["value"], atol=1e-12)
        ends = np.array([[there["low"], there["high"]], [back["high"], back["low"]]], dtype=float)
        np.testing.assert_allclose(ends[0], -ends[1], atol=1e-12)


def test_the_dictionary_is_json() -> None:
    labels, scores, reference, groups = two_models()
    content = compare(labels, scores, reference, groups, NAMES, thresholds=CUTS, **QUICK).to_dict()
    json.dumps(content, allow_nan=False)
    assert content["thresholds"][0]["reference_value"] == 0.45
    assert [row["group"] for row in content["groups"]] == list(NAMES)


def test_bad_input_is_one_line() -> None:
    labels, scores, reference, groups = two_models()
    with pytest.raises(FairTuneError, match="same rows with both models"):
        compare(labels, scores, reference[1:], groups, NAMES)
    with pytest.raises(FairTuneError, match="`reference_scores` has 1 values that are NaN"):
        compare(labels, scores, np.where(np.arange(len(labels)), reference, np.nan), groups, NAMES)
    fitted = youden(*split(seed=9)[:2])
    with pytest.raises(FairTuneError, match="in one way"):
        compare(labels, scores, reference, groups, NAMES, thresholds=[(fixed(), fitted)])
    pair = (fitted, youden(labels, reference))
    with pytest.raises(FairTuneError, match="fitted on these same rows"):
        compare(labels, scores, reference, groups, NAMES, thresholds=[pair])
