"""What `fairtune debias` does to the weights by each method, and that the document says so."""

from pathlib import Path

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForImageClassification

from hf_fairtune.document.document import Document
from hf_fairtune.document.estimate import exact
from tests.cli.run_folder import HEAD, Repair, cells, moved, repair_of, training_of, weights


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


def test_reg_on_the_training_split_as_it_is(repair: Repair, biased: Path) -> None:
    folder = repair("--method", "reg", "--num_train_epochs", "1")
    assert moved(biased, folder) == set(weights(biased))
    splits, found = Document.load(folder).data.splits, repair_of(folder).external
    assert "external" not in splits
    assert (found.split, found.pool, found.balanced) == ("train", "train", False)
    (step,) = training_of(folder).steps
    assert step.batches == -(-exact(splits["train"].n) // 8)
    assert step.facts["prediction_weight"] == 0.1


@pytest.mark.parametrize("method", ["groupdro", "sam"])
def test_methods_for_any_training_repair_too(repair: Repair, biased: Path, method: str) -> None:
    folder = repair("--method", method, "--num_train_epochs", "1")
    assert moved(biased, folder) == set(weights(biased))
    assert training_of(folder).method.name == method


@pytest.mark.parametrize(("method", "rounding"), [("fairtune --mask layernorm", 0), ("lora --rank 2", 1e-5)])
def test_a_repair_by_an_adapter(repair: Repair, biased: Path, method: str, rounding: float) -> None:
    """FairTune's mask or LoRA on the external set: an adapter, whose head holds the calibration, too."""
    folder = repair("--method", *method.split())
    found = repair_of(folder)
    assert found.head == "classifier"
    assert found.calibration is not None
    assert found.calibration.applied
    before, after = (AutoModelForImageClassification.from_pretrained(f).eval() for f in (biased, folder))
    tuned = PeftModel.from_pretrained(before, folder / "adapter").eval()
    pixels = torch.randn(3, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(tuned(pixel_values=pixels).logits, after(pixels).logits, rtol=0, atol=rounding)


def test_fairprune_sets_weights_to_zero_and_trains_none(repair: Repair, biased: Path) -> None:
    """But for the head, which calibration scales."""
    folder = repair("--method", "fairprune", "--prune_ratio", "0.2")
    before, after = weights(biased), weights(folder)
    (step,) = training_of(folder).steps
    assert (step.epochs, step.batches) == (0, 0)
    assert str(step.facts["pruned"]).endswith(" weights")
    for name in set(before) - set(HEAD):
        gone = after[name] == 0
        assert torch.equal(after[name][~gone], before[name][~gone]), name


@pytest.mark.parametrize("method", ["fscl", "self", "taskarithmetic"])
def test_methods_of_several_trainings_repair_too(repair: Repair, biased: Path, method: str) -> None:
    """Priced beforehand on a few rows, trained in folders of their own."""
    folder = repair("--method", method, "--num_train_epochs", "1")
    assert moved(biased, folder) == set(weights(biased))
    training = training_of(folder)
    assert training.method.name == method
    assert len(training.steps) == 2
    assert weights(biased).keys() == weights(folder).keys()


def test_diffprune_sets_units_to_zero(repair: Repair, biased: Path) -> None:
    """But for the head, which calibration scales."""
    folder = repair("--method", "diffprune", "--prune_share", "0.1")
    (step,) = training_of(folder).steps
    assert (step.epochs, step.batches) == (0, 0)
    assert str(step.facts["pruned"]).endswith(" units")
    assert all(name.endswith((".fc2.weight", ".o_proj.weight")) for name in moved(biased, folder) - set(HEAD))


def test_diffgda_keeps_the_model_of_least_bias(repair: Repair, biased: Path) -> None:
    folder = repair("--method", "diffgda", "--bias", "equal_opportunity", "--num_train_epochs", "1")
    (step,) = training_of(folder).steps
    assert float(step.facts["bias"]) <= float(step.facts["bias_before"])
    assert step.facts["evaluations"]
    assert moved(biased, folder) - set(HEAD) if step.facts["step"] else moved(biased, folder) <= set(HEAD)


@pytest.mark.parametrize("method", ["groupdro", "odr", "taskarithmetic"])
def test_a_mask_under_a_method(repair: Repair, biased: Path, method: str) -> None:
    """LayerNorms and the head move, by the method; they are kept as tensors, too."""
    folder = repair("--method", method, "--under_mask", "layernorm", "--num_train_epochs", "1")
    changed, training = moved(biased, folder), training_of(folder)
    assert changed == {name for name in weights(biased) if "layernorm_" in name} | HEAD
    assert set(load_file(folder / "adapter" / "delta.safetensors")) == changed
    assert training.mask is not None
    assert (training.method.name, training.mask.kept) == (method, "tensors")
