"""A cross-fitted search: out-of-fold values, pruning by fold, divergence, kills, hours, and what is refused."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
import torch
from optuna.pruners import BasePruner
from transformers import ViTImageProcessor

from hf_fairtune import FairTrainer, FairTuneError
from hf_fairtune.combinations.mean import MeanModel
from hf_fairtune.data.arguments import DataArguments
from hf_fairtune.data.fair_dataset import FairDataset, load_fair_dataset
from hf_fairtune.datasets.lesions import write_lesions
from hf_fairtune.families.moved import move
from hf_fairtune.methods.full import Full
from hf_fairtune.search.hours import Clock, Ration
from hf_fairtune.search.kept import read_weights, weights_place
from hf_fairtune.search.modes import mode_named
from hf_fairtune.trainer.division import Division
from tests.conftest import KilledError, tiny_vit
from tests.spoiling import flipped
from tests.trainer.test_fair import arguments
from tests.trainer.test_searching import diverging_in, trials

FOLDS = 3


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> FairDataset:
    """100 generated images in three splits."""
    folder = write_lesions(tmp_path_factory.mktemp("data") / "lesions", n=100, image_size=16)
    table = DataArguments(str(folder), "label", ["malignant"], ["skin"], "patient_id", image_size=16)
    return load_fair_dataset(table, ViTImageProcessor(size={"height": 16, "width": 16}))


@pytest.fixture(scope="module")
def searcher(data: FairDataset) -> Callable[..., FairTrainer]:
    def make(folder: Path, **options: Any) -> FairTrainer:
        args = arguments(folder, per_device_train_batch_size=32, **{"save_strategy": "no", **options})
        return FairTrainer(model_init=lambda: tiny_vit(), args=args, data=data)

    return make


class Trainings:
    """Counts the epochs of fold trainings by place, and kills in one of them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, kill_at: tuple[str, float] | None = None) -> None:
        self.epochs: list[tuple[str, float]] = []
        step = FairTrainer.training_step

        def counted(run: FairTrainer, *args: Any, **kwargs: Any) -> Any:
            place = "/".join(Path(run.args.output_dir).parts[-2:])
            at = place, float(run.state.epoch or 0)
            if at[1] == int(at[1]):
                self.epochs.append(at)
            if kill_at == at:
                raise KilledError
            return step(run, *args, **kwargs)

        monkeypatch.setattr(FairTrainer, "training_step", counted)


@pytest.fixture(scope="module")
def whole(searcher: Callable[..., FairTrainer], tmp_path_factory: pytest.TempPathFactory) -> FairTrainer:
    """A search of two trials on three folds, undisturbed."""
    run = searcher(tmp_path_factory.mktemp("whole"))
    run.hyperparameter_search(n_trials=2, folds=FOLDS)
    return run


def kept(run: FairTrainer, number: int) -> np.ndarray:
    folder = Path(run.args.output_dir) / "trials"
    return np.concatenate([np.load(folder / f"{number}-{fold}.npy") for fold in range(FOLDS)])


def test_a_value_is_of_pairs_within_folds_of_every_labelled_row(whole: FairTrainer, data: FairDataset) -> None:
    assert whole.search is not None
    parts = [part.columns("validation") for part in data.folds(FOLDS, whole.args.seed)]
    assert sum(len(part["row"]) for part in parts) == len(data["train"]) + len(data["validation"])
    for trial in whole.search.complete:
        edges = np.cumsum([len(part["row"]) for part in parts])[:-1]
        won, pairs = np.zeros(2), np.zeros(2)
        for part, scores in zip(parts, np.split(kept(whole, trial.number), edges), strict=True):
            for group in (0, 1):
                own = [scores[(part["groups"] == group) & (part["labels"] == label)] for label in (1, 0)]
                above = own[0][:, None] - own[1]
                won[group] += (above > 0).sum() + (above == 0).sum() / 2
                pairs[group] += above.size
        assert trial.value == pytest.approx((won / pairs).min(), abs=1e-12)
        assert [*trial.values] == ["1", "2", "3"]
        assert trial.values["3"] == trial.value


def test_the_winner_is_that_of_the_folds_and_trains_on_train(whole: FairTrainer) -> None:
    assert whole.search is not None
    found = whole.search
    assert (found.folds, found.warmup_epochs, found.num_train_epochs) == (FOLDS, 0, 2)
    assert found.chosen is not None
    assert found.chosen.value == max(trial.value for trial in found.complete)
    # Two epochs a fold.
    assert found.budget().epochs == 2 * sum(len(trial.values) for trial in found.trials)
    assert all(trial.trainable_parameters for trial in found.trials)
    assert (whole.args.save_strategy, whole.args.eval_strategy) == ("no", "epoch")
    assert whole.args.learning_rate == found.chosen.learning_rate
    assert not (Path(whole.args.output_dir) / "folds").exists()


def test_a_fold_is_trained_as_anybody_would_train_it(
    whole: FairTrainer, searcher: Callable[..., FairTrainer], data: FairDataset, tmp_path: Path
) -> None:
    """The second fold of the first trial, by a trainer of its own: the same scores, bit for bit."""
    assert whole.search is not None
    first = whole.search.trials[0]
    part = Division.of(data, FOLDS, whole.args.seed).parts[1]
    method = replace(whole.open_method, mask=first.preset)
    args = arguments(tmp_path, per_device_train_batch_size=32, eval_strategy="no", save_strategy="no")
    args.learning_rate = first.learning_rate
    alone = FairTrainer(model_init=lambda: tiny_vit(), args=args, data=part, method=method)
    alone.train()
    assert alone.audits is not None
    assert np.array_equal(
        alone.audits.scores("model", "validation"), np.load(Path(whole.args.output_dir) / "trials" / "0-1.npy")
    )


def test_rules_read_the_kept_scores(whole: FairTrainer, searcher: Callable[..., FairTrainer]) -> None:
    study = trials(Path(whole.args.output_dir))
    for rule in ("lower_bound", "one_se"):
        run = searcher(Path(whole.args.output_dir))
        run.hyperparameter_search(n_trials=2, folds=FOLDS, selection=rule)
        assert trials(Path(whole.args.output_dir)) == study
        assert run.search is not None
        assert run.search.selection is not None
        assert len(run.search.selection.candidates) == len(run.search.complete)


@pytest.mark.parametrize("damaged", [False, True])
def test_killed_inside_a_fold(
    whole: FairTrainer,
    searcher: Callable[..., FairTrainer],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    damaged: bool,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """In the second epoch of the first trial's second fold: it goes on there, and ends the same.

    A fold whose scores are damaged is trained again.
    """
    with monkeypatch.context() as patch:
        Trainings(patch, kill_at=("0/1-of-3", 1.0))
        with pytest.raises(KilledError):
            searcher(tmp_path, save_strategy="epoch").hyperparameter_search(n_trials=1, folds=FOLDS)
    if damaged:
        flipped(tmp_path / "trials" / "0-0.npy")
    with monkeypatch.context() as patch:
        seen = Trainings(patch)
        searcher(tmp_path, save_strategy="epoch").hyperparameter_search(n_trials=1, folds=FOLDS)
    again = [("0/0-of-3", 0.0), ("0/0-of-3", 1.0)] if damaged else []
    assert ("0-0.npy` is damaged; the fold is trained again" in capsys.readouterr().err) == damaged
    assert seen.epochs == [*again, ("0/1-of-3", 1.0), ("0/2-of-3", 0.0), ("0/2-of-3", 1.0)]
    assert trials(tmp_path)[0] == trials(Path(whole.args.output_dir))[0]
    assert not (tmp_path / "folds").exists()


class After(BasePruner):
    """Stop the second trial after its first fold, and every trial after its last."""

    def prune(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> bool:
        steps = len(trial.intermediate_values)
        return steps == 2 or (trial.number, steps) == (1, 1)


def test_a_trial_stops_between_folds_but_not_at_its_end(
    searcher: Callable[..., FairTrainer], data: FairDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = Trainings(monkeypatch)
    run = searcher(tmp_path, num_train_epochs=1)
    run.hyperparameter_search(mode=replace(mode_named("default", 2, 0, 0), pruner=After()), folds=2, combine="distill")
    assert run.search is not None
    assert [trial.state for trial in run.search.trials] == ["COMPLETE", "PRUNED"]
    assert [place for place, _ in seen.epochs] == ["0/0-of-2", "0/1-of-2", "1/0-of-2"]
    assert run.search.trials[1].stopped_by == "score"
    # The models of the complete trial stay, and teach: each gives its fold's scores again.
    kept = sorted(path.name for path in (tmp_path / "trials").iterdir())
    assert kept == ["0-0.npy", "0-0.safetensors", "0-1.npy", "0-1.safetensors", "1-0.npy"]
    assert run.search.combination is not None
    assert [member.value for member in run.search.combination.members] == [run.search.trials[0].value]
    assert run.method.teacher is not None
    teacher = run.method.teacher.model
    assert isinstance(teacher, MeanModel)
    for fold, member in enumerate(teacher.members):
        own = read_weights(weights_place(tmp_path, 0, fold))
        assert all(torch.equal(values, member[name]) for name, values in own.items())
    assert len(teacher.members) == 2
    part = Division.of(data, 2, run.args.seed).parts[1]
    model = tiny_vit()
    move(model, read_weights(weights_place(tmp_path, 0, 1)))
    alone = FairTrainer(model, arguments(tmp_path / "alone"), data=part, method=Full())
    assert alone.audits is not None
    assert np.array_equal(alone.audits.scores("model", "validation"), np.load(tmp_path / "trials" / "0-1.npy"))


def test_a_fold_that_diverges_fails_its_trial(searcher: Callable[..., FairTrainer], tmp_path: Path) -> None:
    run = searcher(tmp_path, num_train_epochs=2, warmup_steps=0)
    space = diverging_in(0)
    run.hyperparameter_search(hp_space=space, n_trials=2, folds=2)
    assert run.search is not None
    assert [trial.state for trial in run.search.trials] == ["FAIL", "COMPLETE"]
    assert "NaN or infinite" in (run.search.trials[0].message or "")
    assert sorted(path.name for path in (tmp_path / "trials").iterdir()) == ["1-0.npy", "1-1.npy"]


def test_floors_are_of_the_rows_out_of_fold(searcher: Callable[..., FairTrainer], tmp_path: Path) -> None:
    run = searcher(tmp_path, num_train_epochs=1)
    with pytest.raises(FairTuneError, match=r"its AUC of 0\.\d+ is below `min_auc` 0.99"):
        run.hyperparameter_search(n_trials=1, folds=2, min_auc=0.99)
    assert run.search is not None
    assert run.search.trials[0].infeasible == ["min_auc"]


def test_hours_end_inside_a_fold(searcher: Callable[..., FairTrainer], tmp_path: Path) -> None:
    """One trial is complete; then there is no time for more than a fold."""
    run = searcher(tmp_path)
    left = iter([0.0, 0.0])
    run.ration = Ration(Clock(tmp_path), 1e9, 0, lambda finished: next(left, np.inf) if finished > 1 else 0.0)
    run.hyperparameter_search(n_trials=4, folds=2)
    assert run.search is not None
    assert [(trial.state, trial.stopped_by) for trial in run.search.trials] == [
        ("COMPLETE", None),
        ("PRUNED", "hours"),
    ]
    assert run.search.out_of_hours
    assert not (tmp_path / "folds").exists()
    assert json.loads((tmp_path / "hours.json").read_text())["hours"] > 0
    # The fold that is done stays, for a search with more hours.
    assert (tmp_path / "trials" / "1-0.npy").is_file()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"folds": 1}, "`folds` is 1; give 2 or more, or 0"),
        ({"folds": 3, "mode": "paper"}, "the mode `paper` scores trials on one validation split"),
        ({"folds": 3, "mode": "published"}, "the mode `published` scores trials on one validation split"),
        ({"folds": 3, "selection": "folds"}, "the selection `folds` trains finalists on folds, as `folds` 3 does"),
        ({"folds": 3, "fraction": 0.5}, "`folds` 3 trains on all labelled rows, a fraction of 0.5 on fewer"),
        ({"folds": 3, "combine": "ensemble"}, "`ensemble` of models on folds, which saw validation, .+ `distill`"),
        ({"folds": 3, "combine": "soup"}, "`soup` of models on folds, which saw validation, .+ `distill`"),
        ({"folds": 40}, "Group `.+` has no row in fold 1 of 40 .+ take fewer folds"),
    ],
)
def test_what_folds_cannot_do_is_said_beforehand(
    searcher: Callable[..., FairTrainer], tmp_path: Path, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(FairTuneError, match=said):
        searcher(tmp_path).hyperparameter_search(n_trials=1, **options)
    assert not (tmp_path / "search.db").exists()
