"""The PEFT config of a mask; its adapter is an ordinary one, which stock PEFT loads and merges."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field, fields
from typing import Any

from peft import LNTuningConfig, PeftModel, get_peft_model
from transformers import PreTrainedModel

from ..families.family import Cell, family_named, family_of
from .granularities import preset_named
from .mask import Mask


@dataclass
class MaskConfig(LNTuningConfig):
    """Train only the parts of a vision transformer whose bit is 1 (FairTune, ICLR 2024), and the head.

    A part is trained as PEFT's LN tuning trains a LayerNorm: as a copy of the module, saved whole. Every
    target is a leaf module, so that merging is exact.

    Args:
        mask: bits, block by block, or a preset: "linear", "layernorm", "attention", "mlp", "all".
        granularity: what a bit stands for; "paper36" has LayerNorms, attention, MLP of each block in this order.
        model_type: `config.model_type` of the model; names its modules.

    Example:
        >>> model = get_peft_model(model, MaskConfig(mask="attention"))
        >>> model.print_trainable_parameters()
    """

    mask: list[int] | str = field(default="linear", metadata={"help": "bits, or a preset"})
    granularity: str = field(default="paper36", metadata={"help": "what a bit stands for"})
    model_type: str = field(default="vit", metadata={"help": "architecture that names the modules"})

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.mask, str) and not set(self.mask) <= {"0", "1"}:
            cells: list[Cell] = [(None, kind) for kind in sorted(preset_named(self.mask))]
        else:
            bits = Mask(tuple(int(bit) for bit in self.mask), self.granularity)
            self.mask, cells = list(bits.bits), bits.cells()
        # Names are resolved here and at every load: bits outlive a renaming of modules in transformers.
        self.target_modules = family_named(self.model_type).pattern(cells)

    @classmethod
    def for_model(cls, model: PreTrainedModel, mask: Mask) -> MaskConfig:
        """Build the config of a mask for one model, whose number of blocks is checked.

        Raises:
            FairTuneError: the mask does not fit the model.
        """
        checked = Mask.of(mask, family_of(model).count(model), mask.granularity)
        return cls(mask=list(checked.bits), granularity=mask.granularity, model_type=model.config.model_type)

    @classmethod
    def from_peft_type(cls, **kwargs: Any) -> MaskConfig:
        """Build from a saved adapter's entries, so that `MaskConfig.from_pretrained` keeps the mask."""
        known = {entry.name for entry in fields(cls)}
        return cls(**{name: value for name, value in kwargs.items() if name in known})


def masked(model: PreTrainedModel, mask: Mask) -> PeftModel:
    """Wrap `model` by `get_peft_model` so that exactly the parts of `mask` and the head are trained."""
    with warnings.catch_warnings():
        # LN tuning copies modules whole, so that the sizes PEFT looks for in a LayerNorm do not matter.
        warnings.filterwarnings("ignore", "Unsupported layer type", UserWarning)
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
        return get_peft_model(model, MaskConfig.for_model(model, mask))
