"""A mask by layer, against sorting and summing."""

import pytest
import torch
from transformers import ViTForImageClassification

from hf_fairtune.masks.layers import layer_of, mask_layers
from hf_fairtune.masks.soft_mask import soft_mask
from tests.masks.importances import drawn, of


@pytest.mark.parametrize(
    ("name", "layer"),
    [
        ("vit.layers.3.attention.q_proj.weight", "vit.layers.3"),
        ("vit.embeddings.cls_token", "vit.embeddings"),
        ("vit.embeddings.patch_embeddings.projection.weight", "vit.embeddings"),
        ("vit.layernorm.bias", "vit.layernorm"),
        ("classifier.weight", "classifier"),
        ("resnet.encoder.stages.0.layers.1.layer.0.convolution.weight", "resnet.encoder.stages.0"),
        ("mobilenet_v2.conv_stem.first_conv.convolution.weight", "mobilenet_v2.conv_stem"),
        ("mobilenet_v2.layer.12.expand_1x1.convolution.weight", "mobilenet_v2.layer.12"),
        ("features.denseblock1.denselayer3.norm1.weight", "features.denseblock1"),
        ("timm_model.features.denseblock1.denselayer3.norm1.weight", "timm_model.features.denseblock1"),
        ("timm_model.classifier.weight", "timm_model.classifier"),
        ("layer1.0.conv1.weight", "layer1.0"),
        ("dinov2.embeddings.mask_token", "dinov2.embeddings"),
        ("weight", "weight"),
    ],
)
def test_layer_of_a_parameter(name: str, layer: str) -> None:
    assert layer_of(name) == layer


def quantile(values: list[float], share: float) -> float:
    """Return a quantile between the two nearest ranks."""
    ranked = sorted(values)
    at = share * (len(ranked) - 1)
    low = int(at)
    return ranked[low] + (at - low) * (ranked[min(low + 1, len(ranked) - 1)] - ranked[low])


def test_layers(vit: ViTForImageClassification) -> None:
    importance = drawn(vit)
    mask = soft_mask(importance)
    rows = mask_layers(mask, importance)
    layers = [row.layer for row in rows]
    assert layers == ["vit.embeddings", *(f"vit.layers.{i}" for i in range(3)), "vit.layernorm", "classifier"]
    assert sum(row.parameters for row in rows) == sum(p.numel() for p in vit.parameters())
    for row in rows:
        names = [name for name in mask if name.startswith(row.layer + ".")]
        values = [value for name in names for value in mask[name].flatten().tolist()]
        assert row.parameters == len(values)
        assert row.mean == pytest.approx(sum(values) / len(values))
        for key, share in (("low", 0.1), ("median", 0.5), ("high", 0.9)):
            assert getattr(row, key) == pytest.approx(quantile(values, share), abs=1e-6)
        for key, side in (("prediction", importance.prediction), ("bias", importance.bias)):
            assert getattr(row, key) == pytest.approx(sum(v for n in names for v in side[n].flatten().tolist()))


def test_a_tensor_larger_than_torch_quantile_takes() -> None:
    """2**24 values and one more, of which a tenth and two are 1."""
    n = 2**24 + 1
    values = torch.zeros(n, dtype=torch.bfloat16)
    values[: n // 10 + 2] = 1
    (row,) = mask_layers({"fc.weight": values}, of({"fc.weight": values}, {"fc.weight": values}))
    assert (row.parameters, row.low, row.median, row.high) == (n, 0.0, 0.0, pytest.approx(1.0))
    assert row.mean == pytest.approx(0.1, rel=1e-6)
