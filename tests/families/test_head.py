"""The head of every backbone is found; ordering its classes and scaling it do to the logits what they say."""

from typing import Any

import pytest
import torch
from torch import nn
from transformers import DeiTConfig, DeiTForImageClassificationWithTeacher

from hf_fairtune.errors import FairTuneError
from hf_fairtune.families.head import find_head, head_parameters, is_multi_label, order_classes, scale_head

from .backbones import ONE_HEAD, backbone, images, inputs
from .recipes import RECIPES, SMALL_VIT


def logits(model: Any, name: str) -> torch.Tensor:
    with torch.no_grad():
        return model(**inputs(name)).logits


@pytest.mark.parametrize("name", ONE_HEAD)
def test_head_of_every_backbone(name: str) -> None:
    model = backbone(name)
    head = find_head(model)
    assert head == RECIPES[name].head
    assert find_head(model, head) == find_head(model, head.rpartition(".")[0] or head) == head
    assert head_parameters(model, head) == [f"{head}.weight", f"{head}.bias"]


@pytest.mark.parametrize("name", ONE_HEAD)
def test_swapped_classes(name: str) -> None:
    model = backbone(name)
    model.config.id2label, model.config.label2id = {0: "benign", 1: "malignant"}, {"benign": 0, "malignant": 1}
    before = logits(model, name)
    assert before[:, 0].std() > 1e-3
    order_classes(model, [find_head(model)], (1, 0))
    assert torch.equal(logits(model, name), before.flip(1))
    assert model.config.id2label == {0: "malignant", 1: "benign"}
    assert model.config.label2id == {"malignant": 0, "benign": 1}


@pytest.mark.parametrize("name", ONE_HEAD)
def test_scaled_log_odds(name: str) -> None:
    model = backbone(name)
    before = logits(model, name)
    scale_head(model, find_head(model), 2.5, -0.75)
    after = logits(model, name)
    torch.testing.assert_close(after[:, 1] - after[:, 0], 2.5 * (before[:, 1] - before[:, 0]) - 0.75)
    torch.testing.assert_close(after.mean(1), 2.5 * before.mean(1))


@pytest.mark.parametrize("name", ONE_HEAD)
@pytest.mark.parametrize("classes", [1, 5])
def test_head_of_another_number_of_classes(name: str, classes: int) -> None:
    assert find_head(backbone(name, classes)) == RECIPES[name].head


def test_order_of_five_classes() -> None:
    model, order = backbone("resnet", 5), [3, 0, 4, 1, 2]
    names = [model.config.id2label[i] for i in order]
    before = logits(model, "resnet")
    order_classes(model, [find_head(model)], order)
    assert torch.equal(logits(model, "resnet"), before[:, order])
    assert list(model.config.id2label.values()) == names
    assert model.config.label2id == {name: i for i, name in enumerate(names)}
    for bad in ((0, 1), (0, 0, 1, 2, 3)):
        with pytest.raises(FairTuneError, match="give each of the 5 classes of the head once"):
            order_classes(model, [find_head(model)], bad)


@pytest.mark.parametrize("slope", [2.5, (1.0, 2.0, 0.5, 3.0, 1.5)])
def test_scaled_logits_of_five_outputs(slope: float | tuple[float, ...]) -> None:
    model, shifts = backbone("mobilenet_v2", 5), (0.1, -0.2, 0.3, 0.0, -1.0)
    before = logits(model, "mobilenet_v2")
    scale_head(model, find_head(model), slope, shifts)
    torch.testing.assert_close(logits(model, "mobilenet_v2"), torch.tensor(slope) * before + torch.tensor(shifts))


@pytest.mark.parametrize(("slope", "intercept"), [(1.0, 0.5), ((1.0, 2.0), (0.0, 0.0, 1.0)), (1.0, (0.0, 1.0))])
def test_a_scale_that_does_not_fit(slope: Any, intercept: Any) -> None:
    with pytest.raises(FairTuneError, match="do not fit head `0` of 3 outputs"):
        scale_head(nn.Sequential(nn.Linear(4, 3)), "0", slope, intercept)


def test_multi_label_is_what_the_config_says() -> None:
    model = backbone("resnet", 5)
    assert not is_multi_label(model)
    assert not is_multi_label(nn.Linear(4, 2))
    model.config.problem_type = "multi_label_classification"
    assert is_multi_label(model)


def test_two_averaged_heads_are_refused() -> None:
    model = DeiTForImageClassificationWithTeacher(DeiTConfig(num_labels=2, image_size=32, **SMALL_VIT))
    for name in (None, "cls_classifier"):
        with pytest.raises(FairTuneError, match="`cls_classifier`, `distillation_classifier`"):
            find_head(model, name)


def test_unclear_head_is_asked_for() -> None:
    model = nn.ModuleDict({"left": nn.Linear(4, 2), "right": nn.Sequential(nn.ReLU(), nn.Linear(4, 2))})
    with pytest.raises(FairTuneError, match="`left`, `right.1`; pass `head=`"):
        find_head(model)
    assert find_head(model, "right") == "right.1"
    with pytest.raises(FairTuneError, match=r"'middle', which is no module .* `left`, `right.1`"):
        find_head(model, "middle")
    with pytest.raises(FairTuneError, match="none in 'right.0'; pass `head=`"):
        find_head(model, "right.0")


def test_no_head_at_all() -> None:
    with pytest.raises(FairTuneError, match="two outputs are none; pass `head=`"):
        find_head(nn.Sequential(nn.Linear(4, 3)))


def test_convolution_as_head() -> None:
    model = nn.Sequential(nn.Conv2d(3, 2, 3), nn.Conv2d(2, 2, 1), nn.Flatten())
    assert find_head(model) == "1"
    pixels = images(size=3)
    before = model(pixels)
    scale_head(model, "1", 3.0, 1.0)
    torch.testing.assert_close(model(pixels), 3.0 * before + torch.tensor([-0.5, 0.5]))
    order_classes(model, ["1"], (1, 0))
    torch.testing.assert_close(model(pixels), (3.0 * before + torch.tensor([-0.5, 0.5])).flip(1))


def test_head_without_bias_takes_no_intercept() -> None:
    with pytest.raises(FairTuneError, match="`0` has no bias"):
        scale_head(nn.Sequential(nn.Linear(4, 2, bias=False)), "0", 1.0, 0.5)


@pytest.mark.parametrize("pair", [(float("nan"), 0.0), (1.0, float("inf"))])
def test_scale_must_be_finite(pair: tuple[float, float]) -> None:
    with pytest.raises(FairTuneError, match="must be finite"):
        scale_head(nn.Sequential(nn.Linear(4, 2)), "0", *pair)
