"""A mask by layer: where a model may move, and the importances behind it."""

from collections.abc import Mapping

import numpy as np
from torch import Tensor

from ..document.run import MaskLayer
from ..importance.importance import Importance


def mask_layers(mask: Mapping[str, Tensor], importance: Importance) -> list[MaskLayer]:
    """Return one entry a layer, in the order of a mask that was made from these importances."""
    members: dict[str, list[str]] = {}
    for name in mask:
        members.setdefault(layer_of(name), []).append(name)
    layers = []
    for layer, names in members.items():
        # NumPy, because torch.quantile takes at most 16 million values.
        values = np.concatenate([mask[name].detach().float().cpu().numpy().ravel() for name in names])
        low, median, high = np.quantile(values, [0.1, 0.5, 0.9]).tolist()
        sides = importance.prediction, importance.bias
        prediction, bias = (float(sum(side[name].double().sum() for name in names)) for side in sides)
        mean = float(values.mean(dtype=np.float64))
        layers.append(MaskLayer(layer, int(values.size), mean, low, median, high, prediction, bias))
    return layers


def layer_of(name: str) -> str:
    """Return the layer of a parameter: its name up to the first number, else its first two parts.

    A number is a part of its own (`vit.layers.3`), or ends a part below the first (`features.denseblock1`).
    """
    parts = name.split(".")[:-1] or [name]
    numbers = [i for i, part in enumerate(parts) if part.isdecimal()]
    endings = [i for i, part in enumerate(parts) if i > 0 and part[-1:].isdecimal()]
    return ".".join(parts[: next(iter(numbers + endings), 1) + 1])
