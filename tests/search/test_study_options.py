"""What a user gives to Optuna is what is used, or one line; an objective of any kind has a name."""

from functools import partial
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.pruners import ThresholdPruner
from optuna.samplers import RandomSampler
from optuna.storages import InMemoryStorage, RDBStorage
from transformers import TrainingArguments
from transformers.trainer_utils import HPSearchBackend

from hf_fairtune import FairTrainer, FairTuneError
from hf_fairtune.search.modes import default
from hf_fairtune.search.plan import name_of
from hf_fairtune.search.study_options import StudyOptions
from tests.conftest import KilledError, table, tiny_vit
from tests.trainer.test_drop_in_table import SHORT, accuracy
from tests.trainer.test_searching import searcher


def study_of(folder: Path, name: str = "mine") -> optuna.Study:
    return optuna.load_study(study_name=name, storage=f"sqlite:///{folder / 'own.db'}")


def begun(folder: Path, name: str = "mine") -> list[optuna.trial.FrozenTrial]:
    """List the trials that began; presets wait in the queue."""
    return [trial for trial in study_of(folder, name).trials if trial.state.name != "WAITING"]


def cost(metrics: dict[str, float], weight: float = 1.0) -> float:
    """An objective with an argument."""
    return weight * metrics["eval_loss"]


class Cost:
    """An objective that is an object."""

    def __call__(self, metrics: dict[str, float]) -> float:
        return cost(metrics)


def test_an_objective_has_a_name() -> None:
    assert [name_of(one) for one in (cost, partial(cost, weight=2), lambda m: 0.0, Cost())] == [
        "cost", "cost", "lambda", "Cost",
    ]  # fmt: skip


@pytest.mark.parametrize("backend", [None, "optuna", HPSearchBackend.OPTUNA])
def test_the_backend_is_optuna(backend: Any) -> None:
    assert StudyOptions.of(backend, {}) == StudyOptions()


@pytest.mark.parametrize(
    ("backend", "given", "message"),
    [
        ("ray", {"n_jobs": 2}, "`n_jobs` is 2, but its threads would share one trainer; start the same command"),
        ("ray", {"scheduler": 1}, "`scheduler` is given, but Ray only places the workers; leave it out."),
        ("ray", {"storage": InMemoryStorage()}, "`storage` is a InMemoryStorage, which workers on Ray cannot share;"),
        ("ray", {"resources_per_trial": {"cpu": 0}}, "`resources_per_trial` is {'cpu': 0}; give what a worker takes"),
        ("ray", {"max_concurrent_trials": 0}, "`max_concurrent_trials` is 0; give 1 or more, or None for no limit."),
        (HPSearchBackend.WANDB, {}, "`backend` is <HPSearchBackend.WANDB"),
        (None, {"n_jobs": 2}, "`n_jobs` is 2, but its threads would share one trainer; start the same command"),
        (None, {"directions": ["maximize"]}, "`directions` is given, but one objective has one `direction`; leave"),
        (None, {"resources_per_trial": {}}, "`resources_per_trial` is given, but Optuna is given no such option"),
        (None, {"timeout": 0}, "`timeout` is 0 seconds; give a number above 0"),
        (None, {"grace_period": 0}, "`grace_period` is 0 seconds; give 1 or more."),
    ],
)
def test_what_cannot_work_is_one_line(backend: Any, given: Any, message: str) -> None:
    with pytest.raises(FairTuneError) as refused:
        StudyOptions.of(backend, given)
    assert str(refused.value).startswith(message)
    assert "\n" not in str(refused.value)


def test_a_sampler_draws_every_bit_and_the_mode_says_so() -> None:
    mode, own = default(3, 0, 1), StudyOptions(sampler=RandomSampler(0), pruner=ThresholdPruner(lower=0.5))
    found = own.over(mode)
    assert (found.sampler, found.pruner, found.presets) == (own.sampler, own.pruner, False)
    assert found.name == "default, RandomSampler, ThresholdPruner"
    assert StudyOptions().over(mode) is mode


@pytest.mark.parametrize(
    ("storage", "place"),
    [
        (None, None),
        ("postgresql+psycopg://me:secret@clinic.internal/trials?sslmode=require", "fairtune in postgresql trials"),
        ("postgresql://me:secret@clinic.internal", "fairtune in postgresql"),
        ("mysql+pymysql://me:secret@clinic.internal:3306/", "fairtune in mysql"),
        ("postgresql://me:se/cr?et@clinic.internal/trials", "fairtune in postgresql trials"),
        ("me:secret@clinic.internal", "fairtune in a storage"),
        ("postgresql://me:secret@clinic.internal:x/trials", "fairtune in a storage"),
        ("sqlite:////home/me/own.db", "fairtune in sqlite own.db"),
        (InMemoryStorage(), "fairtune in InMemoryStorage"),
    ],
)
def test_a_place_has_no_password_host_or_folder(storage: Any, place: str | None) -> None:
    assert StudyOptions(storage=storage).place == place


def test_a_storage_is_the_one_used_recorded_and_resumed(tmp_path: Path) -> None:
    options: dict[str, Any] = {"storage": f"sqlite:///{tmp_path / 'own.db'}", "study_name": "mine"}
    run = searcher(tmp_path / "run", num_train_epochs=1)
    run.hyperparameter_search(n_trials=2, **options)
    first = [trial.params for trial in begun(tmp_path)]
    assert len(first) == 2
    assert not (tmp_path / "run" / "search.db").exists()
    again = searcher(tmp_path / "run", num_train_epochs=1)
    again.hyperparameter_search(n_trials=3, **options)
    assert [trial.params for trial in begun(tmp_path)][:2] == first
    assert again.search is not None
    assert (again.search.study, len(again.search.trials)) == ("mine in sqlite own.db", 3)
    own = searcher(tmp_path / "own", num_train_epochs=1)
    own.hyperparameter_search(n_trials=2)
    assert own.search is not None
    assert [trial.value for trial in own.search.trials] == [trial.value for trial in again.search.trials][:2]

    with pytest.raises(FairTuneError, match="the study mine in sqlite own.db is there already and `load_if_exists`"):
        searcher(tmp_path / "run", num_train_epochs=1).hyperparameter_search(load_if_exists=False, **options)
    with pytest.raises(FairTuneError, match="mine in sqlite own.db holds a search with another seed; give another `s"):
        searcher(tmp_path / "run", num_train_epochs=1, seed=1).hyperparameter_search(**options)
    storage = InMemoryStorage()
    optuna.create_study(storage=storage, study_name="other").enqueue_trial({})
    with pytest.raises(FairTuneError, match="was not made by such a search; give another `study_name`"):
        searcher(tmp_path / "run").hyperparameter_search(storage=storage, study_name="other")
    with pytest.raises(FairTuneError, match="cannot be opened: "):
        searcher(tmp_path / "run").hyperparameter_search(storage="nowhere://x")


def test_a_shared_storage_keeps_the_running_trials_of_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A trial that this folder's run left is run again; one of which no heartbeat tells is not touched."""
    storage = RDBStorage(f"sqlite:///{tmp_path / 'own.db'}")
    report = FairTrainer._report_to_hp_search

    def stop(self: FairTrainer, trial: Any, step: int, metrics: dict[str, float]) -> None:
        if trial is not None and trial.number == 1:
            raise KilledError
        report(self, trial, step, metrics)

    with monkeypatch.context() as patch:
        patch.setattr(FairTrainer, "_report_to_hp_search", stop)
        with pytest.raises(KilledError):
            searcher(tmp_path / "run", num_train_epochs=1).hyperparameter_search(n_trials=3, storage=storage)
    assert [trial.state.name for trial in study_of(tmp_path, "fairtune").trials] == ["COMPLETE", "WAITING"]
    other_machine = study_of(tmp_path, "fairtune")
    other_machine._storage.create_new_trial(other_machine._study_id)
    searcher(tmp_path / "run", num_train_epochs=1).hyperparameter_search(n_trials=3, storage=storage)
    states = [trial.state.name for trial in begun(tmp_path, "fairtune")]
    assert states == ["COMPLETE", "COMPLETE", "RUNNING", "COMPLETE"]
    # Another machine goes on with the study, and every machine has its winner.
    other = searcher(tmp_path / "other", num_train_epochs=1)
    best = other.hyperparameter_search(n_trials=4, storage=storage)
    done = [trial for trial in begun(tmp_path, "fairtune") if trial.state.name == "COMPLETE"]
    assert len(done) == 4
    assert best.objective == max(trial.value for trial in done)


def test_a_trial_killed_as_it_begins_is_taken_up_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever the folder is by then."""
    storage = f"sqlite:///{tmp_path / 'own.db'}"

    def stop(*_: Any) -> None:
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr("hf_fairtune.trainer.reports.start_trial", stop)
        with pytest.raises(KilledError):
            searcher(tmp_path / "run", num_train_epochs=1).hyperparameter_search(n_trials=1, storage=storage)
    assert [trial.state.name for trial in study_of(tmp_path, "fairtune").trials] == ["WAITING"]
    (tmp_path / "run").rename(tmp_path / "moved")
    searcher(tmp_path / "moved", num_train_epochs=1).hyperparameter_search(n_trials=1, storage=storage)
    assert [(trial.number, trial.state.name) for trial in begun(tmp_path, "fairtune")] == [(0, "COMPLETE")]


@pytest.mark.parametrize(
    ("first", "second", "rule"),
    [
        ({}, {"selection": "lower_bound"}, "lower_bound"),
        ({"combine": "soup"}, {}, "soup"),
        ({"selection": "one_se"}, {"combine": "distill"}, "one_se"),
    ],
)
def test_a_choice_by_files_shares_no_storage(tmp_path: Path, first: Any, second: Any, rule: str) -> None:
    """One process alone may choose so; the second is refused before it trains, until none chooses so."""
    storage = InMemoryStorage()

    def search(name: str, **rules: Any) -> None:
        searcher(tmp_path / name, num_train_epochs=1).hyperparameter_search(n_trials=1, storage=storage, **rules)

    search("a", **first)
    with pytest.raises(FairTuneError, match=f"has runs of several output_dirs, but `{rule}` reads scores or weights"):
        search("b", **second)
    assert not (tmp_path / "b" / "trials").exists()
    search("a", **first)
    search("a")
    search("b")


def test_a_timeout_begins_no_further_trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = searcher(tmp_path, num_train_epochs=1)
    run.hyperparameter_search(n_trials=50, timeout=0.5)
    assert run.search is not None
    assert 0 < len(run.search.trials) < 50
    run.train()


def test_an_error_to_catch_fails_its_trial_alone(tmp_path: Path) -> None:
    def space(trial: Any) -> dict[str, float]:
        return {"learning_rate": trial.suggest_float("learning_rate", 1e-4, 1e-3)}

    def objective(metrics: dict[str, float]) -> float:
        if not seen:
            seen.append(True)
            raise ZeroDivisionError("no cases")
        return metrics["eval_auc"]

    seen: list[bool] = []
    run = searcher(tmp_path, num_train_epochs=1)
    run.hyperparameter_search(space, objective, 2, "maximize", catch=ZeroDivisionError)
    assert run.search is not None
    assert [(trial.state, trial.message) for trial in run.search.trials] == [("FAIL", "no cases"), ("COMPLETE", None)]


def test_the_call_of_a_stock_script(tmp_path: Path) -> None:
    """By place, with metrics, objective, sampler and pruner of one's own, without groups."""
    rows = table(24).remove_columns("groups")
    args = TrainingArguments(str(tmp_path), **SHORT)
    run = FairTrainer(
        model_init=lambda: tiny_vit(), args=args, train_dataset=rows, eval_dataset=rows, compute_metrics=accuracy
    )
    best = run.hyperparameter_search(
        lambda trial: {"weight_decay": trial.suggest_float("weight_decay", 0.0, 0.1)},
        partial(cost, weight=2.0), 3, "minimize", "optuna", lambda trial: f"mine-{trial.number}",
        sampler=RandomSampler(seed=3), pruner=optuna.pruners.NopPruner(), gc_after_trial=True,
    )  # fmt: skip
    wanted = optuna.create_study(sampler=RandomSampler(seed=3))
    assert best.hyperparameters["weight_decay"] in [wanted.ask().suggest_float("weight_decay", 0, 0.1) for _ in "012"]
    run.train()
    assert 2 * run.evaluate()["eval_loss"] == pytest.approx(best.objective)
    assert run.search is not None
    assert (run.search.objective, run.search.mode) == ("cost", "default, RandomSampler, NopPruner")


@pytest.mark.parametrize("steps", [4, 5])
def test_evaluations_by_steps_report_at_whole_epochs(tmp_path: Path, steps: int) -> None:
    """Of 6 steps an epoch and 2 epochs: the first value at or after the end of each, and the last of all as value."""
    run = searcher(
        tmp_path, num_train_epochs=2, per_device_train_batch_size=8, eval_strategy="steps", eval_steps=steps
    )
    run.hyperparameter_search(n_trials=1)
    assert run.search is not None
    (trial,) = run.search.trials
    evaluated = [*range(steps, 12, steps), 12]
    assert [int(epoch) for epoch in trial.values] == sorted({at // 6 for at in evaluated if at >= 6})
    run.train()
    logged = {line["step"]: line["eval_min_group_auc"] for line in run.state.log_history if "eval_loss" in line}
    for epoch, value in trial.values.items():
        first = next(at for at in evaluated if at >= 6 * int(epoch))
        assert value == (logged[first] if first in logged else run.evaluate()["eval_min_group_auc"])
    assert trial.value == run.evaluate()["eval_min_group_auc"]
    assert trial.reached == 2


def test_a_length_in_steps_counts_in_epochs(tmp_path: Path) -> None:
    run = searcher(tmp_path, max_steps=12, per_device_train_batch_size=8, warmup_steps=6)
    run.hyperparameter_search(n_trials=1)
    assert run.search is not None
    assert (run.search.num_train_epochs, run.search.warmup_epochs, run.search.trials[0].reached) == (2, 1, 2)
