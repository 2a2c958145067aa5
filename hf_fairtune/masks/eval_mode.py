"""Batch normalisation and dropout kept in evaluation mode while the rest of a model trains."""

from typing import Any

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd
from torch.utils.hooks import RemovableHandle
from transformers import TrainerCallback

from ..errors import FairTuneError

# Stochastic depth has no class in torch; timm, transformers and torchvision each call theirs by one of these names.
DEPTH_NAMES = ("DropPath", "StochasticDepth")


class EvalModeCallback(TrainerCallback):
    """Keep normalisation and dropout modules of a model in evaluation mode during training, in a stock Trainer.

    Batch statistics of a small, balanced set then never reach the running statistics of a BatchNorm, which stay bit
    for bit. The affine weights of the modules train as ever.

    Args:
        batch_norm: hold every BatchNorm (1d, 2d, 3d, synchronised).
        dropout: hold every Dropout and stochastic-depth module. Dropout that attention computes without a module
            (`config.attention_probs_dropout_prob`) is not reached.
        within: name of the submodule to look in, as in `model.named_modules()`; None is the whole model.

    Raises:
        FairTuneError: when training begins, a `within` that the model lacks.

    Example:
        >>> trainer = Trainer(model, args, train_dataset=data, callbacks=[EvalModeCallback()])
    """

    def __init__(self, batch_norm: bool = True, dropout: bool = False, within: str | None = None) -> None:
        self.batch_norm = batch_norm
        self.dropout = dropout
        self.within = within
        self._hooks: list[RemovableHandle] = []

    def on_train_begin(self, *_: Any, **objects: Any) -> None:
        """Hook the modules: the Trainer puts the whole model into training mode at every step."""
        self.on_train_end()
        modules, within = dict(objects["model"].named_modules()), self.within or ""
        if within not in modules:
            raise FairTuneError(f"`within` is {self.within!r}, which the model lacks; name one of its modules.")
        held = [module for module in modules[within].modules() if self._holds(module)]
        self._hooks = [module.register_forward_pre_hook(into_eval) for module in held]

    def on_train_end(self, *_: Any, **__: Any) -> None:
        """Remove the hooks."""
        for hook in self._hooks:
            hook.remove()
        self._hooks = []

    def _holds(self, module: nn.Module) -> bool:
        drops = isinstance(module, _DropoutNd) or type(module).__name__.endswith(DEPTH_NAMES)
        return (self.batch_norm and isinstance(module, _BatchNorm)) or (self.dropout and drops)


def into_eval(module: nn.Module, _: Any) -> None:
    """Put a module into evaluation mode just before it runs."""
    module.eval()


def hold_statistics(model: nn.Module) -> None:
    """Keep the running statistics of every BatchNorm of a model whose own parameters are frozen, from now on."""
    for module in model.modules():
        if isinstance(module, _BatchNorm) and into_eval_if_frozen not in module._forward_pre_hooks.values():
            module.register_forward_pre_hook(into_eval_if_frozen)


def into_eval_if_frozen(module: nn.Module, _: Any) -> None:
    """Put a module none of whose parameters is trained into evaluation mode just before it runs."""
    if not any(parameter.requires_grad for parameter in module.parameters()):
        module.eval()
