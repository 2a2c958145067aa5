"""The pretrained classifier a command starts from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from transformers import AutoImageProcessor, AutoModelForImageClassification

from ..errors import FairTuneError


@dataclass
class ModelArguments:
    """Which pretrained model."""

    model: str = field(metadata={"help": "Hub id or folder of an image classifier, e.g. google/vit-base-patch16-224."})


def load_processor(name: str) -> Any:
    """Load the image processor of a model.

    Raises:
        FairTuneError: there is none under this name.
    """
    try:
        return AutoImageProcessor.from_pretrained(name, backend="pil")
    except (OSError, ValueError) as error:
        raise FairTuneError(f"`--model {name}` has no image processor: {first_line(error)}") from error


def model_init(name: str, labels: Sequence[str]) -> Callable[[], Any]:
    """Return a function that loads the model with a new two-class head, seeded by the Trainer.

    Raises:
        FairTuneError: (from the function) there is no image classifier under this name.
    """
    names = dict(enumerate(labels))

    def init() -> Any:
        try:
            return AutoModelForImageClassification.from_pretrained(
                name,
                num_labels=len(names),
                id2label=names,
                label2id={label: i for i, label in names.items()},
                ignore_mismatched_sizes=True,
            )
        except (OSError, ValueError) as error:
            raise FairTuneError(f"`--model {name}` is no image classifier: {first_line(error)}") from error

    return init


def first_line(error: Exception) -> str:
    """Return the first line of a library's long message."""
    return str(error).strip().splitlines()[0]
