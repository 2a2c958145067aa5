"""No count of 1-10 in what is published, none to be had from the totals, and the local record whole."""

import copy
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hf_fairtune import small_cells
from hf_fairtune.audits.audit import audit
from hf_fairtune.audits.comparison import compare
from hf_fairtune.metrics.thresholds import fixed
from hf_fairtune.record import Record
from hf_fairtune.small_cells import counts_of, groups_to_merge, suppress_small_cells

LABELS = ("benign", "malignant")
SCHEMA = json.loads((Path(small_cells.__file__).parent / "record.schema.json").read_text())
Counts = dict[str, tuple[int, int]]


def record_of(counts: Counts, with_audit: bool = True) -> dict[str, Any]:
    """Make a record with these negatives and positives by group, audited on random scores."""
    cells = [
        {"group": g, "label": label, "n": n} for g, row in counts.items() for label, n in zip(LABELS, row, strict=True)
    ]
    data: dict[str, Any] = {"name": "made up", "label": "labels", "positive_label": "malignant"}
    data |= {"negative_label": "benign", "groups": ["skin"], "group_names": list(counts), "cluster": None}
    data |= {"hash": "0", "split_source": "made"}
    data["splits"] = {"test": {"n": sum(map(sum, counts.values())), "hash": "0", "clusters": None, "cells": cells}}
    model = {"name": "tiny", "model_type": "vit", "image_size": 16, "parameters": 1, "trainable_parameters": 1}
    epochs = [{"epoch": 120.0, "eval_min_group_auc": 0.8333333, "learning_rate": 0.000123456}]
    content = asdict(Record("train", 0, model | {"blocks": 1}, data, "full", git=None))
    content["training"] = [{"model": "full", "learning_rate": 0.000123456, "epochs": epochs}]
    if with_audit:
        content["evaluations"] = [{"model": "full", "split": "test", "audit": audit_of(counts)}]
    return json.loads(json.dumps(content))  # type: ignore[no-any-return]


def audit_of(counts: Counts) -> dict[str, Any]:
    rows = [(y, g) for g, row in enumerate(counts.values()) for y, n in enumerate(row) for _ in range(n)]
    labels, groups = np.array(rows).T
    scores = np.random.default_rng(0).random(len(labels)) * 0.7 + 0.3 * labels
    return audit(labels, scores, groups, list(counts), thresholds=[fixed(0.5)], n_boot=20).to_dict()


def comparison_of(counts: Counts) -> dict[str, Any]:
    """Compare two random models on these rows."""
    rows = [(y, g) for g, row in enumerate(counts.values()) for y, n in enumerate(row) for _ in range(n)]
    labels, groups = np.array(rows).T
    old, new = np.random.default_rng(1).random((2, len(labels))) * 0.7 + 0.3 * labels
    found = compare(labels, new, old, groups, list(counts), thresholds=[(fixed(0.5), fixed(0.5))], n_boot=20)
    return {"model": "swift", "reference": "baseline", "split": "test", **found.to_dict()}


def numbers(record: dict[str, Any]) -> dict[str, list[int]]:
    return {group: list(row.values()) for group, row in counts_of(record, "test").items()}


def test_two_groups_merge_when_one_is_small() -> None:
    record = record_of({"dark": (40, 4), "medium": (30, 20), "light": (90, 30)})
    public = suppress_small_cells(record)
    assert numbers(public) == {"dark + medium": [70, 24, 24, 70], "light": [90, 30, 30, 90]}
    jsonschema.validate(public, SCHEMA)


def test_what_gives_a_count_back_goes_too() -> None:
    public = suppress_small_cells(record_of({"dark": (40, 4), "medium": (30, 20), "light": (90, 30)}))
    found = public["evaluations"][0]["audit"]
    (cut,) = found["thresholds"]
    joint = cut["groups"][-1]
    assert joint["tpr"]["value"] is joint["fpr"]["low"] is joint["selection_rate"]["high"] is None
    assert cut["equalized_odds_difference"]["value"] is None
    assert found["groups"][-1]["auc"] is found["groups"][-1]["prevalence"] is None
    assert found["pairs"] == []
    assert found["min_group_auc"]["value"] == round(found["min_group_auc"]["value"], 2)
    assert "4 positives" not in json.dumps(public)
    assert "4 positives" in json.dumps(record_of({"dark": (40, 4), "medium": (30, 20), "light": (90, 30)}))


def test_nothing_tells_of_a_merged_group_alone() -> None:
    """Neither a row nor a method's or a reason's text names it, in any part of the audit."""
    counts = {"dark": (40, 4), "medium": (30, 20), "light": (90, 30), "pale": (80, 40)}
    private = record_of(counts)
    public = suppress_small_cells(private)
    told = json.dumps(public["evaluations"])
    for name in ("dark", "medium"):
        assert f'"{name}"' in json.dumps(private["evaluations"])
        assert f'"{name}"' not in told
        assert f"`{name}`" not in told
    found = public["evaluations"][0]["audit"]
    assert [row["group"] for row in found["cross_group"]] == ["light", "pale"]
    assert [row["group"] for row in found["calibration"]["groups"]] == ["overall", "light", "pale"]
    assert found["thresholds"][0]["measures"] == {}


def test_values_of_training_keep_two_digits() -> None:
    public = suppress_small_cells(record_of({"dark": (40, 4), "light": (90, 30)}))
    assert public["training"][0]["epochs"] == [{"epoch": 120.0, "eval_min_group_auc": 0.83, "learning_rate": 0.00012}]
    assert public["training"][0]["learning_rate"] == 0.000123456


def test_record_without_small_cells_is_unchanged() -> None:
    record = record_of({"dark": (40, 11), "light": (90, 0)})
    assert suppress_small_cells(record) == record


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=6))
def test_no_small_count_is_left_unless_all_are_merged(rows: list[tuple[int, int]]) -> None:
    record = record_of({f"g{i}": row for i, row in enumerate(rows)}, with_audit=False)
    before = copy.deepcopy(record)
    public = suppress_small_cells(record)
    assert record == before
    jsonschema.validate(public, SCHEMA)
    after = numbers(public)
    assert sum(map(sum, after.values())) == sum(map(sum, rows))
    assert len(after) == 1 or not any(0 < n < 11 for row in after.values() for n in row)


@pytest.mark.parametrize("order", [("a", "b"), ("b", "a")])
def test_choice_does_not_depend_on_the_order_of_groups(order: tuple[str, str]) -> None:
    counts = {"small": {"x": 3}} | {group: {"x": 50} for group in order}
    assert groups_to_merge(counts) == ["small", "a"]


def test_comparisons_merge_like_their_audits() -> None:
    counts = {"dark": (40, 4), "medium": (30, 20), "light": (90, 30)}
    record = record_of(counts)
    record["comparisons"] = [json.loads(json.dumps(comparison_of(counts)))]
    jsonschema.validate(record, SCHEMA)
    public = suppress_small_cells(record)
    jsonschema.validate(public, SCHEMA)
    (found,) = public["comparisons"]
    assert [row["group"] for row in found["groups"]] == ["light", "dark + medium"]
    joint = found["groups"][-1]
    assert (joint["n"], joint["positives"], joint["negatives"]) == (94, 24, 70)
    assert joint["auc"]["value"] is None
    cut = found["thresholds"][0]
    assert [row["group"] for row in cut["groups"]] == ["light", "dark + medium"]
    assert cut["groups"][-1]["tpr"]["value"] is cut["equalized_odds_difference"]["value"] is None
    assert found["auc_gap"]["value"] == round(found["auc_gap"]["value"], 2)
    assert "4 positives" in json.dumps(record["comparisons"])
    assert "4 positives" not in json.dumps(public)


def test_a_split_known_from_its_comparison_alone_is_merged() -> None:
    counts = {"dark": (40, 4), "light": (90, 30)}
    record = record_of(counts, with_audit=False)
    record["comparisons"] = [comparison_of(counts) | {"split": "clinic-b"}]
    (found,) = suppress_small_cells(record)["comparisons"]
    assert [row["n"] for row in found["groups"]] == [164]


@pytest.mark.parametrize(("n", "kept"), [(7, False), (11, True)])
def test_balanced_images_with_small_cells_go_whole(n: int, kept: bool) -> None:
    """Merged, their counts would still be told: all groups are equally large."""
    record = record_of({"dark": (40, 20), "light": (90, 30)}, with_audit=False)
    cells = [{"group": g, "label": y, "n": n} for g in ("dark", "light") for y in LABELS]
    record["data"]["splits"]["external"] = {"n": 4 * n, "hash": "0", "clusters": None, "cells": cells}
    mask = {"rows": 4 * n, "kind": "soft", "empty_cells": 3}
    steps = [{"name": name, "batches": 4 * n, "empty_cells": 2} for name in ("extractor", "head")]
    record["repair"] = {"external": {"split": "external"}, "mask": mask, "steps": steps}
    record["training"][0]["epochs"] = [{"epoch": 0.25, "step": n}, {"epoch": 1.0, "step": 4 * n, "eval_auc": 0.75}]
    public = suppress_small_cells(record)
    assert ("external" in public["data"]["splits"]) is kept
    assert public["repair"]["mask"]["rows"] == (4 * n if kept else None)
    assert [step["batches"] for step in public["repair"]["steps"]] == [4 * n if kept else None] * 2
    assert [step["empty_cells"] for step in public["repair"]["steps"]] == [2 if kept else None] * 2
    assert public["repair"]["mask"]["empty_cells"] == (3 if kept else None)
    whole = [{"epoch": 1.0}, {"epoch": 1.0, "eval_auc": 0.75}]
    assert public["training"][0]["epochs"] == (record["training"][0]["epochs"] if kept else whole)
    assert record["repair"]["mask"]["rows"] == 4 * n
    assert public["data"]["splits"]["test"] == record["data"]["splits"]["test"]
