"""Listening to layers in one backward pass: gradients of every row's log-odds with respect to the parameters."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from .layer_gradients import Formula, by_row, formula_of
from .stable_rows import forward
from .sums import Sums

# A layer's gradients are made for so many rows at once that they stay in the processor's cache.
CACHED = 2**22


class Taps:
    """The layers with a formula, and the lone parameters that can be had by row.

    A lone parameter, such as a class token, belongs to no such layer. If its first dimension is 1, it is replaced by
    a copy for every row, whose gradient then is the row's. The model has no trainable parameters.
    """

    def __init__(self, model: nn.Module) -> None:
        self.model = model
        self.unfit: set[str] = set()
        self._calls: Counter[str] = Counter()
        owners = Counter(id(p) for m in model.modules() for p in m.parameters(recurse=False))
        shared = {name for name, p in model.named_parameters(remove_duplicate=False) if owners[id(p)] > 1}
        self.layers: dict[str, tuple[nn.Module, Formula]] = {}
        self.owned: dict[str, set[str]] = {}
        for name, module in model.named_modules():
            formula, own = formula_of(module), {f"{name}.{p}" for p, _ in module.named_parameters(recurse=False)}
            if formula and own and not own & shared:
                self.layers[name], self.owned[name] = (module, formula), own
        self.lone = {
            name: p
            for name, p in model.named_parameters()
            if p.ndim > 1 and len(p) == 1 and name not in shared and name.rpartition(".")[0] not in self.layers
        }

    def covered(self) -> set[str]:
        """Return the names of the parameters that can be had by row."""
        return set(self.lone).union(*self.owned.values()) - self.unfit

    def sweep(self, pixels: Tensor, sums: Sums, dtype: torch.dtype | None = None) -> None:
        """Give `sums` the gradients of the log-odds of every row, layer by layer from the last.

        Layers whose input is not made of rows, or that are called twice, are noted in `unfit`.
        """
        n = len(pixels)
        copies = {name: p.requires_grad_() for name, p in self._copies(n).items()}
        self._calls.clear()
        hooks = [
            module.register_forward_hook(partial(self._called, name, n, sums), with_kwargs=True)
            for name, (module, _) in self.layers.items()
        ]
        try:
            with torch.enable_grad():
                margins = forward(self.model, pixels, dtype, copies)
                sums.begin(margins.detach())
                if margins.requires_grad:
                    margins.sum().backward()
        finally:
            for hook in hooks:
                hook.remove()
        for name, copy in copies.items():
            if copy.grad is not None:
                sums.add(name, slice(0, n), copy.grad)

    def check_lone(self, pixels: Tensor, margins: Tensor) -> None:
        """Give up the lone parameters unless the log-odds stay `margins` when every row has its copy of them."""
        try:
            with torch.no_grad():
                again = forward(self.model, pixels, None, self._copies(len(pixels)))
        except RuntimeError:  # shapes that do not fit: the parameter is not merely broadcast over rows
            self.lone = {}
            return
        if not torch.allclose(again, margins, rtol=1e-3, atol=1e-4, equal_nan=True):
            self.lone = {}

    def _copies(self, n: int) -> dict[str, Tensor]:
        return {name: p.detach().expand(n, *p.shape[1:]) for name, p in self.lone.items()}

    def _called(self, name: str, n: int, sums: Sums, module: nn.Module, args: Any, kwargs: Any, output: Any) -> Tensor:
        """Listen to the gradient of a layer's output."""
        self._calls[name] += 1
        if self._calls[name] > 1:
            self.unfit |= self.owned[name]
        if not output.requires_grad:
            # The first layers: a copy, since what follows may change a non-leaf in place, not a leaf.
            output = output.detach().requires_grad_().clone()
        x = (*args, *kwargs.values())[0].detach()
        output.register_hook(partial(self._emit, name, n, sums, x))
        return output

    def _emit(self, name: str, n: int, sums: Sums, x: Tensor, g: Tensor) -> None:
        module, formula = self.layers[name]
        folded = by_row(formula, n, x, g)
        if folded is None:
            self.unfit |= self.owned[name]
            return
        step = max(1, CACHED // max(p.numel() for p in module.parameters(recurse=False)))
        for start in range(0, n, step):
            rows = slice(start, min(start + step, n))
            for parameter, gradients in formula(module, folded[0][rows], folded[1][rows]).items():
                sums.add(f"{name}.{parameter}", rows, gradients)
