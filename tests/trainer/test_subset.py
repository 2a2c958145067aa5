"""A search whose trials train on a share of the training rows: the same rows in each, all of them afterwards."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from transformers import ViTImageProcessor

from hf_fairtune import FairTrainer, FairTuneError
from hf_fairtune.data.arguments import DataArguments
from hf_fairtune.data.fair_dataset import FairDataset, load_fair_dataset
from hf_fairtune.datasets.lesions import write_lesions
from hf_fairtune.methods.full import Full
from hf_fairtune.trainer.price import cost
from tests.conftest import KilledError, table, tiny_vit
from tests.trainer.test_fair import arguments
from tests.trainer.test_price import FakeClock
from tests.trainer.test_searching import trials


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> FairDataset:
    """300 generated images in three splits."""
    folder = write_lesions(tmp_path_factory.mktemp("data") / "lesions", n=300, image_size=16)
    flags = DataArguments(str(folder), "label", ["malignant"], ["skin"], "patient_id", image_size=16)
    return load_fair_dataset(flags, ViTImageProcessor(size={"height": 16, "width": 16}))


def searcher(folder: Path, data: FairDataset, **options: Any) -> FairTrainer:
    args = arguments(folder, **{"num_train_epochs": 1, "seed": 5, **options})
    return FairTrainer(model_init=lambda: tiny_vit(), args=args, data=data)


class Seen:
    """The rows of each training as it begins, what its method knew of them, and the rows that were evaluated."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.rows: list[list[int]] = []
        self.cells: list[list[list[int]]] = []
        self.evaluated: set[int] = set()
        loader, evaluate = FairTrainer.get_train_dataloader, FairTrainer._evaluate

        def train(trainer: FairTrainer) -> Any:
            found = loader(trainer)
            data: Any = found.dataset
            self.rows.append(data.with_format("numpy")["row"][:].tolist())
            self.cells.append(trainer.facts.cells.tolist())
            return found

        def score(trainer: FairTrainer, *args: Any, **kwargs: Any) -> dict[str, float]:
            dataset: Any = trainer.eval_dataset
            self.evaluated.add(len(dataset))
            return evaluate(trainer, *args, **kwargs)

        monkeypatch.setattr(FairTrainer, "get_train_dataloader", train)
        monkeypatch.setattr(FairTrainer, "_evaluate", score)


def test_every_trial_sees_the_same_rows_and_the_winner_sees_all(
    tmp_path: Path, data: FairDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = searcher(tmp_path, data)
    some = data.subset(0.25, seed=5)
    with monkeypatch.context() as patch:
        seen = Seen(patch)
        run.hyperparameter_search(n_trials=2, fraction=0.25)
    # The first look is that of the warm-up's length.
    trained = [rows for rows in seen.rows if len(rows) < len(data["train"])]
    assert len(trained) >= 2
    assert {tuple(rows) for rows in trained} == {tuple(some.columns("train")["row"].tolist())}
    of_trials = [cells for rows, cells in zip(seen.rows, seen.cells, strict=True) if rows == trained[0]]
    assert {str(cells) for cells in of_trials} == {str(some.cells("train").tolist())}
    assert seen.evaluated == {len(data["validation"])}
    assert run.search is not None
    assert run.search.fraction == 0.25
    assert run.data is data
    assert run.facts.cells.tolist() == data.cells("train").tolist()
    seen = Seen(monkeypatch)
    run.train()
    assert {tuple(rows) for rows in seen.rows} == {tuple(data.columns("train")["row"].tolist())}


def test_a_killed_search_goes_on_with_the_same_rows(
    tmp_path: Path, data: FairDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    searcher(tmp_path / "whole", data).hyperparameter_search(n_trials=3, fraction=0.25)
    report = FairTrainer._report_to_hp_search

    def die(trainer: FairTrainer, trial: Any, step: int, metrics: dict[str, float]) -> None:
        if trial.number == 1:
            raise KilledError
        report(trainer, trial, step, metrics)

    with monkeypatch.context() as patch:
        patch.setattr(FairTrainer, "_report_to_hp_search", die)
        with pytest.raises(KilledError):
            searcher(tmp_path / "killed", data).hyperparameter_search(n_trials=3, fraction=0.25)
    for fraction in (1.0, 0.5):
        with pytest.raises(FairTuneError, match="holds a search with another fraction;"):
            searcher(tmp_path / "killed", data).hyperparameter_search(n_trials=3, fraction=fraction)
    searcher(tmp_path / "killed", data).hyperparameter_search(n_trials=3, fraction=0.25)
    assert trials(tmp_path / "killed") == trials(tmp_path / "whole")


def test_a_trial_on_a_share_costs_less_and_a_training_does_not(
    tmp_path: Path, data: FairDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model takes 100 s, a step 2 and an evaluated row half a second."""
    clock = FakeClock(monkeypatch)
    clock.takes(FairTrainer, "call_model_init", lambda *_: 100)
    clock.takes(FairTrainer, "training_step", lambda *_: 2)
    clock.takes(FairTrainer, "_evaluate", lambda trainer, *_: 0.5 * len(trainer.eval_dataset))
    run = searcher(tmp_path, data, per_device_train_batch_size=8, per_device_eval_batch_size=20, num_train_epochs=2)
    whole, part = cost(run, Full()), cost(run, Full(), 0.25)
    steps = -(-len(data.subset(0.25, 5)["train"]) // 8)
    assert part.trial == pytest.approx(100 + 2 * (2 * steps + 0.5 * len(data["validation"])))
    assert part.training == pytest.approx(whole.training)
    assert whole.trial == pytest.approx(whole.start + whole.epochs)


def test_what_cannot_work_is_refused_before_a_study_is_made(tmp_path: Path, data: FairDataset) -> None:
    plain = FairTrainer(
        model_init=lambda: tiny_vit(), args=arguments(tmp_path), train_dataset=table(), eval_dataset=table(64, 1)
    )
    for run, fraction, line in (
        (searcher(tmp_path, data), 0.0, "`fraction` is 0; give the share"),
        (searcher(tmp_path, data), float("nan"), "`fraction` is nan; give the share"),
        (plain, 0.5, "leave `fraction` out"),
        (searcher(tmp_path, data.with_external()), 0.5, "leave `fraction` out"),
        (searcher(tmp_path, data, max_steps=5), 0.5, "`max_steps` is 5 steps, which are other shares"),
        (searcher(tmp_path, data, warmup_steps=20), 0.5, "`warmup_steps` is 20 steps"),
    ):
        with pytest.raises(FairTuneError, match=line):
            run.hyperparameter_search(n_trials=1, fraction=fraction)
    assert not (tmp_path / "search.db").exists()


def test_a_subset_holds_every_group_and_label_alike(data: FairDataset) -> None:
    some, whole = data.subset(0.25, seed=1), data.cells("train")
    assert some.cells("train").tolist() == np.maximum(1, np.round(0.25 * whole)).tolist()
    assert some.facts().splits["train"].n == len(some["train"])
    assert some.columns("test")["row"].tolist() == data.columns("test")["row"].tolist()
    # Pixels are those of the rows, augmented as in training.
    assert some["train"][0]["pixel_values"].shape == (3, 16, 16)
    assert some.plain("train")[3]["labels"] == some.columns("train")["labels"][3]
