"""Lets torchvision be imported where its compiled part does not load, as beside a torch of another build.

timm needs it, and transformers' Trainer imports it where it finds it.
"""

import torch

try:
    import torchvision  # noqa: F401
except ImportError:
    pass
except RuntimeError:  # an operator that only the compiled part has
    LIBRARY = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        LIBRARY.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
