"""The layer of an image classifier whose output still has rows and columns: a feature map, or patch tokens."""

from typing import Any

import torch
from torch import Tensor, nn

from ..errors import FairTuneError
from ..losses.loss import margin

CONVOLUTIONAL = (nn.Conv2d, nn.BatchNorm2d, nn.GroupNorm)
ACTIVATIONS = (nn.ReLU, nn.ReLU6, nn.SiLU, nn.GELU, nn.Hardswish)


def feature_layer(model: nn.Module, pixels: Tensor) -> str:
    """Return the name of the last module with a feature map, or with patch tokens, that the log-odds depend on.

    The patch tokens that leave the last block of a transformer do not count where the head reads the class token only.
    """
    score, seen = looked_at(model, pixels)
    calls = [name for name, _ in seen]
    for name, output in reversed(seen):
        (gradient,) = torch.autograd.grad(score, output, retain_graph=True, allow_unused=True)
        if gradient is not None and calls.count(name) == 1 and over_the_grid(gradient).any():
            return name
    raise FairTuneError(
        "no layer with rows and columns of features moves the log-odds; leave maps out for this model."
    )


def looked_at(model: nn.Module, pixels: Tensor) -> tuple[Tensor, list[tuple[str, Tensor]]]:
    """Return the summed log-odds of some images, and every map on the way to them, by module in order of the calls."""
    seen: list[tuple[str, Tensor]] = []

    def keep(name: str, module: nn.Module, output: Any) -> None:
        if is_map(module, output) and output.requires_grad:
            seen.append((name, output))

    hooks = [
        module.register_forward_hook(lambda m, _, output, name=name: keep(name, m, output))
        for name, module in model.named_modules()
    ]
    try:
        with torch.enable_grad():
            return log_odds(model, pixels.detach().clone().requires_grad_()).sum(), seen
    finally:
        for hook in hooks:
            hook.remove()


def is_map(module: nn.Module, output: Any) -> bool:
    """Tell whether a module gives a feature map `(n, c, h, w)`, or normalised tokens `(n, t, d)` of a square grid."""
    if not isinstance(output, Tensor):
        return False
    if output.ndim == 3:
        return isinstance(module, nn.LayerNorm) and grid_side(output) > 0
    kinds = any(isinstance(inner, CONVOLUTIONAL) for inner in module.modules()) or isinstance(module, ACTIVATIONS)
    return output.ndim == 4 and min(output.shape[2:]) > 1 and kinds


def log_odds(model: Any, pixels: Tensor) -> Tensor:
    """Return the log-odds of class 1, shape `(n,)`."""
    output = model(pixels)
    return margin(getattr(output, "logits", output))


def over_the_grid(values: Tensor) -> Tensor:
    """Lay tokens `(n, t, d)` out as `(n, d, rows, columns)` without class tokens; leave a feature map as it is."""
    if values.ndim == 4:
        return values
    side = grid_side(values)
    return values[:, -side * side :].transpose(1, 2).unflatten(2, (side, side))


def grid_side(tokens: Tensor) -> int:
    """Return the side of the square of patch tokens that at most two others precede, or 0 where there is none."""
    sides = [int((tokens.shape[1] - others) ** 0.5) for others in (0, 1, 2)]
    return next((s for others, s in enumerate(sides) if s > 1 and s * s + others == tokens.shape[1]), 0)
