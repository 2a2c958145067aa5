"""The classes or findings that a trainer's rows have, and its model with them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..audits.compute import scores_from_logits
from ..errors import FairTuneError, listed
from ..families.head import MULTI_LABEL, classes_of, is_multi_label, plain
from ..methods.facts import is_list

if TYPE_CHECKING:
    from ..data.fair_dataset import FairDataset
    from .fair import FairTrainer

SINGLE_LABEL = "single_label_classification"


def class_names(dataset: Any, data: FairDataset | None = None, model: Any = None) -> list[str]:
    """Return the names of several classes or findings; [] of one finding against the rest.

    Those that a dataset beside `data` does not name have the names of the model's `id2label`.
    """
    if data is not None:
        return [] if data.task == "binary" else data.label_names
    labels: Any = (getattr(dataset, "features", None) or {}).get("labels")
    names = getattr(labels, "names", None) or []
    if len(names) > 2:
        return list(names)
    known = getattr(getattr(plain(model), "config", None), "id2label", None) or {}
    own = [str(name) for _, name in sorted(known.items())]
    if is_list(labels):
        count = labels.length if getattr(labels, "length", -1) > 0 else len(dataset.with_format(None)[0]["labels"])
        return own if len(own) == count else [f"LABEL_{i}" for i in range(count)]
    return own if len(own) > 2 or (labels is None and is_multi_label(model)) else []


def names_of(trainer: FairTrainer) -> tuple[list[str], list[str]]:
    """Return the names of the groups and of the classes of a trainer's validation rows, as `class_names` has these."""
    return group_names(trainer.eval_dataset), trainer.class_names


def group_names(dataset: Any) -> list[str]:
    """Return the names of a dataset's groups by code, [] where it names none."""
    groups = (getattr(dataset, "features", None) or {}).get("groups")
    return list(getattr(groups, "names", None) or [])


def scored_logits(trainer: FairTrainer, predictions: Any) -> np.ndarray:
    """Return the scores that logits of the trainer's rows mean: of the positive, [n], or of every class, [n, k]."""
    if trainer.data is not None:
        return scores_from_logits(predictions, trainer.data.task == "multilabel")
    labels = (getattr(trainer.eval_dataset, "features", None) or {}).get("labels")
    return scores_from_logits(predictions, is_list(labels) or (labels is None and is_multi_label(trainer.model)))


def name_classes(model: Any, names: Sequence[str]) -> None:
    """Write the names of the classes into a model's configuration."""
    model.config.id2label, model.config.label2id = dict(enumerate(names)), {name: i for i, name in enumerate(names)}


def check_weights(model: Any, weights: Sequence[float]) -> None:
    """Check that the classes' weights, if any, are as many as the model's classes, or twice its findings.

    Raises:
        FairTuneError: they are more or fewer.
    """
    count = max(2, classes_of(model))
    wanted = 2 * count if is_multi_label(model) else count
    if weights and len(weights) != wanted:
        each = "findings; give two each" if is_multi_label(model) else "classes; give one each"
        raise FairTuneError(f"`class_weights` has {len(weights)} numbers, the model {count} {each}.")


def fit_classes(model: Any, data: FairDataset) -> None:
    """Check that a model has an output for every class, and write into its configuration how they are meant.

    Raises:
        FairTuneError: it has more or fewer.
    """
    config, names = getattr(plain(model), "config", None), data.label_names
    own = getattr(config, "num_labels", len(names))
    if own != len(names):
        raise FairTuneError(
            f"the model has {own} classes, the data have {len(names)} ({listed(names)}); load it with "
            f"`num_labels={len(names)}`."
        )
    if config is not None:
        config.problem_type = MULTI_LABEL if data.task == "multilabel" else SINGLE_LABEL
