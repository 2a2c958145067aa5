"""Which gradients are rounding: those that are 0 in exact arithmetic, as of the bias of an attention's keys."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from .stable_rows import forward, probe

# Rounding shrinks by 2e-9 from float32 to float64, and a gradient that is not 0 stays: half-way in digits.
SHRINKS = (torch.finfo(torch.float64).eps / torch.finfo(torch.float32).eps) ** 0.5


class DoublePrecision(TorchFunctionMode):
    """Casts to float32 inside a model, as of its softmax, go to float64 for a while."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Iterable[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Call with float64 in place of float32."""
        func = torch.Tensor.double if func is torch.Tensor.float else func
        wider = {name: wide(value) for name, value in (kwargs or {}).items()}
        return func(*map(wide, args), **wider)


def wide(value: Any) -> Any:
    """Return float64 for float32, and anything else as it is."""
    return torch.float64 if value is torch.float32 else value


def rounding(model: nn.Module, pixels: Tensor) -> dict[str, Tensor]:
    """Tell which entries of the parameters have a gradient of the log-odds, or logits, that vanishes with precision.

    The gradients of each image, and of its mirror image, are taken in float32 and in float64, on the CPU whatever
    the model's device and type. An entry is rounding where the absolute values of the second add up to less
    than `SHRINKS` of those of the differences. A true gradient is the same in both however small it is, and one that
    no image reaches is 0 in both, so that neither is rounding.

    Args:
        model: in evaluation mode; left as it was.
        pixels: a few images, [n, channels, height, width].

    Returns:
        Parameter name -> True where it is rounding, of the parameter's shape.
    """
    sizes = {name: torch.zeros(2, *values.shape) for name, values in model.named_parameters()}
    for image in torch.cat([pixels, pixels.flip(-1)]).split(1):
        single = gradients_in(torch.float32, model, image)
        with DoublePrecision():
            double = gradients_in(torch.float64, model, image)
        for name, exact in double.items():
            sizes[name] += torch.stack([exact, single[name].double() - exact]).abs_()
    return {name: exact < SHRINKS * error for name, (exact, error) in sizes.items()}


def gradients_in(dtype: torch.dtype, model: nn.Module, pixels: Tensor) -> dict[str, Tensor]:
    """Return autograd's gradients of the sum of log-odds (see `probe`), calculated on the CPU in `dtype`."""

    def cast(values: Tensor) -> Tensor:
        return values.detach().to("cpu", dtype if values.is_floating_point() else values.dtype)

    parameters = {name: cast(values).requires_grad_() for name, values in model.named_parameters()}
    buffers = {name: cast(values) for name, values in model.named_buffers()}
    with torch.enable_grad():
        outputs = forward(model, cast(pixels), None, {**parameters, **buffers})
        total = (outputs * probe(model, outputs)).sum()
        found = torch.autograd.grad(total, list(parameters.values()), allow_unused=True, materialize_grads=True)
    return dict(zip(parameters, found, strict=True))
