"""Gradients of a layer's parameters by row, from the layer's input and the gradient of its output.

Each formula takes the module, its input x and the gradient g, both with the n rows first, and gives [n, *shape] for
the parameters by name. Formulas are found by the `forward` of the module's class, so that a subclass that computes
something else has none.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.grad import conv2d_weight

Gradients = dict[str, Tensor]
Formula = Callable[[Any, Tensor, Tensor], Gradients]


def linear(module: nn.Linear, x: Tensor, g: Tensor) -> Gradients:
    """Return Σ_t g_t x_tᵀ over the positions t, and Σ_t g_t."""
    n = len(x)
    x, g = x.reshape(n, -1, x.shape[-1]).to(g.dtype), g.reshape(n, -1, g.shape[-1])
    gradients = {"weight": torch.bmm(g.mT, x)}
    return gradients if module.bias is None else {**gradients, "bias": g.sum(1)}


def convolution(module: nn.Conv2d, x: Tensor, g: Tensor) -> Gradients:
    """Return what a backward pass gives, row after row: faster than one product over unfolded patches."""
    padding: Any = module.padding
    if isinstance(padding, str):
        x, padding = F.pad(x, module._reversed_padding_repeated_twice), 0
    shape, options = module.weight.shape, (module.stride, padding, module.dilation, module.groups)
    pairs = zip(x.to(g.dtype).split(1), g.split(1), strict=True)
    gradients = {"weight": torch.stack([conv2d_weight(row, shape, slope, *options) for row, slope in pairs])}
    return gradients if module.bias is None else {**gradients, "bias": g.sum((2, 3))}


def layer_norm(module: nn.LayerNorm, x: Tensor, g: Tensor) -> Gradients:
    """Return Σ_t g_t x̂_t and Σ_t g_t, x̂ normalised."""
    normal = F.layer_norm(x, module.normalized_shape, eps=module.eps)
    positions = tuple(range(1, x.ndim - len(module.normalized_shape)))
    return summed(normal, g, positions)


def batch_norm(module: nn.BatchNorm2d, x: Tensor, g: Tensor) -> Gradients:
    """Return Σ_t g_t x̂_t and Σ_t g_t, x̂ normalised by the running statistics."""
    normal = F.batch_norm(x, module.running_mean, module.running_var, eps=module.eps)
    return summed(normal, g, tuple(range(2, x.ndim)))


def group_norm(module: nn.GroupNorm, x: Tensor, g: Tensor) -> Gradients:
    """Return Σ_t g_t x̂_t and Σ_t g_t, x̂ normalised by group of channels."""
    return summed(F.group_norm(x, module.num_groups, eps=module.eps), g, tuple(range(2, x.ndim)))


def summed(normal: Tensor, g: Tensor, positions: tuple[int, ...]) -> Gradients:
    """Return the gradients of scale and shift after a normalisation."""
    scaled = normal.to(g.dtype).mul_(g)
    return {
        "weight": scaled.sum(positions) if positions else scaled,
        "bias": g.sum(positions) if positions else g.clone(),
    }


def embedding(module: nn.Embedding, x: Tensor, g: Tensor) -> Gradients:
    """Return the sum of g over the places where an entry is looked up."""
    n, (entries, size) = len(x), module.weight.shape
    offsets = torch.arange(n, device=x.device).unsqueeze(1) * entries
    places = (x.reshape(n, -1) + offsets).flatten()
    flat = g.new_zeros(n * entries, size).index_add_(0, places, g.reshape(-1, size))
    if module.padding_idx is not None:
        flat.view(n, entries, size)[:, module.padding_idx] = 0
    return {"weight": flat.view(n, entries, size)}


FORMULAS: dict[Any, Formula] = {
    nn.Linear.forward: linear,
    nn.Conv2d.forward: convolution,
    nn.LayerNorm.forward: layer_norm,
    nn.BatchNorm2d.forward: batch_norm,
    nn.GroupNorm.forward: group_norm,
    nn.Embedding.forward: embedding,
}
# Sums over positions, which a model may have folded into the rows, as windows are.
FOLDABLE = (linear, layer_norm, embedding)


def formula_of(module: nn.Module) -> Formula | None:
    """Return the formula of a module; None where its class, or what was hung on it, computes something else."""
    if "forward" in vars(module):
        return None
    if isinstance(module, nn.Conv2d) and module.padding_mode != "zeros":
        return None
    return FORMULAS.get(type(module).forward)


def by_row(formula: Formula, n: int, x: Tensor, g: Tensor) -> tuple[Tensor, Tensor] | None:
    """Bring n to the front of both; None where the first dimension is not made of the rows."""
    if len(x) == n == len(g):
        return x, g
    if formula not in FOLDABLE or len(x) % n or len(g) != len(x):
        return None
    return x.reshape(n, -1, *x.shape[1:]), g.reshape(n, -1, *g.shape[1:])
