"""Records with made-up numbers: of any number of groups, models and trials."""

from __future__ import annotations

import math
import random
from typing import Any

from hf_fairtune.record import Record

LONG_NAMES = (
    "women, 18–40",
    "men, 18–40",
    "women, 41–65, Fitzpatrick skin type V–VI, referred from primary care",
    "Männer über 65 | $unbekannt$ *Klinik*",
    "皮膚の色：濃い",
    "missing",
    "نساء",
    "men, 41–65",
    "women, over 65",
    "men, over 65",
    "не указано",
    "other",
)


def estimate(value: float | None, half: float = 0.04, reason: str | None = None) -> dict[str, Any]:
    if value is None:
        return {"value": None, "low": None, "high": None, "method": "made up", "reason": reason or "no positives"}
    low, high = (None, None) if reason else (value - half, value + half)
    return {"value": value, "low": low, "high": high, "method": "made up", "reason": reason}


def audit_group(name: str, counts: tuple[int, int], auc: float) -> dict[str, Any]:
    positives, negatives = counts
    least = min(counts)
    status = "not estimable" if least < 10 else "weak" if least < 20 else "ok"
    known = auc if least else None
    half = None if least < 10 else 0.6 * math.sqrt(auc * (1 - auc) / least)
    return {
        "group": name,
        "n": positives + negatives,
        "positives": positives,
        "negatives": negatives,
        "prevalence": positives / (positives + negatives),
        "status": status,
        "reason": None if status == "ok" else f"{least} positives" if least else "no positives",
        "auc": known,
        "auc_low": known - half if half and known else None,
        "auc_high": min(1.0, known + half) if half and known else None,
    }


def rate_group(row: dict[str, Any], tpr: float, fpr: float) -> dict[str, Any]:
    found, false = round(tpr * row["positives"]), round(fpr * row["negatives"])
    return {
        **{key: row[key] for key in ("n", "positives", "negatives")},
        "group": row.get("group", "overall"),
        "true_positives": found,
        "false_positives": false,
        "predicted_positives": found + false,
        "tpr": estimate(found / row["positives"] if row["positives"] else None),
        "fpr": estimate(false / row["negatives"], 0.02),
        "selection_rate": estimate((found + false) / row["n"], 0.02),
    }


def threshold(policy: str, audit: dict[str, Any], draw: random.Random) -> dict[str, Any]:
    top, false = (0.03, 0.0) if policy == "fixed" else (0.9, 0.3)
    groups = [rate_group(row, draw.uniform(0.7, 1) * top, draw.uniform(0.3, 1) * false) for row in audit["groups"]]
    spread = {}
    for key in ("tpr", "fpr", "selection_rate"):
        values = [group[key]["value"] for group in groups]
        spread[key] = None if None in values else max(values) - min(values)
    tpr, fpr = spread["tpr"], spread["fpr"]
    return {
        "policy": policy,
        "fitted_on": None if policy == "fixed" else "validation",
        "value": 0.5 if policy == "fixed" else round(draw.uniform(0.1, 0.4), 6),
        "degenerate": policy == "fixed",
        "equalized_odds_difference": estimate(None if tpr is None else max(tpr, fpr)),
        "demographic_parity_difference": estimate(spread["selection_rate"]),
        "tpr_difference": estimate(tpr),
        "fpr_difference": estimate(fpr),
        "overall": rate_group(audit, 0.85 * top, 0.6 * false),
        "groups": groups,
    }


def audit(
    counts: dict[str, tuple[int, int]], aucs: list[float], policies: tuple[str, ...], seed: int
) -> dict[str, Any]:
    """Make an audit whose parts agree with each other."""
    rows = [audit_group(name, c, auc) for (name, c), auc in zip(counts.items(), aucs, strict=True)]
    positives, negatives = (sum(c[i] for c in counts.values()) for i in (0, 1))
    known = sorted((row["auc"], row["group"]) for row in rows if row["auc"] is not None)
    complete = len(known) == len(rows)
    worst, best = (known[0][1], known[-1][1]) if complete else (None, None)
    reference = max(rows, key=lambda row: row["n"])
    made: dict[str, Any] = {
        "n": positives + negatives,
        "positives": positives,
        "negatives": negatives,
        "confidence": 0.95,
        "n_boot": 2000,
        "seed": seed,
        "clusters": None,
        "excluded": [],
        "auc": estimate(sum(aucs) / len(aucs), 0.02),
        "min_group_auc": {**estimate(known[0][0] if complete else None, 0.06), "group": worst},
        "auc_gap": {
            **estimate(known[-1][0] - known[0][0] if complete else None, 0.05),
            "best": best,
            "worst": worst,
            "null_mean": 0.0216 if complete else None,
            "null_high": 0.0533 if complete else None,
        },
        "groups": rows,
        "pairs": [
            {
                "group": row["group"],
                "reference": reference["group"],
                "auc_difference": estimate(None if row["auc"] is None else row["auc"] - reference["auc"], 0.07),
            }
            for row in rows
            if row is not reference
        ],
        "thresholds": [],
    }
    draw = random.Random(seed)
    made["thresholds"] = [threshold(policy, made, draw) for policy in policies]
    return made


def trials(n: int, draw: random.Random, bits: int) -> list[dict[str, Any]]:
    made = []
    for number in range(n):
        state = "FAIL" if number % 11 == 7 else "PRUNED" if number % 5 == 4 else "COMPLETE"
        last = {"FAIL": 0, "PRUNED": 6, "COMPLETE": 12}[state]
        level = draw.uniform(0.7, 0.84) + 0.03 * number / n
        values = {str(e): round(level - 0.25 * math.exp(-e / 3) + draw.gauss(0, 0.006), 6) for e in range(1, last + 1)}
        made.append(
            {
                "number": number,
                "state": state,
                "recipe": ("full", "linear", "attention", "layernorm")[number] if number < 4 else None,
                "params": {},
                "mask": [1] * bits if number == 0 else [int(draw.random() < 0.5) for _ in range(bits)],
                "learning_rate": round(10 ** draw.uniform(-5, -3), 8),
                "trainable_parameters": draw.randrange(2_000, 85_000_000),
                "value": values["12"] if state == "COMPLETE" else None,
                "values": values,
                "seconds": round(draw.uniform(200, 400), 1),
                "reason": "out of memory" if state == "FAIL" else None,
            }
        )
    return made


def sample(
    n_groups: int = 2,
    models: tuple[str, ...] = ("full", "fairtune"),
    n_trials: int = 24,
    policies: tuple[str, ...] = ("fixed", "youden"),
    seed: int = 0,
) -> Record:
    """Make a record; groups beyond the second get smaller and smaller."""
    draw = random.Random(seed)
    names = LONG_NAMES[:n_groups]
    counts = {name: (max(0, 90 - 16 * i), max(40, 900 - 100 * i)) for i, name in enumerate(names)}
    base = [0.86 - 0.012 * i for i in range(n_groups)]
    audits = {
        m: audit(counts, [a + draw.uniform(-0.02, 0.03) for a in base], policies, i) for i, m in enumerate(models)
    }
    made = trials(n_trials, draw, 36)
    best = max((t for t in made if t["value"] is not None), key=lambda t: t["value"], default=None)
    splits = {
        split: {
            "n": sum(share * (p + n) for p, n in counts.values()),
            "hash": f"{share:064x}",
            "clusters": None,
            "cells": [
                {"group": name, "label": label, "n": share * count}
                for name, pair in counts.items()
                for label, count in zip(("melanoma", "benign"), pair, strict=True)
            ],
        }
        for split, share in {"train": 4, "validation": 1, "test": 1}.items()
    }
    search = {
        "mode": "default",
        "objective": "min_group_auc",
        "direction": "maximize",
        "n_trials": n_trials,
        "warmup_epochs": 4,
        "num_train_epochs": 12,
        "best_trial": best["number"] if best else None,
        "seconds": 7260.0,
    }
    return Record(
        job="search" if made else "train",
        seed=17,
        model={
            "name": "google/vit-base-patch16-224-in21k",
            "model_type": "vit",
            "image_size": 224,
            "parameters": 85_800_194,
            "trainable_parameters": 42_533_378,
            "blocks": 12,
        },
        data={
            "name": "an ILLUSTRATION with made-up numbers, no data set",
            "label": "diagnosis",
            "positive_label": "melanoma",
            "negative_label": "benign",
            "groups": ["sex", "age:40,65"],
            "group_names": list(names),
            "cluster": "patient",
            "hash": f"{7:064x}",
            "splits": splits,
            "split_source": "made",
        },
        method=models[-1] if models else "fairtune",
        arguments={"num_train_epochs": 12, "lr_scheduler_type": "cosine", "warmup_steps": 0.33, "bf16": True},
        learning_rate=3.2e-5,
        space="paper36" if made else None,
        mask=best["mask"] if best else None,
        search=search if made else None,
        trials=made,
        evaluations=[{"model": m, "split": "test", "audit": a} for m, a in audits.items()],
        versions={"python": "3.12.3", "hf-fairtune": "0.1.0", "torch": "2.13.0"},
        hardware={"platform": "Linux", "cpu_count": 8, "gpus": []},
        git=None,
        created="2026-01-01T00:00:00+00:00",
    )


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
    """Name a change by the rule of metrics/levelling.py, written out."""
    rose = any(item["low"] is not None and item["low"] > 0 for item in groups)
    fell = any(item["high"] is not None and item["high"] < 0 for item in groups)
    if rose and all(item["low"] is not None and item["low"] >= -0.005 for item in groups):
        return "pareto-better"
    if fell and not rose and gap["value"] is not None and gap["value"] < 0:
        return "level-down"
    return "mixed" if rose or fell else "not shown"


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
