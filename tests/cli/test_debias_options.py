"""What the flags of `fairtune debias` do to the weights, and that the document says so."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from peft import PeftModel
from sklearn.metrics import roc_auc_score
from torch.utils.data import Subset
from transformers import (
    AutoImageProcessor,
    AutoModelForImageClassification,
    MobileNetV2ImageProcessor,
    ViTImageProcessor,
)

from hf_fairtune import fisher_importance
from hf_fairtune.data.arguments import DataArguments
from hf_fairtune.data.fair_dataset import FairDataset, load_fair_dataset
from hf_fairtune.document.document import Document
from hf_fairtune.document.estimate import exact
from hf_fairtune.document.run import ExternalSet, Training
from hf_fairtune.document.run import Repair as DocumentRepair
from hf_fairtune.masks.repair_mask import hard_mask
from tests.conftest import tiny_vit
from tests.families.backbones import backbone

HEAD = {"classifier.weight", "classifier.bias"}
Repair = Callable[..., Path]


def weights(folder: Path) -> dict[str, torch.Tensor]:
    """Return parameters and buffers under the model's own names, which are not always those of the file."""
    found: dict[str, torch.Tensor] = AutoModelForImageClassification.from_pretrained(folder).state_dict()
    return found


def moved(before: Path, after: Path) -> set[str]:
    """Name the tensors that are not the same bit for bit."""
    old, new = weights(before), weights(after)
    assert set(old) == set(new)
    return {name for name in old if not torch.equal(old[name], new[name])}


def training_of(folder: Path) -> Training:
    found = Document.load(folder).model_named("model").training
    assert found is not None
    return found


def repair_of(folder: Path) -> DocumentRepair:
    run = Document.load(folder).run
    assert run is not None
    assert run.repair is not None
    return run.repair


def image_size_of_run(folder: Path) -> int:
    run = Document.load(folder).run
    assert run is not None
    return run.base.image_size


def cells(folder: Path, split: str) -> dict[tuple[str, str], int]:
    """Return the number of rows of each label and group."""
    found = {}
    for level in Document.load(folder).data.splits[split].attributes[-1].levels:
        positives = level.positives["malignant"]
        found |= {("malignant", level.group): positives, ("benign", level.group): level.n - positives}
    return found


@pytest.fixture
def external(lesions: Path, biased: Path) -> Callable[[str], FairDataset]:
    """Return the lesions by an attribute with their external set, made as the command makes it."""

    def load(group: str) -> FairDataset:
        table = DataArguments(str(lesions), "label", ["malignant"], [group])
        return load_fair_dataset(table, AutoImageProcessor.from_pretrained(biased)).with_external(3)

    return load


def test_weights_with_a_mask_of_zero_never_move(
    repair: Repair, biased: Path, external: Callable[[str], FairDataset]
) -> None:
    """Not by AdamW's momentum, nor by its decay; the others do, and the head is left alone."""
    folder = repair("--mask", "hard", "--steps", "extractor", "--no_calibrate", "--weight_decay", "0.1")
    model = AutoModelForImageClassification.from_pretrained(biased)
    data = external("skin").plain("external")
    order = torch.randperm(len(data), generator=torch.Generator().manual_seed(3)).tolist()
    importance = fisher_importance(model, Subset(data, order), form="whole", progress=False)
    mask, old, new = hard_mask(importance, 50.0, sorted(HEAD)), weights(biased), weights(folder)
    same = {name: old[name] == new[name] for name in mask}
    assert all(same[name][mask[name] == 0].all() for name in mask)
    free = torch.cat([same[name][mask[name] == 1] for name in mask])
    assert (~free).float().mean() > 0.99
    assert free.numel() == pytest.approx(sum(m.numel() for n, m in mask.items() if n not in HEAD) / 2, abs=2)
    assert not moved(biased, folder) & HEAD
    training = training_of(folder)
    assert training.soft_mask is not None
    assert (training.soft_mask.kind, repair_of(folder).calibration) == ("hard", None)
    assert [(step.name, "reinitialised" in step.facts) for step in training.steps] == [("extractor", False)]


def test_the_head_alone(repair: Repair, biased: Path) -> None:
    own = ["--head_learning_rate", "0.02", "--reinit", "quantile", "--reinit_quantile", "0.25"]
    folder = repair("--steps", "head", *own)
    assert moved(biased, folder) == HEAD
    training = training_of(folder)
    (step,) = training.steps
    assert (step.name, step.learning_rate) == ("head", 0.02)
    assert (training.method.hyperparameters["reinit"], step.facts["head_weights"]) == ("quantile", 34)
    assert step.facts["reinitialised"] == pytest.approx(0.75 * 34, abs=2)
    assert training.trainable_parameters == 34


@pytest.mark.parametrize(("mask", "reinit", "zeroed"), [("none", "none", 0), ("random", "full", 34)])
def test_control_masks(repair: Repair, biased: Path, mask: str, reinit: str, zeroed: int) -> None:
    folder = repair("--mask", mask, "--reinit", reinit, "--external_fraction", "0.5")
    training, document = training_of(folder), Document.load(folder)
    assert training.soft_mask is not None
    assert training.soft_mask.kind == mask
    assert (training.steps[1].facts["reinitialised"], training.steps[1].facts["head_weights"]) == (zeroed, 34)
    means = {layer.mean for layer in training.soft_mask.layers}
    assert means == {1.0} if mask == "none" else all(0.3 < mean < 0.7 for mean in means)
    # Half of the rows that the least group has of each label.
    train, half = cells(folder, "train"), cells(folder, "external")
    assert half == {(y, g): round(0.5 * min(train[y, o] for _, o in train)) for y, g in train}
    assert repair_of(folder).external == ExternalSet("external", "train", 0.5, False)
    assert training.soft_mask.rows == document.data.splits["external"].n == sum(half.values())
    assert document.run is not None
    assert training.trainable_parameters == document.run.base.parameters


def test_bmft_and_an_external_set_drawn_with_replacement(repair: Repair) -> None:
    folder = repair("--method", "bmft", "--external_replacement", "true")
    training = training_of(folder)
    assert training.soft_mask is not None
    assert (training.method.name, training.soft_mask.kind) == ("bmft", "hard")
    assert training.steps[1].facts["reinitialised"] == 34
    weights = [(s.facts["prediction_weight"], s.facts["bias_weight"]) for s in training.steps]
    assert weights == [(0.0, 1.0), (1.0, 0.1)]
    train, chosen = cells(folder, "train"), cells(folder, "external")
    assert chosen == {(y, g): train[y, "dark"] for y, g in train}
    assert repair_of(folder).external.replacement


def test_full_fine_tuning(repair: Repair, biased: Path) -> None:
    folder = repair("--method", "full")
    assert moved(biased, folder) == set(weights(biased))
    training, document = training_of(folder), Document.load(folder)
    assert (training.mask, training.soft_mask, repair_of(folder).head) == (None, None, "classifier")
    (step,) = training.steps
    assert (step.name, step.facts) == ("full", {})
    assert step.batches == 2 * -(-exact(document.data.splits["external"].n) // 8)
    assert {(e.reference, e.model) for e in document.audits if e.comparison} == {("before", "model")}


def test_dfr_on_the_whole_training_split(repair: Repair, biased: Path) -> None:
    """The head alone, fitted on draws from the pool that the external set is drawn from."""
    folder = repair("--method", "dfr", "--draws", "3")
    assert moved(biased, folder) == HEAD
    (step,) = training_of(folder).steps
    assert (step.name, step.epochs, step.batches) == ("dfr", 0, 0)
    assert step.facts["rows_a_draw"] == 4 * min(cells(folder, "train").values())
    assert training_of(folder).method.hyperparameters == {"draws": 3}
    assert "kirichenko2023last" in Document.load(folder).to_json()


@pytest.mark.parametrize("method", ["groupdro", "sam"])
def test_methods_for_any_training_repair_too(repair: Repair, biased: Path, method: str) -> None:
    folder = repair("--method", method, "--num_train_epochs", "1")
    assert moved(biased, folder) == set(weights(biased))
    assert training_of(folder).method.name == method


@pytest.mark.parametrize("contrast", ["pair", "mean"])
def test_three_groups(repair: Repair, biased: Path, external: Callable[[str], FairDataset], contrast: str) -> None:
    """The pair is the groups of lowest and highest AUC of the model before, on the external set."""
    data = external("age:40,60")
    folder = repair("--contrast", contrast, "--bias_loss", "statistical_parity", group="age:40,60")
    training = training_of(folder)
    assert training.method.hyperparameters["bias_loss"] == "statistical_parity"
    compared = training.steps[0].facts["compared"]
    if contrast == "mean":
        assert compared == "each of <=40, (40,60], >60 against the rest"
        return
    model, columns = AutoModelForImageClassification.from_pretrained(biased).eval(), data.columns("external")
    with torch.no_grad():
        logits = model(data.plain("external")[:]["pixel_values"]).logits
    z, rows = logits[:, 1] - logits[:, 0], [columns["groups"] == g for g in range(3)]
    aucs = [roc_auc_score(columns["labels"][row], z[row]) for row in rows]
    names = data.group_names
    assert compared == f"{names[np.argmin(aucs)]} against {names[np.argmax(aucs)]}"


def test_classes_in_the_other_order(repair: Repair, biased: Path, tmp_path: Path) -> None:
    """A model that calls class 0 malignant is turned round, not read backwards."""
    model = AutoModelForImageClassification.from_pretrained(biased)
    with torch.no_grad():
        for parameter in model.classifier.parameters():
            parameter.copy_(parameter.flip(0).clone())
    model.config.id2label, model.config.label2id = {0: "malignant", 1: "benign"}, {"malignant": 0, "benign": 1}
    other = tmp_path / "other" / "biased"
    model.save_pretrained(other)
    AutoImageProcessor.from_pretrained(biased).save_pretrained(other)
    short = ["--num_train_epochs", "1"]
    first, second = repair(*short), repair(*short, "--model", str(other))
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
    assert image_size_of_run(folder) == 32


def test_a_repair_by_an_adapter(repair: Repair, biased: Path) -> None:
    """FairTune's mask on the external set: stored as an adapter, whose head holds the calibration, too."""
    folder = repair("--method", "fairtune", "--mask", "layernorm")
    found = repair_of(folder)
    assert found.head == "classifier"
    assert found.calibration is not None
    assert found.calibration.applied
    before, after = (AutoModelForImageClassification.from_pretrained(f).eval() for f in (biased, folder))
    tuned = PeftModel.from_pretrained(before, folder / "adapter").eval()
    pixels = torch.randn(3, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.equal(tuned(pixel_values=pixels).logits, after(pixels).logits)


def test_maps_of_a_model_for_another_size(repair: Repair, tmp_path: Path) -> None:
    """Before and after are drawn at the size that the repair is at."""
    pytest.importorskip("captum", reason="captum is an extra: pip install hf-fairtune[maps]")
    larger = tmp_path / "other" / "larger"
    tiny_vit(image_size=32).save_pretrained(larger)
    ViTImageProcessor(size={"height": 32, "width": 32}).save_pretrained(larger)
    folder = repair("--model", str(larger), "--maps", "--num_train_epochs", "1", "--steps", "head")
    assert (folder / "private" / "maps.png").stat().st_size > 1000
    assert image_size_of_run(folder) == 16
