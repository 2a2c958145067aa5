"""The search through `Trainer.hyperparameter_search`: resumed after kill -9, reproducible, restored afterwards."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest

from hf_fairtune import FairTrainer, FairTuneError
from hf_fairtune.masks.space import regular
from hf_fairtune.methods.fairtune import FairTune
from tests.conftest import table, tiny_vit
from tests.families.backbones import backbone
from tests.trainer.test_fair import arguments

ROOT = Path(__file__).parent.parent.parent


def diverging_in(number: int) -> Callable[[Any], dict[str, float]]:
    """Return a space in which the trial of that number has a rate that is far too high."""
    return lambda trial: {"learning_rate": 1e30 if trial.number == number else 1e-4}


def searcher(folder: Path, **options: Any) -> FairTrainer:
    """A trainer with an open mask."""
    args = arguments(folder, **options)
    return FairTrainer(model_init=lambda: tiny_vit(), args=args, train_dataset=table(), eval_dataset=table(64, 1))


def trials(folder: Path) -> list[tuple]:
    """State, parameters and values by epoch of a study's trials."""
    study = optuna.load_study(study_name="fairtune", storage=f"sqlite:///{folder / 'search.db'}")
    return [(t.number, t.state.name, t.params, t.value, t.intermediate_values) for t in study.trials]


def test_the_winner_is_adopted_and_retrains_to_its_value(tmp_path: Path) -> None:
    run = searcher(tmp_path)
    best = run.hyperparameter_search(n_trials=7)
    assert run.args.learning_rate == best.hyperparameters["learning_rate"]
    assert run.args.save_strategy == "epoch"
    assert not list(tmp_path.glob("run-*"))
    run.train()
    assert run.evaluate()["eval_min_group_auc"] == best.objective
    study = optuna.load_study(study_name="fairtune", storage=f"sqlite:///{tmp_path / 'search.db'}")
    assert min(study.best_trial.user_attrs["groups"].values()) == best.objective


def test_presets_come_first(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run = searcher(tmp_path, num_train_epochs=1)
    run.hyperparameter_search(n_trials=5)
    assert run.search is not None
    assert [(t.preset, tuple(t.mask)) for t in run.search.trials] == [
        (name, regular("paper36", 3).preset(name)) for name in ("all", "all", "attention", "layernorm", "linear")
    ]
    printed = capfd.readouterr().err
    for preset in ("all", "attention", "layernorm", "linear"):
        assert f"complete · {preset} · " in printed
    assert "trial 4 (5 of 5) · epoch 1/1 · min_group_auc 0." in printed


def test_paper_mode_searches_bits(tmp_path: Path) -> None:
    searcher(tmp_path, num_train_epochs=1).hyperparameter_search(n_trials=2, mode="paper", compute_objective="auc_gap")
    ((_, _, params, _, _), _) = trials(tmp_path)
    assert sorted(params) == sorted([f"mask_{i}" for i in range(9)] + ["learning_rate"])


def test_the_winner_of_a_search_by_the_gap_has_the_smallest(tmp_path: Path) -> None:
    run = searcher(tmp_path, num_train_epochs=1)
    best = run.hyperparameter_search(n_trials=2, compute_objective="auc_gap", direction="minimize")
    values = [value for *_, value, _ in trials(tmp_path) if value is not None]
    assert best.objective == min(values) < max(values)


def test_a_preset_that_an_architecture_lacks_opens_no_study(tmp_path: Path) -> None:
    def model_init() -> Any:
        return backbone("mobilenet_v2")

    with pytest.raises(FairTuneError, match="but `stages` of `mobilenet_v2` can train only norm, convolution"):
        FairTrainer(
            model_init=model_init,
            args=arguments(tmp_path / "o"),
            train_dataset=table(),
            eval_dataset=table(),
            method=FairTune(mask="attention"),
        )
    assert not list(tmp_path.iterdir())


def test_a_diverging_trial_fails_with_its_reason_and_the_search_goes_on(tmp_path: Path) -> None:
    run = searcher(tmp_path, num_train_epochs=1)
    space = diverging_in(0)
    best = run.hyperparameter_search(hp_space=space, n_trials=3)
    assert [state for _, state, *_ in trials(tmp_path)][:3] == ["FAIL", "COMPLETE", "COMPLETE"]
    assert best.run_id in ("1", "2")


def test_a_space_may_draw_the_length_of_the_schedule(tmp_path: Path) -> None:
    """Each trial trains as long as it drew, and the winner again as long as it did."""
    run = searcher(tmp_path)
    best = run.hyperparameter_search(
        lambda trial: {"num_train_epochs": 1 + trial.number, "learning_rate": 3e-3}, n_trials=2
    )
    assert run.search is not None
    assert [len(trial.values) for trial in run.search.trials] == [1, 2]
    run.train()
    assert run.state.epoch == int(best.run_id) + 1
    assert run.evaluate()["eval_min_group_auc"] == best.objective


def test_bad_input(tmp_path: Path) -> None:
    with pytest.raises(FairTuneError, match="`mode` is 'fast'"):
        searcher(tmp_path).hyperparameter_search(mode="fast")
    with pytest.raises(FairTuneError, match="`beauty` is not a metric to optimise"):
        searcher(tmp_path).hyperparameter_search(compute_objective="beauty")
    for metric, direction in (("min_group_auc", "minimize"), ("eval_auc_gap", "maximize"), ("auc", ["maximize"])):
        with pytest.raises(
            FairTuneError, match=r"`direction` is .*, but `\w+` is there to \w+; leave `direction` out"
        ):
            searcher(tmp_path).hyperparameter_search(compute_objective=metric, direction=direction)
    assert not (tmp_path / "search.db").exists()
    with pytest.raises(FairTuneError, match="a function as objective needs maximize or minimize"):
        searcher(tmp_path).hyperparameter_search(compute_objective=lambda metrics: 0.0)
    with pytest.raises(FairTuneError, match="needs maximize or minimize"):
        searcher(tmp_path).hyperparameter_search(compute_objective=lambda metrics: 0.0, direction=["maximize"])
    searcher(tmp_path, num_train_epochs=1).hyperparameter_search(n_trials=1)
    with pytest.raises(FairTuneError, match="holds a search with another num_train_epochs, seed"):
        searcher(tmp_path, num_train_epochs=2, seed=1).hyperparameter_search(n_trials=1)


def test_ctrl_c_leaves_the_trial_to_be_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = searcher(tmp_path / "stopped", num_train_epochs=1)
    report = FairTrainer._report_to_hp_search

    def stop(self: FairTrainer, trial: Any, step: int, metrics: dict[str, float]) -> None:
        if trial is not None and trial.number == 1:
            raise KeyboardInterrupt
        report(self, trial, step, metrics)

    with monkeypatch.context() as patch:
        patch.setattr(FairTrainer, "_report_to_hp_search", stop)
        with pytest.raises(KeyboardInterrupt):
            run.hyperparameter_search(n_trials=3)
    assert [state for _, state, *_ in trials(tmp_path / "stopped")][:2] == ["COMPLETE", "WAITING"]
    searcher(tmp_path / "stopped", num_train_epochs=1).hyperparameter_search(n_trials=3)
    searcher(tmp_path / "whole", num_train_epochs=1).hyperparameter_search(n_trials=3)
    assert trials(tmp_path / "stopped") == trials(tmp_path / "whole")


def test_no_trials_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(FairTuneError, match="`n_trials` is 0; a search takes at least one"):
        searcher(tmp_path).hyperparameter_search(n_trials=0)


def test_a_search_without_a_winner_is_one_line_and_leaves_optuna_as_it_was(tmp_path: Path) -> None:
    before = optuna.logging.get_verbosity()
    run = searcher(tmp_path, num_train_epochs=1)
    with pytest.raises(FairTuneError, match="no trial came to its end, so there is no winner"):
        run.hyperparameter_search(hp_space=lambda trial: {"learning_rate": 1e30}, n_trials=2)
    assert [state for _, state, *_ in trials(tmp_path)][:2] == ["FAIL", "FAIL"]
    with pytest.raises(FairTuneError):
        searcher(tmp_path, seed=9).hyperparameter_search(n_trials=1)
    assert optuna.logging.get_verbosity() == before


def test_a_wrong_metric_in_a_trial_says_so(tmp_path: Path) -> None:
    run = searcher(tmp_path, num_train_epochs=1)
    run.compute_metrics = None
    with pytest.raises(FairTuneError, match="`objective` is 'min_group_auc'; the metrics are"):
        run.hyperparameter_search(n_trials=1)
