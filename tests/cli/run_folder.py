"""What a run leaves in its folder, read back: weights and facts."""

from collections.abc import Callable
from pathlib import Path

import torch
from transformers import AutoModelForImageClassification

from hf_fairtune.document.document import Document
from hf_fairtune.document.run import Repair as DocumentRepair
from hf_fairtune.document.run import Run, Training
from hf_fairtune.document.search import Search

HEAD = {"classifier.weight", "classifier.bias"}
# Runs `fairtune debias` with more flags, and returns its folder.
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


def run_of(folder: Path) -> Run:
    found = Document.load(folder).run
    assert found is not None
    return found


def repair_of(folder: Path) -> DocumentRepair:
    found = run_of(folder).repair
    assert found is not None
    return found


def cells(folder: Path, split: str) -> dict[tuple[str, str], int]:
    """Return the number of rows of each label and group."""
    found = {}
    for level in Document.load(folder).data.splits[split].attributes[-1].levels:
        positives = level.positives["malignant"]
        found |= {("malignant", level.group): positives, ("benign", level.group): level.n - positives}
    return found


def search_of(document: Document) -> Search:
    assert document.run is not None
    assert document.run.search is not None
    return document.run.search


def training_in(document: Document, model: str) -> Training:
    training = document.model_named(model).training
    assert training is not None
    return training
