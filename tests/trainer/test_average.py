"""The mean of the last epochs' weights: that of their checkpoints, after a kill too, and refused where wrong."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from transformers import TrainingArguments
from transformers.modeling_outputs import ImageClassifierOutput

from hf_fairtune import FairTrainingArguments, FairTuneError
from hf_fairtune.methods.fairtune import FairTune
from hf_fairtune.methods.groupdro import GroupDro
from hf_fairtune.trainer.average import FILE_NAME, WeightAverageCallback
from hf_fairtune.trainer.checkpoints import load_weights
from hf_fairtune.trainer.fair import FairTrainer
from hf_fairtune.trainer.whole_trainer import WholeTrainer
from tests.conftest import table, tiny_vit
from tests.trainer.test_searching import searcher, trials


def stock(folder: Path, last: float, resume: str | None = None, **changed: Any) -> WholeTrainer:
    """Train 4 epochs of 3 steps without a method, with the embeddings frozen."""
    values: dict[str, Any] = {"eval_strategy": "epoch", "save_strategy": "epoch", "num_train_epochs": 4, **changed}
    args = TrainingArguments(
        str(folder), per_device_train_batch_size=16, learning_rate=1e-2, use_cpu=True, report_to=[],
        disable_tqdm=True, **values,
    )  # fmt: skip
    model, data = tiny_vit(), table().remove_columns("groups")
    model.vit.embeddings.requires_grad_(False)
    trainer = WholeTrainer(model, args, train_dataset=data, eval_dataset=data, callbacks=[WeightAverageCallback(last)])
    trainer.train(resume)
    return trainer


def weights(model: Any) -> dict[str, Tensor]:
    return {name: values.detach().clone() for name, values in model.named_parameters()}


def checkpoint(folder: Path, step: int) -> dict[str, Tensor]:
    model = tiny_vit()
    load_weights(model, folder / f"checkpoint-{step}")
    return weights(model)


def losses(trainer: WholeTrainer) -> list[float]:
    return [entry["eval_loss"] for entry in trainer.state.log_history if "eval_loss" in entry]


def same(some: dict[str, Tensor], others: dict[str, Tensor]) -> bool:
    return all(torch.equal(values, others[name]) for name, values in some.items())


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> WholeTrainer:
    return stock(tmp_path_factory.mktemp("plain"), 0)


@pytest.fixture(scope="module")
def averaged(tmp_path_factory: pytest.TempPathFactory) -> WholeTrainer:
    return stock(tmp_path_factory.mktemp("averaged"), 3)


def test_it_is_the_mean_of_the_checkpoints(plain: WholeTrainer, averaged: WholeTrainer) -> None:
    kept = [checkpoint(Path(plain.args.output_dir), step) for step in (6, 9, 12)]
    mean = {name: torch.stack([one[name].double() for one in kept]).mean(0).float() for name in kept[0]}
    found = weights(averaged.model)
    assert same(found, mean)
    assert not same(found, kept[-1])
    frozen = {name: values for name, values in found.items() if "embeddings" in name}
    assert frozen
    assert same(frozen, weights(tiny_vit()))


def test_the_last_value_and_checkpoint_are_of_the_mean(plain: WholeTrainer, averaged: WholeTrainer) -> None:
    assert losses(averaged)[:3] == losses(plain)[:3]
    assert losses(averaged)[3] == averaged.evaluate()["eval_loss"] != losses(plain)[3]
    assert same(checkpoint(Path(averaged.args.output_dir), 12), weights(averaged.model))
    assert not (Path(averaged.args.output_dir) / "checkpoint-12" / FILE_NAME).exists()


@pytest.mark.parametrize("step", [3, 9, 12])
def test_a_resumed_training_ends_with_the_same_mean(tmp_path: Path, averaged: WholeTrainer, step: int) -> None:
    """From before the epochs averaged, from within, and from the end."""
    start = shutil.copytree(Path(averaged.args.output_dir) / f"checkpoint-{step}", tmp_path / f"checkpoint-{step}")
    assert same(weights(stock(tmp_path, 3, str(start)).model), weights(averaged.model))


def test_checkpoints_by_steps_resume_too(tmp_path: Path) -> None:
    """The last of them falls on the last step, which no epoch's end follows."""
    steps: dict[str, Any] = {"save_strategy": "steps", "save_steps": 5, "eval_strategy": "no", "max_steps": 11}
    whole = stock(tmp_path / "whole", 0.5, **steps)
    for step in (10, 11):
        start = tmp_path / str(step) / f"checkpoint-{step}"
        shutil.copytree(tmp_path / "whole" / f"checkpoint-{step}", start)
        assert same(checkpoint(start.parent, 11) if step == 11 else {}, weights(whole.model))
        if step == 10:
            assert same(weights(stock(start.parent, 0.5, str(start), **steps).model), weights(whole.model))


def test_sums_that_do_not_fit_are_refused(tmp_path: Path, averaged: WholeTrainer) -> None:
    start = shutil.copytree(Path(averaged.args.output_dir) / "checkpoint-9", tmp_path / "checkpoint-9")
    with pytest.raises(FairTuneError, match="is the sum of 2 epochs, but 1 are to be averaged by this step"):
        stock(tmp_path, 2, str(start))
    (start / FILE_NAME).unlink()
    with pytest.raises(FairTuneError, match="is missing, so that the average cannot go on"):
        stock(tmp_path, 3, str(start))


def test_what_cannot_be_averaged_is_refused(tmp_path: Path) -> None:
    for last, said in ((-1.0, "is -1; give a whole"), (1.5, "is 1.5; give a whole"), (5, "is 5 epochs, but the")):
        with pytest.raises(FairTuneError, match=said):
            searcher(tmp_path, average_last=last, num_train_epochs=4)
    with pytest.raises(FairTuneError, match="the best epoch is kept too"):
        searcher(tmp_path, average_last=1, num_train_epochs=4, save_strategy="best", metric_for_best_model="auc")


class Normed(nn.Module):
    """A classifier with running statistics."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.head = nn.BatchNorm2d(3), nn.Linear(3, 2)

    def forward(self, pixel_values: Tensor, labels: Tensor) -> ImageClassifierOutput:
        logits = self.head(self.norm(pixel_values).mean((2, 3)))
        return ImageClassifierOutput(loss=nn.functional.cross_entropy(logits, labels), logits=logits)


def test_running_statistics_are_refused_after_one_step(tmp_path: Path) -> None:
    args = TrainingArguments(str(tmp_path), use_cpu=True, report_to=[], disable_tqdm=True)
    data = table().remove_columns("groups")
    trainer = WholeTrainer(Normed(), args, train_dataset=data, callbacks=[WeightAverageCallback(1)])
    with pytest.raises(FairTuneError, match=r"`norm.running_mean` moves in training"):
        trainer.train()
    assert trainer.state.global_step == 1


def test_a_trial_is_valued_at_its_end_by_the_mean_alone(tmp_path: Path) -> None:
    plain, mean = (searcher(tmp_path / str(last), num_train_epochs=3, average_last=last) for last in (0, 2))
    for run in (plain, mean):
        best = run.hyperparameter_search(lambda _: {"learning_rate": 3e-2}, n_trials=1, selection="lower_bound")
    (*_, one), (*_, other) = (next(iter(trials(tmp_path / last))) for last in ("0", "2"))
    assert [one[epoch] for epoch in (1, 2)] == [other[epoch] for epoch in (1, 2)]
    assert other[3] == best.objective != one[3]
    # What is trained is what was valued.
    mean.train()
    assert mean.evaluate()["eval_min_group_auc"] == best.objective


@pytest.mark.parametrize("method", [FairTune(mask="layernorm"), GroupDro()])
def test_a_killed_training_of_a_method_ends_with_the_same_mean(tmp_path: Path, method: Any) -> None:
    def run(folder: Path) -> FairTrainer:
        args = FairTrainingArguments(
            str(folder), num_train_epochs=3, per_device_train_batch_size=16, learning_rate=1e-2, average_last=2,
            use_cpu=True, report_to=[], save_total_limit=None,
        )  # fmt: skip
        trainer = FairTrainer(tiny_vit(), args, method=method, train_dataset=table(), eval_dataset=table(32, 1))
        trainer.train(resume_from_checkpoint=True)
        return trainer

    whole = run(tmp_path / "whole")
    assert whole.training_log.training(whole).arguments["average_last"] == 2
    shutil.copytree(tmp_path / "whole" / "checkpoint-6", tmp_path / "killed" / "checkpoint-6")
    assert same(weights(run(tmp_path / "killed").model), weights(whole.model))
