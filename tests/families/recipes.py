"""The backbones that are tried, each in a size that runs in a blink."""

from dataclasses import dataclass
from typing import Any

# transformers' own sizes are given only where a small model needs others.
Sizes = dict[str, Any]
SMALL: Sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
SMALL_VIT = SMALL | {"intermediate_size": 16}
PATCHES = {"image_size": 32, "patch_size": 8}
TOWER = SMALL_VIT | PATCHES
WINDOWS = {"image_size": 32, "window_size": 4, "embed_dim": 8, "depths": [1, 1], "num_heads": [1, 2]}
FOUR = {"depths": [1, 1, 1, 1], "hidden_sizes": [8, 16, 16, 32], "num_attention_heads": [1, 1, 2, 2]}
MANY = {"depths": [1, 1], "hidden_sizes": [8, 16]}
LEVIT = {"image_size": 32, "hidden_sizes": [16, 16, 16], "num_attention_heads": [1, 1, 1], "depths": [1, 1, 1]}
TEACHER = "ForImageClassificationWithTeacher"


@dataclass(frozen=True)
class Recipe:
    """How a small model of one architecture is made.

    Args:
        kind: what its classes of transformers are called, without `Config` and `ForImageClassification`.
        arguments: of its configuration.
        head: module name of the layer that gives the logits; of two heads whose logits are averaged, both.
        size: image height and width in pixels.
        suffix: of the model's class.
        timm: the architecture is timm's, in transformers' wrapper; `arguments` are those of `timm.create_model`.
    """

    kind: str
    arguments: dict[str, Any]
    head: str | tuple[str, ...] = "classifier"
    size: int = 32
    suffix: str = "ForImageClassification"
    timm: bool = False


RECIPES: dict[str, Recipe] = {
    "vit": Recipe("ViT", TOWER),
    "deit": Recipe("DeiT", TOWER),
    "deit with teacher": Recipe("DeiT", TOWER, ("cls_classifier", "distillation_classifier"), suffix=TEACHER),
    "beit": Recipe("Beit", TOWER | {"use_relative_position_bias": True}),
    "data2vec-vision": Recipe("Data2VecVision", TOWER | {"use_relative_position_bias": True}),
    "dinov2": Recipe("Dinov2", SMALL | PATCHES | {"mlp_ratio": 1}),
    "dinov2_with_registers": Recipe("Dinov2WithRegisters", SMALL | PATCHES | {"mlp_ratio": 1}),
    "vit_msn": Recipe("ViTMSN", TOWER),
    "ijepa": Recipe("IJepa", TOWER),
    "vit_mae": Recipe("ViTMAE", TOWER),
    "swin": Recipe("Swin", WINDOWS),
    "swinv2": Recipe("Swinv2", WINDOWS | {"pretrained_window_sizes": [0, 0]}),
    "clip": Recipe("CLIP", {"vision_config": TOWER}),
    "siglip": Recipe("Siglip", {"vision_config": TOWER}),
    "siglip2": Recipe("Siglip2", {"vision_config": SMALL_VIT | {"patch_size": 8, "num_patches": 16}}),
    "metaclip_2": Recipe("MetaClip2", {"vision_config": TOWER}),
    "convnext": Recipe("ConvNext", MANY | {"image_size": 32, "num_stages": 2}),
    "convnextv2": Recipe("ConvNextV2", MANY | {"image_size": 32, "num_stages": 2}),
    "resnet": Recipe("ResNet", {"embedding_size": 8, "hidden_sizes": [8, 8], "depths": [1, 1]}, "classifier.1"),
    "regnet": Recipe("RegNet", MANY | {"embedding_size": 8, "groups_width": 4}, "classifier.1"),
    "efficientnet": Recipe(
        "EfficientNet",
        {"width_coefficient": 0.1, "depth_coefficient": 0.1, "hidden_dim": 128, "image_size": 32},
    ),
    "mobilenet_v1": Recipe("MobileNetV1", {"depth_multiplier": 0.1, "image_size": 32}),
    "mobilenet_v2": Recipe("MobileNetV2", {"depth_multiplier": 0.1, "image_size": 32}),
    "mobilevit": Recipe(
        "MobileViT",
        {"image_size": 32, "hidden_sizes": [8, 8, 8], "neck_hidden_sizes": [8, 8, 8, 8, 8, 8, 16]}
        | {"num_attention_heads": 2},
    ),
    "mobilevitv2": Recipe(
        "MobileViTV2",
        {"image_size": 64, "width_multiplier": 0.1, "n_attn_blocks": [1, 1, 1], "base_attn_unit_dims": [8, 8, 8]},
        size=64,
    ),
    "levit": Recipe("Levit", LEVIT, "classifier.linear"),
    "levit with teacher": Recipe("Levit", LEVIT, ("classifier.linear", "classifier_distill.linear"), suffix=TEACHER),
    "pvt": Recipe("Pvt", FOUR | {"image_size": 32, "mlp_ratios": [1, 1, 1, 1]}),
    "pvt_v2": Recipe("PvtV2", FOUR | {"image_size": 32, "mlp_ratios": [1, 1, 1, 1]}),
    "poolformer": Recipe("PoolFormer", {"depths": [1, 1, 1, 1], "hidden_sizes": [8, 8, 16, 16]}),
    "focalnet": Recipe(
        "FocalNet",
        {"image_size": 32, "embed_dim": 8, "depths": [1, 1], "hidden_sizes": [8, 16]}
        | {"focal_levels": [2, 2], "focal_windows": [3, 3]},
    ),
    "hiera": Recipe(
        "Hiera",
        {"image_size": [32, 32], "embed_dim": 8, "depths": [1, 1], "num_heads": [1, 2], "num_query_pool": 1}
        | {"masked_unit_size": [2, 2], "masked_unit_attention": [True, False]},
    ),
    "segformer": Recipe("Segformer", FOUR | {"mlp_ratios": [1, 1, 1, 1]}),
    "swiftformer": Recipe(
        "SwiftFormer",
        {"image_size": 32, "depths": [1, 1, 1, 1], "embed_dims": [8, 8, 16, 16], "mlp_ratio": 1},
        ("head", "dist_head"),
    ),
    "timm: resnet": Recipe("resnet18", {"channels": [8] * 4, "layers": [1] * 4}, "timm_model.fc", timm=True),
    "timm: vit": Recipe(
        "vit_tiny_patch16_224",
        {"img_size": 32, "patch_size": 8, "embed_dim": 16, "depth": 2, "num_heads": 2, "mlp_ratio": 1},
        "timm_model.head",
        timm=True,
    ),
    "timm: efficientnet": Recipe("test_efficientnet", {}, "timm_model.classifier", timm=True),
    "timm: convnext": Recipe(
        "convnext_atto", {"depths": [1] * 4, "dims": [8, 8, 16, 16]}, "timm_model.head.fc", timm=True
    ),
    "timm: densenet": Recipe(
        "densenet121", {"growth_rate": 4, "block_config": [1] * 4}, "timm_model.classifier", timm=True
    ),
}
