"""The classes or findings that a trainer's rows have, and its model with them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..audits.compute import scores_from_logits
from ..errors import FairTuneError, listed
from ..families.head import MULTI_LABEL, plain
from ..methods.facts import is_list

if TYPE_CHECKING:
    from ..data.fair_dataset import FairDataset
    from .fair import FairTrainer

SINGLE_LABEL = "single_label_classification"


def class_names(dataset: Any, data: FairDataset | None = None) -> list[str]:
    """Return the names of several classes or findings; [] of one finding against the rest, or where none are named.

    Findings of a dataset beside `data` have no names, so that these are their places.
    """
    if data is not None:
        return [] if data.task == "binary" else data.label_names
    labels: Any = (getattr(dataset, "features", None) or {}).get("labels")
    if is_list(labels):
        count = labels.length if getattr(labels, "length", -1) > 0 else len(dataset.with_format(None)[0]["labels"])
        return list(map(str, range(count)))
    names = getattr(labels, "names", None) or []
    return list(names) if len(names) > 2 else []


def names_of(trainer: FairTrainer) -> tuple[list[str], list[str]]:
    """Return the names of the groups and of the classes of a trainer's validation rows, as `class_names` has these."""
    return group_names(trainer.eval_dataset), class_names(trainer.eval_dataset, trainer.data)


def group_names(dataset: Any) -> list[str]:
    """Return the names of a dataset's groups by code, [] where it names none."""
    groups = (getattr(dataset, "features", None) or {}).get("groups")
    return list(getattr(groups, "names", None) or [])


def is_multilabel(trainer: FairTrainer) -> bool:
    """Tell whether a row of the trainer's can have several findings."""
    if trainer.data is not None:
        return trainer.data.task == "multilabel"
    return is_list((getattr(trainer.eval_dataset, "features", None) or {}).get("labels"))


def scored_logits(trainer: FairTrainer, predictions: Any) -> np.ndarray:
    """Return the scores that logits of the trainer's rows mean: of the positive, [n], or of every class, [n, k]."""
    return scores_from_logits(predictions, is_multilabel(trainer))


def name_classes(model: Any, names: Sequence[str]) -> None:
    """Write the names of the classes into a model's configuration."""
    model.config.id2label, model.config.label2id = dict(enumerate(names)), {name: i for i, name in enumerate(names)}


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
    if config is not None and data.task != "binary":
        config.problem_type = MULTI_LABEL if data.task == "multilabel" else SINGLE_LABEL
