"""A soft mask as a folder of its own: `save_pretrained` and `from_pretrained`, as models and adapters have them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from huggingface_hub import hf_hub_download
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from ..connection import hub_or_cache
from ..errors import FairTuneError, first_line
from ..files.atomic import write_atomically

WEIGHTS, CONFIG = "soft_mask.safetensors", "soft_mask_config.json"


class SoftMask(dict[str, Tensor]):
    """Parameter name -> values in [0, 1] of the parameter's shape: 1 moves freely, 0 stays.

    Args:
        mask: by parameter name.
        made: how it was made, as JSON values by name, such as the normalization and the model.

    Example:
        >>> SoftMask(soft_mask(fisher_importance(model, rows))).save_pretrained("mask")
        >>> trainer = Trainer(model, args, callbacks=[SoftMaskCallback(SoftMask.from_pretrained("mask"))], ...)
    """

    def __init__(self, mask: Mapping[str, Tensor], made: Mapping[str, str] | None = None) -> None:
        super().__init__(mask)
        self.made = dict(made or {})

    def save_pretrained(self, save_directory: str | Path) -> None:
        """Write `soft_mask.safetensors` and `soft_mask_config.json` into a folder, each whole or not at all."""
        folder = Path(save_directory)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            tensors = {name: values.detach().cpu().contiguous() for name, values in self.items()}
            write_atomically(folder / WEIGHTS, save(tensors, {"format": "pt"}))
            write_atomically(folder / CONFIG, json.dumps({**self.made, "parameters": len(self)}, indent=2) + "\n")
        except OSError as error:
            raise FairTuneError(f"`{folder}` could not be written ({first_line(error)}); give another one.") from error

    @classmethod
    def from_pretrained(
        cls, pretrained_model_name_or_path: str | Path, *, revision: str | None = None, token: str | None = None
    ) -> SoftMask:
        """Read a mask from a folder, or from a repository of the Hub.

        Raises:
            FairTuneError: there is none, or it is cut short.
        """
        given = str(pretrained_model_name_or_path)
        try:
            weights, config = (_found(given, name, revision, token) for name in (WEIGHTS, CONFIG))
            made = json.loads(config.read_text(encoding="utf-8"))
            mask = load(weights.read_bytes())
            if made.pop("parameters", None) != len(mask):
                raise FairTuneError("it has another number of parameters than it says")
        except (OSError, ValueError, SafetensorError) as error:
            raise FairTuneError(
                f"`{given}` holds no soft mask ({first_line(error)}); give a folder that `save_pretrained` wrote, or "
                "the id of such a repository."
            ) from error
        return cls(mask, made)


def _found(given: str, name: str, revision: str | None, token: str | None) -> Path:
    if Path(given).is_dir():
        return Path(given) / name
    with hub_or_cache(given):
        return Path(hf_hub_download(given, name, revision=revision, token=token))
