"""A small comparison on generated lesions, run once."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from transformers import ViTImageProcessor

from hf_fairtune import FairTrainingArguments
from hf_fairtune.datasets.lesions import write_lesions
from hf_fairtune.document.benchmark import Benchmark
from hf_fairtune.protocol.comparison import compare
from hf_fairtune.protocol.entry import entries_of
from hf_fairtune.protocol.protocol import Protocol, Settings
from hf_fairtune.protocol.task import tasks_of
from hf_fairtune.recipes.flag_file import read_as
from hf_fairtune.trainer.repair_arguments import RepairTrainingArguments
from tests.conftest import tiny_vit

METHODS: list[Any] = [
    "full",
    "swift",
    {"method": "sam"},
    "unchanged",
    {"name": "random", "method": "fairtune", "mask": "random"},
]
Make = Callable[..., Protocol]


def one_table(folder: Path) -> Path:
    """Put the splits of a folder of images into one table that has none."""
    parts = {split: pd.read_csv(folder / split / "metadata.csv") for split in ("train", "validation", "test")}
    for split, part in parts.items():
        part["file_name"] = f"{folder / split}/" + part["file_name"]
    pd.concat(parts.values()).to_csv(folder / "table.csv", index=False)
    return folder / "table.csv"


@pytest.fixture(scope="session")
def making(tmp_path_factory: pytest.TempPathFactory) -> Make:
    """What makes a protocol of two tasks; settings may be given."""
    root = tmp_path_factory.mktemp("compared")
    model, lesions = root / "tiny", one_table(write_lesions(root / "lesions", n=240, image_size=16))
    tiny_vit().save_pretrained(model)
    ViTImageProcessor(size={"height": 16, "width": 16}).save_pretrained(model)
    data = {
        "dataset": str(lesions),
        "label": "label",
        "positive": "malignant",
        "cluster": "patient_id",
        "image": "file_name",
    }

    def make(methods: list[Any] = METHODS, tasks: tuple[str, ...] = ("skin",), **settings: Any) -> Protocol:
        return Protocol(
            Settings(**{"models": [str(model)], "trials": 2, **settings}),
            tasks_of({name: {**data, "group": "skin"} for name in tasks}, [str(model)]),
            entries_of(methods),
            read_as(FairTrainingArguments, {"num_train_epochs": "1", "learning_rate": "3e-4"}, "training"),
            read_as(RepairTrainingArguments, {"num_train_epochs": "1"}, "repair"),
        )

    return make


@pytest.fixture(scope="session")
def compared(making: Make, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Benchmark]:
    """The folder of a comparison, and what it found."""
    folder = tmp_path_factory.mktemp("comparison") / "out"
    found = compare(making(), folder, say=lambda _: None)
    assert found is not None
    return folder, found
