"""`fairtune debias` of models that are not as it would make them: classes turned round, convolutions, another size."""

from pathlib import Path

import pytest
import torch
from transformers import (
    AutoImageProcessor,
    AutoModelForImageClassification,
    MobileNetV2ImageProcessor,
    ViTImageProcessor,
)

from hf_fairtune.cli.main import main
from hf_fairtune.document.document import Document
from tests.cli.conftest import without_card
from tests.cli.run_folder import Repair, moved, run_of, weights
from tests.conftest import tiny_vit
from tests.families.backbones import backbone


@pytest.fixture(scope="module")
def first(repairing: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a repair of an epoch, of the model as it is, without card."""
    folder = tmp_path_factory.mktemp("repairs") / "first"
    with without_card():
        assert main(["debias", *repairing, "--num_train_epochs", "1", "--output_dir", str(folder)]) == 0
    return folder


def test_classes_in_the_other_order(repair: Repair, first: Path, biased: Path, tmp_path: Path) -> None:
    """A model that calls class 0 malignant is turned round, not read backwards."""
    model = AutoModelForImageClassification.from_pretrained(biased)
    with torch.no_grad():
        for parameter in model.classifier.parameters():
            parameter.copy_(parameter.flip(0).clone())
    model.config.id2label, model.config.label2id = {0: "malignant", 1: "benign"}, {"malignant": 0, "benign": 1}
    other = tmp_path / "other" / "biased"
    model.save_pretrained(other)
    AutoImageProcessor.from_pretrained(biased).save_pretrained(other)
    second = repair("--num_train_epochs", "1", "--model", str(other))
    assert not moved(first, second)
    assert repr(Document.load(first).audits) == repr(Document.load(second).audits)
    config = AutoModelForImageClassification.from_pretrained(second).config
    assert config.id2label == {0: "benign", 1: "malignant"}


def test_batch_norm_keeps_its_statistics(repair: Repair, tmp_path: Path) -> None:
    """Unless asked to be as published; a convolutional network, whose images are resized and cropped."""
    cnn = tmp_path / "other" / "cnn"
    backbone("mobilenet_v2").save_pretrained(cnn)
    size, crop = {"shortest_edge": 36}, {"height": 32, "width": 32}
    MobileNetV2ImageProcessor(size=size, crop_size=crop).save_pretrained(cnn)
    network = ["--model", str(cnn), "--image_size", "32", "--num_train_epochs", "1", "--external_fraction", "0.5"]
    for mode, still in (("eval", True), ("train", False)):
        folder = repair(*network, "--batch_norm", mode)
        statistics = {name for name in weights(cnn) if "running" in name}
        assert len(statistics) > 50
        changed = moved(cnn, folder)
        assert not changed & statistics if still else changed & statistics
        assert changed >= {"classifier.weight", "mobilenet_v2.conv_1x1.convolution.weight"}
    assert run_of(folder).base.image_size == 32


def test_maps_of_a_model_for_another_size(repair: Repair, tmp_path: Path) -> None:
    """Before and after are drawn at the size that the repair is at."""
    pytest.importorskip("captum", reason="captum is an extra: pip install hf-fairtune[maps]")
    larger = tmp_path / "other" / "larger"
    tiny_vit(image_size=32).save_pretrained(larger)
    ViTImageProcessor(size={"height": 32, "width": 32}).save_pretrained(larger)
    folder = repair("--model", str(larger), "--maps", "--num_train_epochs", "1", "--steps", "head")
    assert (folder / "private" / "maps.png").stat().st_size > 1000
    assert run_of(folder).base.image_size == 16


@pytest.mark.parametrize(("named", "sign"), [("malignant", 1), ("benign", -1)])
def test_a_sigmoid_of_one_logit(
    repair: Repair, first: Path, biased: Path, tmp_path: Path, named: str, sign: int
) -> None:
    """Its log-odds are those of the two logits, so that it is audited, calibrated and repaired alike."""
    two = AutoModelForImageClassification.from_pretrained(biased)
    one = tiny_vit(num_labels=1, image_size=two.config.image_size)
    one.vit.load_state_dict(two.vit.state_dict())
    with torch.no_grad():
        for name, parameter in one.classifier.named_parameters():
            values = two.classifier.get_parameter(name)
            parameter.copy_(sign * (values[1:] - values[:1]))
    one.config.id2label, one.config.label2id = {0: named}, {named: 0}
    other = tmp_path / "other" / "one"
    one.save_pretrained(other)
    AutoImageProcessor.from_pretrained(biased).save_pretrained(other)
    second = repair("--num_train_epochs", "1", "--steps", "extractor", "--model", str(other))
    audits = [Document.load(folder).audits for folder in (first, second)]
    befores = [next(entry for entry in found if entry.model == "before").audit for found in audits]
    assert befores[0].auc.value == pytest.approx(befores[1].auc.value, abs=1e-9)
    assert moved(other, second) >= {"classifier.weight", "vit.layers.0.mlp.fc1.weight"}
    config = AutoModelForImageClassification.from_pretrained(second).config
    assert (config.num_labels, config.id2label) == (2, {0: "benign", 1: "malignant"})
    assert run_of(second).repair.calibration.applied
