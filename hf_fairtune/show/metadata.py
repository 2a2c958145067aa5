"""The YAML head of a model card: what the Hub indexes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from huggingface_hub import EvalResult, ModelCardData
from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id

from ..document.document import Document
from ..document.run import Base
from .view import splits, views

TASK = "image-classification"


def card_data(document: Document, base: Base, license: str | None = None) -> ModelCardData:
    """Build the metadata; the license is the base model's business and left out unless given."""
    results, hub = list(eval_results(document)), base_model(base.name)
    training = document.model_named(document.model).training
    method = training.method.name if training else document.model
    return ModelCardData(
        base_model=hub,
        base_model_relation="finetune" if hub and document.job == "debias" else None,
        library_name="transformers",
        license=license,
        metrics=["roc_auc"],
        model_name=slug(f"{short(base.name)}-{method}-{document.data.name}") if results else None,
        eval_results=results or None,
        pipeline_tag=TASK,
        tags=["fairness", "hf-fairtune", "medical", method],
    )


def eval_results(document: Document) -> Iterator[EvalResult]:
    """Yield the AUC of all rows of each test split, and the lowest of each attribute; undefined ones are left out."""
    for split in splits(document):
        some = [view for view in views(document) if view.split == split]
        named = {f"AUC, all rows, {split}": some[0].audit.auc.value} if some else {}
        for view in some:
            lowest = view.audit.min_group_auc
            group = f" ({lowest.group})" if lowest.group else ""
            named[f"AUC, lowest group by {view.attribute}{group}, {split}"] = lowest.value
        data = document.data.test_sets.get(split, document.data.name)
        for name, value in named.items():
            if value == value:
                result = round(value, 4)
                yield EvalResult(TASK, slug(data), data, "roc_auc", result, metric_name=name, dataset_split=split)


def base_model(name: str) -> str | None:
    """Return a base model that is a Hub id (`owner/name`), None for a local folder."""
    try:
        validate_repo_id(name)
    except HFValidationError:
        return None
    return name if "/" in name else None


def short(name: str) -> str:
    """Keep the last part of a Hub id or a path."""
    return re.split(r"[/\\]", name.rstrip("/\\"))[-1]


def slug(text: str) -> str:
    """Reduce a text to what an identifier may hold."""
    return re.sub(r"[^\w./-]+", "-", text).strip("-/.") or "data"
