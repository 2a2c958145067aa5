"""PEFT configs that methods train by: written as JSON, read again, and put around a model."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

from peft import PeftConfig, PeftModel

from ..errors import FairTuneError, first_line
from ..families.head import find_head, plain
from ..masks.config import adapted

logger = logging.getLogger(__name__)


def written(config: PeftConfig) -> str:
    """Write what a PEFT config sets, beside its kind, as JSON.

    Raises:
        FairTuneError: JSON does not hold all of it.
    """
    usual = type(config)().to_dict()
    set_ones = {name: value for name, value in config.to_dict().items() if value != usual[name]}
    known = {"peft_type": config.peft_type.value, **set_ones}
    try:
        text = json.dumps(known, default=sorted, sort_keys=True)
        same = PeftConfig.from_peft_type(**json.loads(text)).to_dict() == config.to_dict()
    except (TypeError, AttributeError):
        same = False
    if not same:
        raise FairTuneError(
            f"`peft_config` is a {type(config).__name__} with values that JSON does not hold; call `get_peft_model` "
            "yourself and pass the model that it gives."
        )
    return text


def read_config(text: str) -> PeftConfig:
    """Read a PEFT config from JSON, from a file of it, or from the folder of an adapter, to train by it.

    A saved one is for inference, and names the model that it was of; neither holds here.

    Raises:
        FairTuneError: it is none, or one of prompts, which an image classifier cannot read.
    """
    try:
        if not text.lstrip().startswith("{"):
            path = Path(text).expanduser()
            text = (path / "adapter_config.json" if path.is_dir() else path).read_text(encoding="utf-8")
        known = json.loads(text)
        known |= {"inference_mode": False, "base_model_name_or_path": None}
        config: PeftConfig = PeftConfig.from_peft_type(peft_type=known.pop("peft_type"), **known)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise FairTuneError(
            f"`peft` is no PEFT config ({first_line(error)}); give the folder of an adapter, or a json file with "
            "`peft_type` and what it takes."
        ) from error
    if config.is_prompt_learning:
        kind = type(config).__name__
        raise FairTuneError(f"`peft_config` is a {kind}, whose prompts no image classifier reads; use LoRA or a mask.")
    return config


def wrapped(model: Any, config: PeftConfig) -> PeftModel:
    """Wrap a model by `get_peft_model`; a config that fits nothing in it is one line."""
    try:
        return adapted(model, config)
    except (ValueError, TypeError) as error:
        raise FairTuneError(f"`peft_config` does not fit the model: {first_line(error)}") from error


def warn_of_frozen_head(model: PeftModel, name: str | None) -> None:
    """Log where a PEFT config leaves the head as it is, which a new one must not be."""
    try:
        # PEFT keeps what it trains of a module under this name.
        head = find_head(model, name).partition(".modules_to_save.")[0]
    except FairTuneError:  # there is none to speak of
        return
    if not any(values.requires_grad for values in plain(model).get_submodule(head).parameters()):
        advice = f'add modules_to_save=["{head}"] to train it'
        logger.warning("`peft_config` leaves the head `%s` as it is; %s.", head, advice)
