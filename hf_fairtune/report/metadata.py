"""The YAML head of a model card: what the Hub indexes."""

from __future__ import annotations

import re
from typing import Any

from huggingface_hub import EvalResult, ModelCardData
from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id

from ..record import Record
from .models import compared, reported_splits

TASK = "image-classification"


def card_data(record: Record, license: str | None = None) -> ModelCardData:
    """Build the metadata; the license is the base model's business and left out unless given."""
    results = eval_results(record)
    relation: dict[str, Any] = (
        {"base_model_relation": "finetune"} if record.job == "debias" and base_model(record) else {}
    )
    return ModelCardData(
        base_model=base_model(record),
        library_name="transformers",
        license=license,
        metrics=["roc_auc"],
        model_name=model_name(record) if results else None,
        eval_results=results or None,
        pipeline_tag=TASK,
        tags=["fairness", "hf-fairtune", "medical", record.method],
        **relation,
    )


def eval_results(record: Record) -> list[EvalResult]:
    """List the winner's overall AUC and lowest group AUC on every reported split; undefined ones are left out."""
    return [result for split in reported_splits(record) for result in split_results(record, split)]


def split_results(record: Record, split: str) -> list[EvalResult]:
    """List the winner's results on one split."""
    audit = list(compared(record, split).values())[-1]
    group = audit["min_group_auc"]["group"]
    data = record.data.get("test_sets", {}).get(split, record.data["name"])
    named = {
        f"AUC, overall, {split}": audit["auc"]["value"],
        f"AUC, lowest group{f' ({group})' if group else ''}, {split}": audit["min_group_auc"]["value"],
    }
    return [
        EvalResult(
            task_type=TASK,
            dataset_type=slug(data),
            dataset_name=data,
            dataset_split=split,
            metric_type="roc_auc",
            metric_name=name,
            metric_value=round(value, 4),
        )
        for name, value in named.items()
        if value is not None
    ]


def base_model(record: Record) -> str | None:
    """Return the base model if it is a Hub id (`owner/name`), None for a local folder."""
    name = record.model["name"]
    try:
        validate_repo_id(name)
    except HFValidationError:
        return None
    return str(name) if "/" in name else None


def model_name(record: Record) -> str:
    """Name the model from its base, its method and its data."""
    return slug(f"{short(record.model['name'])}-{record.method}-{record.data['name']}")


def short(name: str) -> str:
    """Keep the last part of a Hub id or a path."""
    return re.split(r"[/\\]", name.rstrip("/\\"))[-1]


def slug(text: str) -> str:
    """Reduce a text to what an identifier may hold."""
    return re.sub(r"[^\w./-]+", "-", text).strip("-/.") or "data"
