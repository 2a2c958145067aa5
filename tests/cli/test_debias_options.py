"""What the flags of `fairtune debias` do to the weights, and that the document says so."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from sklearn.metrics import roc_auc_score
from torch.utils.data import Subset
from transformers import AutoImageProcessor, AutoModelForImageClassification

from hf_fairtune import fisher_importance
from hf_fairtune.data.arguments import DataArguments
from hf_fairtune.data.fair_dataset import FairDataset, load_fair_dataset
from hf_fairtune.document.document import Document
from hf_fairtune.document.run import ExternalSet
from hf_fairtune.masks.repair_mask import hard_mask
from tests.cli.run_folder import HEAD, Repair, cells, moved, repair_of, run_of, training_of, weights


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
    assert training.trainable_parameters == run_of(folder).base.parameters


@pytest.mark.parametrize("contrast", ["pair", "pair_data", "mean"])
def test_three_groups(
    repair: Repair,
    biased: Path,
    external: Callable[[str], FairDataset],
    contrast: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The pair is the groups of lowest and highest AUC of the model before, on the external set."""
    data = external("age:40,60")
    folder = repair("--contrast", contrast, "--bias_loss", "statistical_parity", group="age:40,60")
    training = training_of(folder)
    assert training.method.hyperparameters["bias_loss"] == "statistical_parity"
    compared = training.steps[0].facts["compared"]
    others = {"pair": "; other groups count for the prediction loss alone", "pair_data": "; other groups are left out"}
    assert f"note: bias loss: {compared}{others.get(contrast, '')}\n" in capsys.readouterr().out
    external_rows = len(data.columns("external")["row"])
    assert training.soft_mask is not None
    assert training.soft_mask.rows == (external_rows // 3 * 2 if contrast == "pair_data" else external_rows)
    assert training.steps[0].batches == 2 * -(-training.soft_mask.rows // 8)
    if contrast == "mean":
        assert compared == "each of <=40, (40,60], >60 against the rest"
        return
    model, columns = AutoModelForImageClassification.from_pretrained(biased).eval(), data.columns("external")
    with torch.no_grad():
        logits = model(data.plain("external")[:]["pixel_values"]).logits
    z, rows = logits[:, 1] - logits[:, 0], [columns["groups"] == g for g in range(3)]
    aucs = [roc_auc_score(columns["labels"][row], z[row]) for row in rows]
    lowest, highest = (aucs[data.group_names.index(name)] for name in compared.split(" against "))
    assert (lowest, highest) == (min(aucs), max(aucs))
