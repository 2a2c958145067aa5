"""Training under a soft mask in a stock Trainer: every weight makes only its share of each optimizer step."""

import logging
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from accelerate.state import AcceleratorState
from torch import Tensor, nn
from torch.distributed.tensor import DTensor
from transformers import TrainerCallback, TrainerState

from ..errors import FairTuneError

logger = logging.getLogger(__name__)

MASK_ON = ("update", "gradient")
SHARDED = {"DEEPSPEED", "FSDP", "MEGATRON_LM"}


class SoftMaskCallback(TrainerCallback):
    """Scale what each optimizer step does to every weight by a mask in [0, 1] (SWiFT, eq. 11).

    On the update: a step from w to w' ends at w + mask * (w' - w). A mask of 0 leaves a weight bit for bit where it
    was, whatever momentum and weight decay say; a mask of 1 is the plain step, bit for bit. On the gradient, as in
    the paper: the gradient is multiplied once per step, after accumulation and clipping. The two are the same for
    plain SGD; Adam divides a constant scale of the gradient out again, and weight decay does not see it at all.
    Costs the memory of the mask, and on the update of one more copy of the masked weights.

    Args:
        mask: parameter name, as in `model.named_parameters()`, -> values in [0, 1] of the parameter's shape.
            Parameters without a mask move freely; frozen ones stay frozen.
        mask_on: "update" or "gradient".

    Raises:
        FairTuneError: an unknown `mask_on`, no mask of any parameter, or values that are NaN or outside [0, 1]; when
            training begins: a name that the model lacks, another shape, parameters sharded over several processes, or
            a share of a step of a parameter in half precision, which its rounding would swallow.

    Example:
        >>> trainer = Trainer(model, args, train_dataset=data, callbacks=[SoftMaskCallback(mask)])
    """

    def __init__(self, mask: Mapping[str, Tensor], mask_on: str = "update") -> None:
        if mask_on not in MASK_ON:
            raise FairTuneError(f"`mask_on` is {mask_on!r}; choose from {', '.join(MASK_ON)}.")
        if not isinstance(mask, Mapping) or not mask:
            given = "empty" if isinstance(mask, Mapping) else f"of type {type(mask).__name__}"
            raise FairTuneError(f"The mask is {given}; pass a mapping of parameter names to values in [0, 1].")
        self.mask = {plain_name(name): checked(name, values) for name, values in mask.items()}
        self.mask_on = mask_on
        self._parameters: list[tuple[Tensor, Tensor]] = []
        self._snapshots: list[Tensor] = []

    def on_train_begin(self, args: Any, state: TrainerState, *_: Any, **objects: Any) -> None:
        """Match the mask with the model's parameters."""
        self._parameters = self._matched(objects["model"])
        if self.mask_on == "gradient" and state.is_world_process_zero:
            warn_of_gradient_mask(objects["optimizer"])
        # One buffer a parameter, filled before each step.
        self._snapshots = [torch.empty_like(p) for p, _ in self._parameters] if self.mask_on == "update" else []

    @torch.no_grad()
    def on_pre_optimizer_step(self, *_: Any, **__: Any) -> None:
        """Keep the weights as they are, or scale the gradients, which are final now."""
        if self.mask_on == "update":
            for (parameter, _mask), snapshot in zip(self._parameters, self._snapshots, strict=True):
                snapshot.copy_(parameter)
        else:
            for parameter, mask in self._parameters:
                if parameter.grad is not None:
                    parameter.grad.mul_(mask.to(parameter.grad.dtype))

    @torch.no_grad()
    def on_optimizer_step(self, *_: Any, **__: Any) -> None:
        """Take back the part of the step that the mask withholds."""
        # `lerp` is exact at 0 and at 1, which w + mask * (w' - w) is not.
        for (parameter, mask), snapshot in zip(self._parameters, self._snapshots, strict=False):
            parameter.copy_(snapshot.lerp_(parameter, mask))

    def on_train_end(self, *_: Any, **__: Any) -> None:
        """Let go of parameters and snapshots."""
        self._parameters, self._snapshots = [], []

    def _matched(self, model: nn.Module) -> list[tuple[Tensor, Tensor]]:
        """Pair every trainable parameter with its mask, on its device and in its type."""
        parameters = {plain_name(name): parameter for name, parameter in model.named_parameters()}
        refuse_sharded(parameters.values(), "A soft mask")
        for name, mask in self.mask.items():
            if name not in parameters:
                raise FairTuneError(f"The mask names `{name}`, which the model lacks; make the mask from this model.")
            wanted = tuple(parameters[name].shape)
            if tuple(mask.shape) != wanted:
                raise FairTuneError(
                    f"The mask of `{name}` has shape {tuple(mask.shape)} but the parameter has {wanted}; "
                    "make the mask from this model."
                )
        trained = {name: parameter for name, parameter in parameters.items() if parameter.requires_grad}
        shares = {name for name, mask in self.mask.items() if ((mask > 0) & (mask < 1)).any()}
        refuse_half({name: parameter for name, parameter in trained.items() if name in shares})
        return [(p, self.mask[n].to(p.device, p.dtype)) for n, p in trained.items() if n in self.mask]


def refuse_sharded(parameters: Iterable[Tensor], what: str) -> None:
    """Refuse parameters that are divided among processes, naming what needs them whole."""
    kind = AcceleratorState().distributed_type.value
    if kind in SHARDED or any(isinstance(parameter, DTensor) for parameter in parameters):
        raise FairTuneError(
            f"{what} needs whole parameters but they are sharded ({kind}); train with DDP or on one device."
        )


def refuse_half(parameters: Mapping[str, Tensor]) -> None:
    """Refuse parameters in which a small share of a step is lost: bfloat16 tells 1 from 1.008, float16 from 1.001."""
    half = [name for name, parameter in parameters.items() if parameter.dtype in (torch.bfloat16, torch.float16)]
    if half:
        kind = str(parameters[half[0]].dtype).removeprefix("torch.")
        raise FairTuneError(
            f"`{half[0]}` is {kind}, whose rounding swallows the share of a step that a soft mask leaves; load the "
            "model with dtype=torch.float32, and train with bf16=True for speed."
        )


def plain_name(name: str) -> str:
    """Return a parameter's name without what DistributedDataParallel and torch.compile put into it."""
    return name.replace("_orig_mod.", "").removeprefix("module.")


def checked(name: str, values: Tensor) -> Tensor:
    """Return a mask as float32; refuse values that are NaN or outside [0, 1]."""
    mask = torch.as_tensor(values, dtype=torch.float32).detach()
    if not ((mask >= 0) & (mask <= 1)).all():
        raise FairTuneError(f"The mask of `{name}` has values that are NaN or outside [0, 1]; pass shares of a step.")
    return mask


def warn_of_gradient_mask(optimizer: Any) -> None:
    """Log once where a mask on the gradient does not scale the step."""
    optimizer = getattr(optimizer, "optimizer", optimizer)
    decays = any(group.get("weight_decay", 0) for group in optimizer.param_groups)
    if not isinstance(optimizer, torch.optim.SGD) or decays:
        logger.warning(
            "`mask_on='gradient'` does not scale the steps of %s%s: adaptive optimizers divide a constant scale out "
            "and decay ignores it. Use mask_on='update', or SGD without weight decay.",
            type(optimizer).__name__,
            " with weight decay" if decays else "",
        )
