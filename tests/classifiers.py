"""Tiny image classifiers of several kinds, with their image processors."""

from typing import Any

import torch
from transformers import (
    MobileNetV2Config,
    MobileNetV2ForImageClassification,
    ResNetConfig,
    ResNetForImageClassification,
)
from transformers.models.convnext.image_processing_pil_convnext import ConvNextImageProcessorPil
from transformers.models.mobilenet_v2.image_processing_pil_mobilenet_v2 import MobileNetV2ImageProcessorPil
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

from tests.conftest import tiny_vit


def vit(classes: int) -> tuple[Any, Any]:
    return tiny_vit(num_labels=classes), ViTImageProcessorPil(size={"height": 16, "width": 16})


def resnet(classes: int) -> tuple[Any, Any]:
    torch.manual_seed(0)
    config = ResNetConfig(embedding_size=8, hidden_sizes=[8, 8], depths=[1, 1], num_labels=classes)
    return ResNetForImageClassification(config).eval(), ConvNextImageProcessorPil(size={"shortest_edge": 32})


def mobilenet(classes: int) -> tuple[Any, Any]:
    torch.manual_seed(0)
    config = MobileNetV2Config(depth_multiplier=0.1, image_size=32, num_labels=classes, last_hidden_size=16)
    sizes = {"size": {"shortest_edge": 36}, "crop_size": {"height": 32, "width": 32}}
    return seeing(MobileNetV2ForImageClassification(config)), MobileNetV2ImageProcessorPil(**sizes)


def seeing(model: Any) -> Any:
    """Give a random network the statistics of random images, without which its features fade away."""
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None
    model.train()(torch.randn(32, 3, 32, 32))
    torch.nn.init.normal_(model.classifier.weight, std=0.05)
    return model.eval()
