"""The PEFT config of a mask; its adapter is an ordinary one, which stock PEFT loads and merges."""

from __future__ import annotations

import copy
import json
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from peft import LNTuningConfig, PeftConfig, PeftModel, PeftType, get_peft_model
from peft.mapping import PEFT_TYPE_TO_TUNER_MAPPING
from peft.tuners.ln_tuning.model import LNTuningModel
from peft.tuners.tuners_utils import BaseTunerLayer
from torch import nn
from transformers import PreTrainedModel
from transformers.utils import cached_file

from ..errors import FairTuneError
from ..families.family import family_of, model_type_of
from .eval_mode import hold_statistics
from .granularities import AUTO
from .mask import Mask, apply_mask
from .space import UNITS, Space, space_of
from .units_file import read_units

# Of a config that no model has resolved yet; PEFT looks its tuner up by this name.
UNRESOLVED = "FAIRTUNE_MASK"
# Beside `adapter_config.json`, which holds what stock PEFT knows.
MASK_FILE = "mask.json"
TIMM = "timm_wrapper"


@dataclass
class MaskConfig(LNTuningConfig):
    """Train only the units of an image classifier whose bit is 1 (FairTune, ICLR 2024), and the head.

    A unit is trained as PEFT's LN tuning trains a LayerNorm: as copies of its modules, saved whole. Every target is a
    leaf module, so that merging is exact. The names are resolved when PEFT puts the config into a model.

    Args:
        mask: bits, unit by unit, or a preset: "linear", "layernorm", "attention", "mlp", "norm", "convolution", "all".
        granularity: what a bit stands for; "auto" is "paper36" on a plain transformer: LayerNorms, attention, MLP of
            each block in this order.
        units: a user's own units, name -> names of parameters; they stand for those of the granularity.

    Raises:
        FairTuneError: `target_modules` are given, or `units` and a granularity; in `get_peft_model`: the mask does not
            fit the model, the model has an adapter already, or PEFT cannot copy a module of the mask, which
            `apply_mask` can train.

    Example:
        >>> model = get_peft_model(model, MaskConfig(mask="attention"))
        >>> model.print_trainable_parameters()
    """

    mask: list[int] | str = field(default="linear", metadata={"help": "bits, or a preset"})
    granularity: str = field(default=AUTO, metadata={"help": "what a bit stands for"})
    units: dict[str, list[str]] | None = field(default=None, metadata={"help": "a user's own units"})

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.target_modules is not None:
            raise FairTuneError("`target_modules` is given beside `mask`, which names the modules; leave it out.")
        if self.units and self.granularity not in (AUTO, UNITS):
            raise FairTuneError(f"`granularity` is {self.granularity!r} beside `units`; leave one of them out.")
        if isinstance(self.mask, Mask):
            self.granularity, self.mask = self.mask.granularity, list(self.mask.bits)
        if not isinstance(self.mask, str | list | tuple):
            raise FairTuneError(f'`mask` is {self.mask!r}; pass bits, or a preset such as "attention".')
        if not isinstance(self.mask, str) or set(self.mask) <= {"0", "1"}:
            self.mask = list(Mask(tuple(int(bit) for bit in self.mask)).bits)
        self.peft_type: Any = UNRESOLVED

    @classmethod
    def for_model(cls, model: nn.Module, mask: Mask | str | Sequence[int], space: Space | None = None) -> MaskConfig:
        """Build the config of a mask for one model, which is checked.

        Raises:
            FairTuneError: the mask does not fit the model.
        """
        space = space or space_of(model, mask.granularity if isinstance(mask, Mask) else AUTO)
        own = {unit.name: [*unit.parameters] for unit in space.units} if space.granularity == UNITS else None
        granularity = UNITS if own else space.granularity
        return cls(mask=list(Mask.of(mask, space).bits), granularity=granularity, units=own)

    def resolved(self, model: nn.Module) -> MaskConfig:
        """Return a config of LN tuning that names the modules of a plain model that the mask trains."""
        refuse_adapter(model)
        names = [name for name, _ in model.named_parameters()]
        own = () if self.units is None else read_units(json.dumps(self.units), names)
        space = space_of(model, AUTO if own else self.granularity, own)
        bits = Mask.of(self.mask, space).bits
        trained = space.trained(bits)
        if bare := uncopied(model, trained):
            raise FairTuneError(
                f"`{bare[0]}` is not trainable as a copy of its module, as PEFT's LN tuning does; train the mask by "
                "`apply_mask(model, mask)`."
            )
        modules = sorted({name.rpartition(".")[0] for name in trained})
        found = copy.copy(self)
        found.mask, found.granularity = list(bits), space.granularity
        found.units = {unit.name: [*unit.parameters] for unit in space.units}
        found.target_modules, found.peft_type = "|".join(map(re.escape, modules)), PeftType.LN_TUNING
        return found

    def save_pretrained(self, save_directory: str, auto_mapping_dict: dict[str, str] | None = None) -> None:
        """Write `adapter_config.json` as of LN tuning, and the mask with its units beside it."""
        own = {entry.name for entry in fields(LNTuningConfig)} - {"peft_type"}
        stock = LNTuningConfig(**{name: getattr(self, name) for name in own if getattr(self, name) is not None})
        stock.save_pretrained(save_directory, auto_mapping_dict=auto_mapping_dict)
        content = {"mask": self.mask, "granularity": self.granularity, "units": self.units}
        (Path(save_directory) / MASK_FILE).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str,
        subfolder: str | None = None,
        *,
        revision: str | None = None,
        token: str | None = None,
        cache_dir: str | None = None,
    ) -> MaskConfig:
        """Read the mask of an adapter, from a folder or the Hub.

        Raises:
            OSError: there is no adapter of a mask.
        """
        where = {"revision": revision, "token": token, "cache_dir": cache_dir}
        path = cached_file(pretrained_model_name_or_path, MASK_FILE, subfolder=subfolder or "", **where)
        content = json.loads(Path(str(path)).read_text(encoding="utf-8"))
        # The units of a granularity are found in the model, whose modules may have other names by now.
        own = content["units"] if content["granularity"] == UNITS else None
        return cls(mask=content["mask"], granularity=content["granularity"], units=own)


class MaskTuner(LNTuningModel):
    """PEFT's LN tuning, of the modules that a mask names; frozen batch norms keep their statistics."""

    def _pre_injection_hook(self, model: nn.Module, config: Any, adapter_name: str) -> None:
        # The user's own config stays as it is, for the next model.
        self.peft_config[adapter_name] = config.resolved(model)
        hold_statistics(model)


# What `register_peft_method` does for names of PEFT's own; adapters are saved under one of these.
PEFT_TYPE_TO_TUNER_MAPPING[UNRESOLVED] = MaskTuner


def refuse_adapter(model: nn.Module) -> None:
    """Refuse a model that has an adapter of PEFT already."""
    if any(isinstance(module, BaseTunerLayer) for module in model.modules()):
        raise FairTuneError("the model has an adapter already; merge it first, by `merge_and_unload()`.")


def uncopied(model: nn.Module, names: set[str]) -> list[str]:
    """List those of some parameters that PEFT cannot train as copies of modules.

    A copy is of a leaf with a weight that is trained whole, in a model of transformers whose family allows it: other
    code may read a layer's weight, of which there are two then, in place of calling it.
    """
    if not (isinstance(model, PreTrainedModel) and type(model).__module__.startswith("transformers.models.")):
        return sorted(names)
    if not family_of(model).copies or model_type_of(model) == TIMM:
        return sorted(names)
    modules = dict(model.named_modules())
    found = []
    for name in sorted(names):
        module = modules[place := name.rpartition(".")[0]]
        whole = all(f"{place}.{own}" in names for own, _ in module.named_parameters())
        is_leaf = not any(True for _ in module.children()) and hasattr(module, "weight")
        if not (place and is_leaf and whole):
            found.append(name)
    return found


def masked(model: Any, mask: Mask | str | Sequence[int], space: Space | None = None) -> Any:
    """Return `model` so that exactly the units of `mask` and the head are trained.

    Returns:
        A `PeftModel`; or the model itself with `requires_grad` set, where PEFT cannot copy a module of it.
    """
    refuse_adapter(model)
    space = space or space_of(model, mask.granularity if isinstance(mask, Mask) else AUTO)
    chosen = Mask.of(mask, space)
    if uncopied(model, space.trained(chosen.bits)):
        return apply_mask(model, chosen, space)
    return adapted(model, MaskConfig.for_model(model, chosen, space))


def adapted(model: Any, config: PeftConfig) -> PeftModel:
    """Return `model` under a config by `get_peft_model`, without warnings that ask for nothing."""
    with warnings.catch_warnings():
        # LN tuning copies modules whole, so that the sizes PEFT looks for in a LayerNorm do not matter.
        warnings.filterwarnings("ignore", "Unsupported layer type", UserWarning)
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
        return get_peft_model(model, config)
