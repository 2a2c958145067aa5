"""Schedules by epoch and decay of all weights: the papers' own formulas, step by step."""

import math
from pathlib import Path

import pytest
import torch

from hf_fairtune import FairTuneError
from tests.trainer.test_fair import arguments, trainer


def papers(epoch: int, n_epochs: int, warmup: int) -> float:
    """Return FairTune's factor in an epoch: LinearLR from 0.01, then CosineAnnealingLR over the rest."""
    if epoch < warmup:
        return 0.01 + 0.99 * epoch / warmup
    return (1 + math.cos(math.pi * (epoch - warmup) / (n_epochs - warmup))) / 2


def test_the_rate_changes_with_the_epoch_as_in_the_papers_code(tmp_path: Path) -> None:
    run = trainer(tmp_path, num_train_epochs=6, schedule_per="epoch", learning_rate=1e-3)
    steps = 3  # 48 rows in batches of 16
    run.create_optimizer_and_scheduler(6 * steps)
    found = []
    for _ in range(6 * steps):
        found.append(run.optimizer.param_groups[0]["lr"])
        run.optimizer.step()
        run.lr_scheduler.step()
    assert found == pytest.approx([1e-3 * papers(step // steps, 6, 2) for step in range(6 * steps)])
    assert all(math.isfinite(rate) and rate > 0 for rate in found)


def test_the_stock_schedule_is_left_as_it_is(tmp_path: Path) -> None:
    run = trainer(tmp_path, num_train_epochs=6)
    run.create_optimizer_and_scheduler(18)
    rates = [group["lr"] for group in run.optimizer.param_groups]
    run.optimizer.step()
    run.lr_scheduler.step()
    assert rates == [0, 0]
    assert run.optimizer.param_groups[0]["lr"] == pytest.approx(1e-4 / 6)


@pytest.mark.parametrize("everything", [False, True])
def test_what_decays(tmp_path: Path, everything: bool) -> None:
    run = trainer(tmp_path, decay_all=everything, weight_decay=0.1)
    decayed = {
        id(p) for group in run.create_optimizer().param_groups if group["weight_decay"] for p in group["params"]
    }
    names = {name for name, p in run.model.named_parameters() if id(p) in decayed}
    plain = {name for name, _ in run.model.named_parameters() if "bias" not in name and "norm" not in name}
    assert names == ({name for name, _ in run.model.named_parameters()} if everything else plain)


def test_killed_and_resumed_the_rate_goes_on(tmp_path: Path) -> None:
    options = {"num_train_epochs": 3, "schedule_per": "epoch", "save_total_limit": None, "learning_rate": 1e-2}
    whole = trainer(tmp_path, **options)
    whole.train()
    again = trainer(tmp_path, **options)
    again.train(resume_from_checkpoint=str(tmp_path / "checkpoint-3"))
    for one, other in zip(whole.model.parameters(), again.model.parameters(), strict=True):
        assert torch.equal(one, other)


def test_what_is_no_schedule_of_epochs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FairTuneError, match="`schedule_per` epoch has no reduce_lr_on_plateau"):
        arguments(tmp_path, schedule_per="epoch", lr_scheduler_type="reduce_lr_on_plateau", eval_strategy="epoch")
    with pytest.raises(FairTuneError, match="`warmup_steps` is 10 steps, but `schedule_per` is epoch"):
        arguments(tmp_path, schedule_per="epoch", warmup_steps=10)


def test_a_batch_larger_than_the_data_is_refused_where_it_would_be_dropped(tmp_path: Path) -> None:
    with pytest.raises(FairTuneError, match="drops every image: 48 to train on make no batch of 64"):
        trainer(tmp_path, dataloader_drop_last=True, per_device_train_batch_size=64)
    assert trainer(tmp_path, per_device_train_batch_size=64).train_dataset
