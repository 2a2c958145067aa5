"""Trials of methods with knobs or several stages: trained as the method is alone, scored at their end, resumed."""

from pathlib import Path
from typing import Any

import optuna
import pytest
import torch

from hf_fairtune import FairTrainer, FairTuneError
from hf_fairtune.methods.method import Method, method_named
from hf_fairtune.trainer.divergence import DivergedError, Divergence
from tests.conftest import KilledError, table, tiny_vit
from tests.trainer.test_fair import arguments
from tests.trainer.test_searching import trials


def trainer(folder: Path, method: Method, **options: Any) -> FairTrainer:
    args = arguments(folder, **options)
    return FairTrainer(
        model_init=lambda: tiny_vit(), args=args, method=method, train_dataset=table(), eval_dataset=table(64, 1)
    )


def test_a_trial_of_several_stages_is_the_training_of_them_all(tmp_path: Path) -> None:
    run = trainer(tmp_path / "search", method_named("swift").tuned("alpha_head"))
    best = run.hyperparameter_search(n_trials=3)
    assert not list((tmp_path / "search").glob("staged/*"))
    assert run.search is not None
    values = [trial.value for trial in run.search.complete]
    assert len({*values}) > 1
    assert best.objective == max(values)
    for trial in run.search.complete:
        method = method_named("swift", alpha_head=trial.params["alpha_head"])
        alone = trainer(tmp_path / str(trial.number), method, learning_rate=trial.learning_rate)
        alone.train()
        assert alone.evaluate()["eval_min_group_auc"] == trial.value
    run.train()
    assert run.evaluate()["eval_min_group_auc"] == best.objective


def test_knobs_are_drawn_from_their_default_on(tmp_path: Path) -> None:
    run = trainer(tmp_path, method_named("sam").tuned("rho"), num_train_epochs=1)
    best = run.hyperparameter_search(n_trials=3)
    assert run.search is not None
    drawn = [trial.params["rho"] for trial in run.search.trials]
    assert drawn[0] == 0.05
    assert len({*drawn}) == 3
    assert run.method.hyperparameters()["rho"] == best.hyperparameters["rho"]
    again = trainer(tmp_path, method_named("sam"), num_train_epochs=1)
    with pytest.raises(FairTuneError, match="a search with another method"):
        again.hyperparameter_search(n_trials=3)


def test_a_trial_killed_between_its_stages_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def search(folder: Path) -> FairTrainer:
        run = trainer(folder, method_named("swift"), save_strategy="epoch")
        run.hyperparameter_search(n_trials=2)
        return run

    whole, stage = search(tmp_path / "whole"), type(method_named("swift"))
    with monkeypatch.context() as patch:
        prepare = stage.prepare

        def killed(self: Any, model: Any, facts: Any) -> Any:
            if self.steps == "head":
                raise KilledError
            return prepare(self, model, facts)

        patch.setattr(stage, "prepare", killed)
        with pytest.raises(KilledError):
            search(tmp_path / "killed")
    assert list((tmp_path / "killed").glob("staged/0/extractor/checkpoint-*"))
    found = search(tmp_path / "killed")
    assert trials(tmp_path / "killed") == trials(tmp_path / "whole")
    assert all(torch.equal(p, q) for p, q in zip(found.model.parameters(), whole.model.parameters(), strict=True))


def test_a_trial_that_fails_leaves_no_checkpoints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def diverged(*_: object) -> None:
        raise DivergedError("the training loss is NaN or infinite.")

    run = trainer(tmp_path, method_named("swift"), num_train_epochs=1, save_strategy="epoch")
    monkeypatch.setattr(Divergence, "refuse", diverged)
    with pytest.raises(FairTuneError):
        run.hyperparameter_search(n_trials=1)
    assert not list(tmp_path.glob("staged/*"))


def test_several_stages_are_not_combined(tmp_path: Path) -> None:
    with pytest.raises(FairTuneError, match="`ensemble` combines trials of one training each, but the method 'swift'"):
        trainer(tmp_path, method_named("swift")).hyperparameter_search(n_trials=2, combine="ensemble")


def test_a_fixed_trial_gives_the_same_knob() -> None:
    trial = optuna.trial.FixedTrial({"rho": 0.5})
    assert method_named("sam").tuned("rho").suggest(trial, None) == method_named("sam", rho=0.5)  # type: ignore[arg-type]
