"""Every method in the Trainer: killed and resumed it ends as if it had not been, and two runs are bit-equal."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from hf_fairtune import FairTrainer, catalog
from hf_fairtune.methods.method import Method, method_named
from tests.conftest import table, tiny_vit
from tests.trainer.test_fair import arguments

NAMES = catalog.names("methods")
HYPERPARAMETERS: dict[str, dict[str, Any]] = {
    "diffgda": {"bias": "equal_opportunity", "floor": 0.0},  # which is not 0 before
    "diffprune": {"bias": "equal_opportunity", "floor": 0.0},
    "fairprune": {"prune_ratio": 1.0},  # which moves every weight
    "fairtune": {"mask": "attention"},
    "groupdro": {"eta": 0.5, "balance": True},
    "jtt": {"first_epochs": 2.0, "upweight": 2},
    "llft": {"updates": 20},
    "groupsam": {"rho": 0.2},
    "sam": {"rho": 0.2},
}


def method(name: str) -> Method:
    return method_named(name, **HYPERPARAMETERS.get(name, {}))


def trainer(folder: Path, name: str) -> FairTrainer:
    args = arguments(folder, learning_rate=1e-2, warmup_steps=0, save_total_limit=None)
    return FairTrainer(tiny_vit(), args, method=method(name), train_dataset=table(), eval_dataset=table(64, 1))


def weights(run: FairTrainer) -> dict[str, torch.Tensor]:
    return {name: parameter.detach().clone() for name, parameter in run.model.named_parameters()}


@pytest.mark.parametrize("name", NAMES)
def test_killed_and_resumed(tmp_path: Path, name: str) -> None:
    """After the first epoch of each stage, the later stages not begun."""
    whole = trainer(tmp_path / "whole", name)
    whole.train()
    stages = method(name).stages()
    folders = [stage.stage for stage in stages] if len(stages) > 1 else [""]
    for i, folder in enumerate(folders):
        killed = tmp_path / f"killed-{i}"
        shutil.copytree(tmp_path / "whole", killed)
        for later in folders[i + 1 :]:
            shutil.rmtree(killed / later)
        _, *later_steps = sorted((killed / folder).glob("checkpoint-*"), key=lambda path: int(path.name[11:])) or [
            None
        ]
        for path in later_steps:
            shutil.rmtree(path)
        again = trainer(killed, name)
        again.train(resume_from_checkpoint=True)
        for key, wanted in weights(whole).items():
            assert torch.equal(again.model.get_parameter(key), wanted), key
        facts = [[step.facts for step in run.training_log.steps] for run in (whole, again)]
        assert facts[0] == facts[1]


@pytest.mark.parametrize("name", NAMES)
def test_weights_move_and_the_log_says_what_was_done(tmp_path: Path, name: str) -> None:
    run = trainer(tmp_path, name)
    before = weights(run)
    run.train()
    training = run.training_log.training(run)
    moved = {key for key, value in weights(run).items() if not torch.equal(value, before[key])}
    assert bool(moved) == (name != "unchanged")
    # Under a mask from gradients the bias of a key, whose gradient is rounding, is trained and does not move; of what
    # may be pruned some stays.
    still = set(before) - moved if name in ("bmft", "swift", "diffprune") else set()
    assert name == "diffprune" or all(key.endswith("k_proj.bias") for key in still)
    # It takes no step, but an optimizer wants something to train.
    still |= {"classifier.weight", "classifier.bias"} if name == "unchanged" else set()
    assert training.trainable_parameters == sum(run.model.get_parameter(key).numel() for key in moved | still)
    assert (training.method.name, training.method.title) == (name, run.method.title)
    assert training.method.hyperparameters == run.method.hyperparameters()
    assert [step.name for step in training.steps] == [stage.stage for stage in run.method.stages()]
    assert training.adapter == (name == "lora")


def test_without_a_radius_sam_is_full_fine_tuning(tmp_path: Path) -> None:
    runs = [trainer(tmp_path / name, name) for name in ("sam", "full")]
    runs[0].method = method_named("sam", rho=0.0)
    for run in runs:
        run.train()
    one, other = (weights(run) for run in runs)
    assert all(torch.equal(one[key], other[key]) for key in one)


@pytest.mark.parametrize(("batch", "steps"), [(16, 1), (8, 2)])
def test_one_group_under_groupdro_is_full_fine_tuning(tmp_path: Path, batch: int, steps: int) -> None:
    alone = table(group_names=("all",))
    ends = []
    for name in ("groupdro", "full"):
        args = arguments(tmp_path / name, per_device_train_batch_size=batch, gradient_accumulation_steps=steps)
        run = FairTrainer(tiny_vit(), args, method=method_named(name), train_dataset=alone, eval_dataset=table(64, 1))
        run.train()
        ends.append(weights(run))
    assert all(torch.equal(ends[0][key], ends[1][key]) for key in ends[0])


def test_accumulated_sam_is_the_mean_of_its_batches(tmp_path: Path) -> None:
    """Two batches of eight, each with its own neighbourhood, in one step of plain SGD."""
    ends = []
    for batch, steps in ((8, 2), (16, 1)):
        args = arguments(
            tmp_path / str(batch),
            per_device_train_batch_size=batch,
            gradient_accumulation_steps=steps,
            max_steps=1,
            optim="sgd",
            learning_rate=1.0,
            warmup_steps=0,
            max_grad_norm=0,
        )
        data = {"train_dataset": table(), "eval_dataset": table(64, 1)}
        run = FairTrainer(tiny_vit(), args, method=method_named("sam", rho=1e-4), **data)
        run.train()
        ends.append(torch.cat([value.flatten() for value in weights(run).values()]))
    start = torch.cat([p.detach().flatten() for p in tiny_vit().parameters()])
    torch.testing.assert_close(ends[0] - start, ends[1] - start, rtol=2e-2, atol=1e-4)
