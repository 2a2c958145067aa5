"""A training image is cropped the same whoever reads it: workers, processes, and a training that goes on."""

import pickle
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from transformers import ViTImageProcessor

from hf_fairtune import DataArguments, FairTrainer, load_fair_dataset
from hf_fairtune.data.collate import collate
from hf_fairtune.data.fair_dataset import FairDataset
from hf_fairtune.data.uses import Use
from hf_fairtune.datasets.lesions import write_lesions
from hf_fairtune.methods.full import Full
from hf_fairtune.signals import Stopped
from tests.conftest import tiny_vit
from tests.processes import together
from tests.trainer.moments import signal_in_step
from tests.trainer.test_fair import arguments


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> FairDataset:
    """90 generated images, of which 36 are trained on."""
    folder = tmp_path_factory.mktemp("data")
    write_lesions(folder / "lesions", n=90, image_size=16)
    table = DataArguments(
        str(folder / "lesions"), "label", ["malignant"], ["skin"], "patient_id", image_size=16,
        data_cache=str(folder / "cache"), include=["light", "dark"],
    )  # fmt: skip
    return load_fair_dataset(table, ViTImageProcessor(size={"height": 16, "width": 16}))


def trainer(folder: Path, data: FairDataset, **options: Any) -> FairTrainer:
    """Full fine-tuning with dropout; a row may be drawn several times in an epoch."""
    model = tiny_vit()
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.1
    own = {"per_device_train_batch_size": 8, "sampler": "group_label", "eval_strategy": "no", **options}
    return FairTrainer(model, arguments(folder, save_strategy="no", **own), data=data, method=Full())


def batches(run: FairTrainer, *epochs: int) -> list[list[list[Any]]]:
    """The pixels of every batch that this process reads in some epochs, as lists."""
    loader, found = run.get_train_dataloader(), list[list[list[Any]]]()
    for epoch in epochs:
        loader.set_epoch(epoch)
        found.append([batch["pixel_values"].tolist() for batch in loader])
    return found


def uses(run: FairTrainer, epoch: int) -> list[Use]:
    sampler: Any = run.get_train_dataloader().batch_sampler.sampler
    sampler.set_epoch(epoch)
    return list(sampler)


def test_workers_read_the_crops_of_one_process(tmp_path: Path, data: FairDataset) -> None:
    """Those that stay alive, too; the state of chance decides nothing."""
    first, second = batches(trainer(tmp_path, data), 1, 2)
    torch.manual_seed(5)
    stay = {"dataloader_num_workers": 2, "dataloader_persistent_workers": True}
    assert batches(trainer(tmp_path, data, **stay), 1, 2) == [first, second]
    assert batches(trainer(tmp_path, data, seed=3), 1) != [first]


def test_each_use_of_a_row_has_a_crop_of_its_own(tmp_path: Path, data: FairDataset) -> None:
    """In an epoch and from epoch to epoch; what a process that is spawned would unpickle gives the same."""
    run = trainer(tmp_path, data)
    assert [(use.epoch, use.place) for use in uses(run, 1)] == [(1, place) for place in range(len(data["train"]))]
    again = next(use for use in uses(run, 1) if use.row in [one.row for one in uses(run, 1)[: use.place]])
    same = [next(use for use in uses(run, 1) if use.row == again.row), again, again._replace(epoch=2), again]
    rows, sent = pickle.loads(pickle.dumps((run.get_train_dataloader().dataset, same)))
    crops: Tensor = collate(rows.__getitems__(sent))["pixel_values"]
    assert torch.equal(crops[1], crops[3])
    assert len(crops[:3].unique(dim=0)) == 3
    assert crops[1].tolist() in [crop for batch in batches(run, 1)[0] for crop in batch]


def test_two_processes_read_the_crops_of_one(tmp_path: Path, data: FairDataset) -> None:
    """Rows of a step, one process after the other, and the last batch, which they share."""

    def read(size: int) -> list[list[Any]]:
        return batches(trainer(tmp_path, data, per_device_train_batch_size=size), 1)[0]

    shares = together(partial(read, 4), tmp_path / "two")
    assert [one + other for one, other in zip(*shares, strict=True)] == read(8)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_training_goes_on_in_mid_epoch_with_its_crops(tmp_path: Path, data: FairDataset, workers: int) -> None:
    options = {"dataloader_num_workers": workers, "learning_rate": 1e-2}
    whole = trainer(tmp_path / "whole", data, **options)
    whole.train()
    with pytest.raises(Stopped, match="at step 7 of 10"), signal_in_step(7):
        trainer(tmp_path / "stopped", data, **options).train()
    again = trainer(tmp_path / "stopped", data, **options)
    again.train(resume_from_checkpoint=True)
    for (name, own), wanted in zip(again.model.named_parameters(), whole.model.parameters(), strict=True):
        assert torch.equal(own, wanted), name
