"""Listening to layers in one backward pass: gradients of every row's log-odds, held against autograd's on two rows."""

from collections import Counter
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import FairTuneError
from .layer_gradients import Formula, by_row, formula_of
from .stable_rows import forward, probe
from .sums import Sums

# A layer's gradients are made for so many rows at once that they stay in the processor's cache.
CACHED = 2**22
# Of two ways to the same gradient; one that mixes up rows is wrong by its own size.
TOLERANCE = 1e-2
# Below this share of the largest gradient is rounding, such as of a key's bias, which the softmax ignores.
NOISE = 1e-5


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

    def sweep(
        self, pixels: Tensor, sums: Sums, dtype: torch.dtype | None = None, directions: Tensor | None = None
    ) -> None:
        """Give `sums` the gradients of the log-odds of every row, layer by layer from the last.

        Of a model with several logits they are the gradients of each row's sum of direction times logit; `directions`
        are [n, classes], those of `probe` where they are not given.
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
                outputs = forward(self.model, pixels, dtype, copies)
                sums.begin(outputs.detach())
                if outputs.requires_grad:
                    along = probe(self.model, outputs.detach()) if directions is None else directions.to(outputs)
                    (outputs * along).sum().backward()
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


def checked_taps(model: nn.Module, pixels: Tensor) -> Taps:
    """Return the taps of a model in evaluation mode, without those that disagree with autograd on one or two rows."""
    with torch.no_grad():
        alone, together = forward(model, pixels[:1]), forward(model, pixels)
    if not torch.allclose(alone, together[:1], rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True):
        raise FairTuneError(
            "the logits of an image change with the other images of its batch, even in evaluation mode; use a model "
            "without normalisation over the batch (or with running statistics)."
        )
    taps = Taps(model)
    taps.check_lone(pixels, together)
    # Each row has a sum of its own.
    sums = Sums(model, lambda row, margins: torch.eye(2)[:, : len(margins)])
    taps.sweep(pixels, sums)
    for row, image in enumerate(pixels.split(1)):
        truth = gradients_of(model, image, list(sums.values), probe(model, alone))
        largest = max(rms(exact) for exact in truth.values())
        for name, exact in truth.items():
            if not rms(sums.values[name][row].sqrt() - exact.abs()) <= TOLERANCE * rms(exact) + NOISE * largest:
                taps.unfit.add(name)
    return taps


def rms(values: Tensor) -> float:
    """Return the root mean square."""
    return float(values.square().mean().sqrt())


def gradients_of(
    model: nn.Module, pixels: Tensor, names: list[str], weights: Tensor, dtype: torch.dtype | None = None
) -> dict[str, Tensor]:
    """Return autograd's gradients of the weighted sum of what `forward` gives; 0 where a parameter is not used."""
    named = dict(model.named_parameters())
    parameters = [named[name].requires_grad_() for name in names]
    try:
        with torch.enable_grad():
            margins = forward(model, pixels, dtype)
            total = (margins * weights.to(margins)).sum()
            found = torch.autograd.grad(total, parameters, allow_unused=True, materialize_grads=True)
    finally:
        for parameter in parameters:
            parameter.requires_grad_(False)
    return dict(zip(names, found, strict=True))
