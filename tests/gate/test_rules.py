from __future__ import annotations

import contextlib
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hf_fairtune.errors import FairTuneError
from hf_fairtune.gate.rules import FAIL, PASS, UNSURE, Bound, Rule, parse_rules, read_rules

EXAMPLE = Path(__file__).parent.parent.parent / "scripts" / "gate.yaml"


def written(folder: Path, text: str) -> Path:
    path = folder / "rules.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_example_is_read() -> None:
    found = read_rules(EXAMPLE)
    assert found.file == "gate.yaml"
    assert [rule.metric for rule in found.rules] == ["min_group_auc", "auc_difference", "tpr", "calibration_slope"]
    assert found.rules[2].bound == Bound(low=0.7)
    assert (found.rules[2].attribute, found.rules[2].threshold) == ("sex", "0.5")


def test_scalars_stay_text_and_a_byte_order_mark_is_skipped(tmp_path: Path) -> None:
    text = "\ufeffrules:\n- {metric: group_auc, group: no, target: 1, attribute: 'age:60', at_most: 1e-1}\n"
    (rule,) = read_rules(written(tmp_path, text)).rules
    assert rule == Rule("rule 1 (line 2)", "group_auc", Bound(high=0.1), None, "1", "age:60", None, "no")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("rules: []", "at least one rule"),
        ("rules: {metric: auc}", "one list `rules`"),
        ("rules: [{metric: auc, at_least: 0.8}]\nmore: 1", "one list `rules`"),
        ("- metric: auc", "not a mapping"),
        ("rules: [", "is not YAML"),
        ("rules:\n- auc", r"rule 1 \(line 2\) is not a mapping"),
        ("rules:\n- {metric: auc, at_least: 0.8, at_least: 0.7}", "`at_least` twice"),
        ("rules:\n- {metric: auc, least: 0.8}", "'0.8' as `least` .*keys are metric, verdict"),
        ("rules:\n- {at_least: 0.8}", "either `metric` or `verdict`"),
        ("rules:\n- {metric: auc, verdict: fairer}", "either `metric` or `verdict`"),
        ("rules:\n- {metric: auk, at_least: 0.8}", "the metric `auk`; choose from auc, min_group_auc"),
        ("rules:\n- {metric: auc}", "0 bounds"),
        ("rules:\n- {metric: auc, at_least: 0.7, at_most: 0.9}", "2 bounds"),
        ("rules:\n\n- {metric: auc, at_least: 1}\n- {metric: auc, at_least: 80}", r"rule 2 \(line 4\).*write a share"),
        ("rules:\n- {metric: auc, at_least: 80 %}", "'80 %' as `at_least`"),
        ("rules:\n- {metric: auc, at_least: '0,8'}", "'0,8'"),
        ("rules:\n- {metric: auc, at_least: .nan}", "'.nan'"),
        ("rules:\n- {metric: auc, at_least: inf}", "'inf'"),
        ("rules:\n- {metric: auc, at_least: [0.8]}", "as `at_least`"),
        ("rules:\n- {metric: auc_difference, within: 0.1}", "'0.1' as `within`"),
        ("rules:\n- {metric: auc_difference, within: [0.1]}", "as `within`"),
        ("rules:\n- {metric: auc_difference, within: [0.1, -0.1]}", "lower end first"),
        ("rules:\n- {metric: [auc], at_least: 0.8}", "as `metric`"),
        ("rules:\n- {metric: group_auc, group: , at_least: 0.8}", "'' as `group`"),
        ("rules:\n- {verdict: better}", "'better' as `verdict` .*'fairer' or 'no level-down'"),
        ("rules:\n- {verdict: fairer, at_least: 0.1}", "takes no `at_least`"),
        ("rules:\n- {verdict: fairer, threshold: 0.5}", "takes no `threshold`"),
    ],
)
def test_what_cannot_be_understood_is_refused_in_a_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(FairTuneError, match=message) as raised:
        read_rules(written(tmp_path, text))
    assert "\n" not in str(raised.value)


PARTS = ["rules", "metric", "auc", "tpr", "verdict", "fairer", "at_least", "within", "[0, 1]", "0.8", "-1e9", "null"]
PARTS += list(":{}[],\n'\"|#?\té") + ["- ", "  ", "&a ", "*a", "<<", "!!int "]


def test_odd_files_are_read_or_refused_never_more() -> None:
    rng = np.random.default_rng(0)
    base = "rules:\n- {metric: tpr, group: F, at_least: 0.8}\n- {verdict: no level-down}\n"
    read = 0
    for _ in range(3000):
        at, cut = rng.integers(len(base), size=2)
        text = base[:at] + "".join(rng.choice(PARTS, size=rng.integers(1, 4))) + base[at + cut % 3 :]
        with contextlib.suppress(FairTuneError):
            read += len(parse_rules(text, "rules.yaml").rules) == 2
    assert 20 < read < 2000


def test_depth_is_refused_too() -> None:
    with pytest.raises(FairTuneError, match="is not YAML"):
        parse_rules("rules: " + "[" * 600, "deep.yaml")


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FairTuneError, match="does not exist"):
        read_rules(tmp_path / "none.yaml")
    with pytest.raises(FairTuneError, match="cannot be read"):
        read_rules(tmp_path)
    (tmp_path / "odd.yaml").write_bytes(b"rules: \xff\xfe\x00")
    with pytest.raises(FairTuneError, match="cannot be read"):
        read_rules(tmp_path / "odd.yaml")
    with pytest.raises(FairTuneError, match="is not YAML"):
        read_rules(written(tmp_path, "rules: [\x01]"))


ENDS = st.floats(-1, 1)
ORDER = {FAIL: 0, UNSURE: 1, PASS: 2}
INTERVALS = st.tuples(ENDS, ENDS).map(sorted)
BOUNDS = st.one_of(
    ENDS.map(lambda end: Bound(low=end)),
    ENDS.map(lambda end: Bound(high=end)),
    INTERVALS.map(lambda ends: Bound(*ends)),
)


@given(BOUNDS, INTERVALS)
def test_the_verdict_is_that_of_every_point_inside(bound: Bound, interval: list[float]) -> None:
    low, high = interval
    points = [low + (high - low) * i / 8 for i in range(8)] + [high]
    kept = [bound.low <= point <= bound.high for point in points]
    found = bound.judge(low, high)
    assert found != PASS or all(kept)
    assert found != FAIL or not any(kept)
    assert (found == PASS) == (kept[0] and kept[-1])


@given(BOUNDS, INTERVALS, st.floats(0, 1))
def test_a_looser_bound_and_a_narrower_interval_never_judge_harder(
    bound: Bound, interval: list[float], slack: float
) -> None:
    looser = Bound(bound.low - slack, bound.high + slack)
    assert ORDER[looser.judge(*interval)] >= ORDER[bound.judge(*interval)]
    low, high = interval
    inside = (low + slack * (high - low) / 2, high - slack * (high - low) / 4)
    if bound.judge(low, high) == PASS and inside[0] <= inside[1]:
        assert bound.judge(*inside) == PASS


@given(BOUNDS, ENDS, st.sampled_from([math.nan, math.inf, -math.inf]))
def test_without_both_ends_there_is_no_evidence(bound: Bound, end: float, missing: float) -> None:
    assert {bound.judge(end, missing), bound.judge(missing, end), bound.judge(missing, missing)} == {UNSURE}
