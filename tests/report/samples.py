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
