from __future__ import annotations

import ast
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import evaluate
import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import demographic_parity_difference, equalized_odds_difference
from sklearn.metrics import roc_auc_score

from hf_fairtune.audits.audit import audit
from hf_fairtune.audits.metrics.metric import card, cut_metrics, gaps, rates, score_metrics
from hf_fairtune.audits.thresholds import fixed
from hf_fairtune.errors import FairTuneError
from hf_fairtune.fairness_metric import fairness_metric

from ..audits.samples import NAMES, split

FOLDER = Path(fairness_metric.__file__).parent


@pytest.fixture(scope="module")
def metric(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The module as users load it, with its caches out of the way."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluate.config, "HF_MODULES_CACHE", tmp_path_factory.mktemp("modules"))
        patch.setattr(sys, "path", [*sys.path])
        yield evaluate.load(str(FOLDER), cache_dir=str(tmp_path_factory.mktemp("cache")))


def named(groups: np.ndarray) -> list[str]:
    return [NAMES[code] for code in groups]


def test_the_numbers_are_those_of_scikit_learn_fairlearn_and_the_audit(metric: Any) -> None:
    labels, scores, groups = split()
    found = metric.compute(references=labels, predictions=scores, groups=named(groups), threshold=0.4)
    aucs = [roc_auc_score(labels[groups == g], scores[groups == g]) for g in range(3)]
    assert found["auc"] == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)
    assert [row["auc"] for row in found["by_group"].values()] == pytest.approx(aucs, abs=1e-12)
    assert found["min_group_auc"] == pytest.approx(min(aucs), abs=1e-12)
    assert found["auc_gap"] == pytest.approx(np.ptp(aucs), abs=1e-12)
    assert found["worst_group"] == NAMES[int(np.argmin(aucs))]
    by = {"sensitive_features": groups}
    rates = equalized_odds_difference(labels, scores >= 0.4, **by)
    assert found["equalized_odds_difference@0.4"] == pytest.approx(rates, abs=1e-12)
    selected = demographic_parity_difference(labels, scores >= 0.4, **by)
    assert found["demographic_parity_difference@0.4"] == pytest.approx(selected, abs=1e-12)
    audited = audit(labels, scores, groups, NAMES, thresholds=[fixed(0.4)], n_boot=0)
    for row, rates in zip(audited.groups, audited.thresholds[0].groups, strict=True):
        cells = found["by_group"][row.group]
        assert (cells["n"], cells["auc_low"], cells["auc_high"]) == (row.n, row.auc.low, row.auc.high)
        assert {name: cells[name] for name in rates.rates} == {name: own.value for name, own in rates.rates.items()}
        assert cells["average_precision"] == row.measures["average_precision"].value
    numbers = audited.across | {f"{name}@0.4": own for name, own in audited.thresholds[0].gaps.items()}
    assert {name: found[name] for name in numbers} == {name: own.value for name, own in numbers.items()}
    assert found["reasons"] == {}


def test_batches_are_computed_at_once(metric: Any) -> None:
    labels, scores, groups = split()
    whole = metric.compute(references=labels, predictions=scores, groups=named(groups))
    for part in np.array_split(np.arange(len(labels)), 7):
        metric.add_batch(references=labels[part], predictions=scores[part], groups=named(groups[part]))
    assert metric.compute() == whole


def test_what_is_undefined_stays_so_with_a_reason(metric: Any) -> None:
    labels, scores, groups = split((30, 25, 0))
    found = metric.compute(references=labels, predictions=scores, groups=named(groups))
    assert np.isnan([found["min_group_auc"], found["auc_gap"], found["equalized_odds_difference@0.5"]]).all()
    assert found["worst_group"] is None
    few = {"kind": "too_few", "unit": "positives", "count": 0, "needed": 1}
    assert found["reasons"]["auc_gap"] == [few | {"group": "c"}]
    assert np.isfinite(found["demographic_parity_difference@0.5"])
    kept = metric.compute(references=labels, predictions=scores, groups=named(groups), exclude=["c"])
    assert kept["min_group_auc"] == min(kept["by_group"][name]["auc"] for name in "ab")
    alone = metric.compute(references=[1, 1], predictions=[0.1, 0.2], groups=["F", "F"])
    assert alone["reasons"]["auc"] == [few | {"unit": "negatives"}]
    assert np.isnan(alone["auc"])


def test_few_cases_have_no_interval_and_no_name_is_a_group(metric: Any) -> None:
    labels, scores, groups = split((30, 25, 9))
    names = [None if name == "c" else name for name in named(groups)]
    found = metric.compute(references=labels, predictions=scores, groups=names)["by_group"]["missing"]
    few = {"kind": "too_few", "unit": "positives", "count": 9, "needed": 10}
    assert (found["status"], found["reasons"]) == ("not estimable", [few])
    assert np.isfinite(found["auc"])
    assert np.isnan([found["auc_low"], found["auc_high"]]).all()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"references": [0, 2]}, "map the positive label"),
        ({"predictions": [0.1, float("nan")]}, "NaN or infinite"),
        ({"exclude": ["X"]}, "groups are"),
        ({"threshold": float("nan")}, "finite threshold"),
    ],
)
def test_bad_rows_are_refused(metric: Any, changed: dict[str, Any], message: str) -> None:
    rows = {"references": [0, 1], "predictions": [0.1, 0.9], "groups": ["F", "M"]}
    with pytest.raises(FairTuneError, match=message):
        metric.compute(**rows | changed)


def test_the_example_script(
    metric: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    labels, scores, groups = split()
    names = pd.Series(named(groups)).replace("c", None)
    pd.DataFrame({"y": labels, "p": scores, "sex": names}).to_csv(tmp_path / "p.csv", index=False)
    monkeypatch.setattr(evaluate.config, "HF_METRICS_CACHE", tmp_path)
    main = runpy.run_path(str(FOLDER.parent.parent / "scripts" / "stock_evaluate.py"))["main"]
    main(str(tmp_path / "p.csv"), "y", "p", "sex")
    printed = capsys.readouterr().out
    found = metric.compute(references=labels, predictions=scores, groups=names.fillna("missing"))
    assert printed == f"{found}\n"
    assert list(found["by_group"]) == ["a", "b", "missing"]


def test_percentages_have_no_default_threshold(metric: Any) -> None:
    rows = {"references": [0, 1, 0, 1], "groups": ["F", "F", "M", "M"]}
    with pytest.raises(FairTuneError, match="`predictions` lie in 10 to 80, so they are no probabilities"):
        metric.compute(predictions=[10, 80, 60, 40], **rows)
    percent = metric.compute(predictions=[10, 80, 60, 40], threshold=50, **rows)
    plain = metric.compute(predictions=[0.1, 0.8, 0.6, 0.4], **rows)
    assert percent["equalized_odds_difference@50"] == plain["equalized_odds_difference@0.5"] == 1


def test_every_metric_of_the_room_is_in_it(metric: Any) -> None:
    labels, scores, groups = split()
    found = metric.compute(references=labels, predictions=scores, groups=named(groups))
    across = {key for name, own in score_metrics().items() for key in (name, *own.across_keys(name))}
    assert {f"{name}@0.5" for name in gaps()} | across <= set(found)
    assert set(rates()) | set(cut_metrics()) | set(score_metrics()) <= set(found["by_group"]["a"])
    assert found["by_group"]["a"]["prevalence"] == labels[groups == 0].mean()


def test_its_description_is_a_card(metric: Any) -> None:
    assert card(fairness_metric).title == "AUC and error rates by group"
    assert metric.description == fairness_metric.__doc__
    assert "Hanley & McNeil" in metric.citation


def test_only_the_module_needs_evaluate() -> None:
    importing = set()
    for path in FOLDER.parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            importing |= {path.stem for name in names if name.split(".")[0] == "evaluate" or "fairness_metric" in name}
    assert importing == {"fairness_metric"}


def test_nothing_is_computed_that_is_not_returned(metric: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    labels, scores, groups = split()
    for part in ("audit_calibration", "operating_points", "cross_groups", "rank_groups", "auc_pairs", "roc_curves"):
        monkeypatch.setattr(f"hf_fairtune.audits.audit.{part}", lambda *_, part=part, **__: pytest.fail(part))
    assert metric.compute(references=labels, predictions=scores, groups=named(groups))["auc"] > 0.5
