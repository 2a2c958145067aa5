"""DenseNet-121, which only timm has: its head, its classes, its size, saved and loaded."""

from typing import Any

import pytest
import torch
from transformers import AutoModelForImageClassification, TimmWrapperConfig

from hf_fairtune.errors import FairTuneError
from hf_fairtune.families.family import fit_image_size, image_size_of
from hf_fairtune.families.head import find_head, order_classes, scale_head

from .backbones import images


def wrapped(architecture: str, **model_args: Any) -> Any:
    try:
        import timm  # noqa: F401
        from transformers import TimmWrapperForImageClassification
    except (ImportError, RuntimeError) as error:  # torchvision without its compiled part is a RuntimeError
        pytest.skip(f"timm cannot be imported ({error}): install timm and torchvision to run on its models")
    torch.manual_seed(0)
    config = TimmWrapperConfig(
        architecture=architecture,
        num_labels=2,
        model_args=model_args,
        pretrained_cfg={"input_size": [3, 224, 224]},
    )
    return TimmWrapperForImageClassification(config).eval()


@torch.no_grad()
def test_densenet(tmp_path) -> None:
    model = wrapped("densenet121")
    head = find_head(model)
    assert head == "timm_model.classifier"
    fit_image_size(model, 32)
    assert image_size_of(model) == 32
    before = model(images()).logits
    order_classes(model, [head], (1, 0))
    scale_head(model, head, 2.0, 0.5)
    torch.testing.assert_close(model(images()).logits, 2.0 * before.flip(1) + torch.tensor([-0.25, 0.25]))
    model.save_pretrained(tmp_path)
    again = AutoModelForImageClassification.from_pretrained(tmp_path).eval()
    assert torch.equal(again(images()).logits, model(images()).logits)
    assert again.config.id2label == {0: "LABEL_1", 1: "LABEL_0"}
    assert image_size_of(again) == 32


def test_transformer_of_timm_keeps_its_size() -> None:
    model = wrapped("vit_tiny_patch16_224", depth=1)
    assert find_head(model) == "timm_model.head"
    with pytest.raises(FairTuneError, match="does not take images of 64 pixels .*use images of 224 pixels"):
        fit_image_size(model, 64)


def test_distilled_transformer_of_timm_is_refused() -> None:
    with pytest.raises(FairTuneError, match="`timm_model.head`, `timm_model.head_dist`"):
        find_head(wrapped("deit_tiny_distilled_patch16_224", depth=1))
