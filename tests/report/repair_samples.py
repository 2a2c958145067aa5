"""Records of repairs with made-up numbers: changes, masks and steps."""

from __future__ import annotations

import random
from typing import Any

from hf_fairtune.record import Record

from .samples import audit, estimate, sample


def changes(first: dict[str, Any], last: dict[str, Any], split: str, half: float = 0.012) -> dict[str, Any]:
    """Make the comparison of two audits of `audit`: their differences, with intervals of half-width `half`."""

    def change(after: dict[str, Any], before: dict[str, Any], width: float = half) -> dict[str, Any]:
        undefined = None in (after["value"], before["value"])
        return estimate(None if undefined else after["value"] - before["value"], width)

    def auc(row: dict[str, Any]) -> dict[str, Any]:
        return {"value": row["auc"]}

    rates = ("tpr", "fpr", "selection_rate")
    spreads = [f"{key}_difference" for key in ("equalized_odds", "demographic_parity", "tpr", "fpr")]
    rows = list(zip(last["groups"], first["groups"], strict=True))
    made: dict[str, Any] = {"reference": "baseline", "model": "swift", "split": split}
    made |= {key: last[key] for key in ("confidence", "n_boot", "seed", "clusters", "n", "positives", "negatives")}
    made["excluded"] = []
    made |= {key: change(last[key], first[key]) for key in ("auc", "min_group_auc", "auc_gap")}
    made["groups"] = [
        {key: after[key] for key in ("group", "n", "positives", "negatives", "status", "reason")}
        | {"auc": change(auc(after), auc(before))}
        for after, before in rows
    ]
    made["thresholds"] = [
        {key: after[key] for key in ("policy", "fitted_on", "value")}
        | {"reference_value": before["value"]}
        | {key: change(after[key], before[key]) for key in spreads}
        | {
            "groups": [
                {"group": a["group"]} | {key: change(a[key], b[key], 0.06) for key in rates}
                for a, b in zip(after["groups"], before["groups"], strict=True)
            ]
        }
        for after, before in zip(last["thresholds"], first["thresholds"], strict=True)
    ]
    return made | {"verdict": kind([row["auc"] for row in made["groups"]], made["auc_gap"])}


def kind(groups: list[dict[str, Any]], gap: dict[str, Any]) -> str:
    """Name a change by the rule of audits/levelling.py, written out."""
    rose = any(item["low"] is not None and item["low"] > 0 for item in groups)
    fell = any(item["high"] is not None and item["high"] < 0 for item in groups)
    if rose and all(item["low"] is not None and item["low"] >= -0.005 for item in groups):
        return "pareto-better"
    if fell and not rose:
        return "level-down" if gap["value"] is not None and gap["value"] < 0 else "worse"
    return "mixed" if rose else "not shown"


LAYERS = ("resnet.embedder", *(f"resnet.encoder.stages.{i}" for i in range(4)), "classifier")


def mask_layer(number: int, layer: str) -> dict[str, Any]:
    mean = 0.24 + 0.03 * number
    made: dict[str, Any] = {"layer": layer, "parameters": 2_050 if layer == "classifier" else 9_408 * 8**number}
    made |= {"mean": mean, "low": mean / 20, "median": 0.8 * mean, "high": min(1.0, 2.4 * mean)}
    return made | {"prediction": 3e-4 * made["parameters"] / 4**number, "bias": 2e-5 * made["parameters"] / 2**number}


def repair_facts() -> dict[str, Any]:
    """Make the facts of a repair."""
    mask = {"kind": "soft", "importance": "sample", "normalization": "min-max", "bias_loss": "equalized_odds"}
    mask |= {"contrast": "women, 18–40 against men, 18–40", "mask_on": "update", "rows": 416, "empty_cells": 0}
    layers = [mask_layer(number, layer) for number, layer in enumerate(LAYERS)]
    step = {"epochs": 10, "batches": 70, "seconds": 93.5}
    return {
        "external": {"split": "external", "pool": "train", "fraction": 0.5, "replacement": False},
        "head": "classifier.1",
        "mask": {**mask, "layers": layers},
        "reinitialised": {"kind": "mean", "parameters": 811, "of": 2050},
        "steps": [
            step
            | {"name": "extractor", "learning_rate": 1e-4, "prediction_weight": 0.1, "bias_weight": 0.9}
            | {"empty_cells": 3},
            step
            | {"name": "head", "learning_rate": 1e-3, "prediction_weight": 0.9, "bias_weight": 0.1, "empty_cells": 0},
        ],
        "calibration": {
            "slope": 0.81,
            "intercept": -1.94,
            "fitted_on": "validation",
            "log_loss_before": 0.5123,
            "log_loss_after": 0.2217,
            "applied": True,
            "reason": None,
        },
        "seconds": 240.0,
    }


def repaired(n_groups: int = 2, test_sets: tuple[str, ...] = ("clinic-b",), seed: int = 0) -> Record:
    """Make the record of a repair: before and after on test and on other test sets, with the paired changes."""
    record = sample(n_groups, ("baseline", "swift"), 0, seed=seed)
    policies = tuple(t["policy"] for t in record.evaluations[0]["audit"]["thresholds"])
    counts = {row["group"]: (row["positives"], row["negatives"]) for row in record.evaluations[0]["audit"]["groups"]}
    draw = random.Random(seed)
    for split in test_sets:
        for place, model in enumerate(("baseline", "swift")):
            aucs = [0.78 - 0.02 * i + draw.uniform(-0.02, 0.03) for i in range(n_groups)]
            made = audit(counts, aucs, policies, place + 7)
            record.evaluations.append({"model": model, "split": split, "audit": made})
        record.data["splits"][split] = record.data["splits"]["test"] | {"hash": f"{9:064x}"}
    fewest = [min(2 * pair[side] for pair in counts.values()) for side in (0, 1)]
    cells = [
        {"group": name, "label": label, "n": n}
        for name in counts
        for label, n in zip(("melanoma", "benign"), fewest, strict=True)
    ]
    external = {"n": sum(fewest) * n_groups, "hash": f"{3:064x}", "clusters": None, "cells": cells}
    record.data["splits"]["external"] = external
    record.data["test_sets"] = {split: f"made-up images of {split}" for split in test_sets}
    for split in ("test", *test_sets):
        first, last = (record.evaluation(model, split) for model in ("baseline", "swift"))
        assert first is not None
        assert last is not None
        record.comparisons.append(changes(first, last, split))
    record.job, record.repair = "debias", repair_facts()
    record.repair["mask"]["rows"] = external["n"]
    record.model |= {"name": "someone/resnet-50-skin", "model_type": "resnet", "blocks": 0}
    record.model |= {"parameters": 23_512_130, "trainable_parameters": 23_512_130}
    record.learning_rate = 1e-4
    return record
