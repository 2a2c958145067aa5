"""The price of a training: seconds by a clock that the tests turn, steps by a real one, and no trace of either."""

import os
import random
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import ViTImageProcessor

from hf_fairtune import FairTrainer
from hf_fairtune.data.arguments import DataArguments
from hf_fairtune.data.fair_dataset import FairDataset, load_fair_dataset
from hf_fairtune.datasets.lesions import write_lesions
from hf_fairtune.methods.dfr import Dfr
from hf_fairtune.methods.fairtune import FairTune
from hf_fairtune.methods.full import Full
from hf_fairtune.methods.method import Method
from hf_fairtune.methods.swift import Swift
from hf_fairtune.trainer.price import cost, few_rows, peak_memory, searched_methods
from hf_fairtune.trainer.stopwatch import TIMED, Stopwatch
from hf_fairtune.trainer.timing import Cost, rows_fitted
from tests import processes
from tests.conftest import tiny_vit
from tests.trainer.moments import failing, signal_in_step
from tests.trainer.test_fair import arguments


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> FairDataset:
    """300 generated images in three splits, with an external set."""
    folder = write_lesions(tmp_path_factory.mktemp("data") / "lesions", n=300, image_size=16)
    table = DataArguments(str(folder), "label", ["malignant"], ["skin"], "patient_id", image_size=16)
    processor = ViTImageProcessor(size={"height": 16, "width": 16})
    return load_fair_dataset(table, processor).with_external()


def trainer(folder: Path, data: FairDataset, method: Method, **options: Any) -> FairTrainer:
    args = arguments(folder, **{"per_device_train_batch_size": 8, "per_device_eval_batch_size": 20, **options})
    return FairTrainer(model_init=lambda: tiny_vit(), args=args, data=data, method=method)


class FakeClock:
    """Stands still but for calls that take seconds."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.monkeypatch = 0.0, monkeypatch
        monkeypatch.setattr(time, "monotonic", lambda: self.now)

    def takes(self, owner: Any, name: str, seconds: Callable[..., float]) -> None:
        """Let a method take as many seconds as `seconds` says of its arguments."""
        stock = getattr(owner, name)

        def slow(*args: Any, **kwargs: Any) -> Any:
            self.now += seconds(*args)
            return stock(*args, **kwargs)

        self.monkeypatch.setattr(owner, name, slow)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    """A model takes 100 s, a batch 2, an evaluated row half a second and a checkpoint 7."""
    found = FakeClock(monkeypatch)
    found.takes(FairTrainer, "call_model_init", lambda *_: 100)
    found.takes(FairTrainer, "training_step", lambda *_: 2)
    found.takes(FairTrainer, "_evaluate", lambda trainer, *_: 0.5 * len(trainer.eval_dataset))
    found.takes(FairTrainer, "_save_checkpoint", lambda *_: 7)
    return found


def test_a_training_costs_its_parts(tmp_path: Path, data: FairDataset, clock: FakeClock) -> None:
    run = trainer(tmp_path, data, Full(), num_train_epochs=3)
    found = cost(run, run.method)
    steps, a_row = 3 * -(-rows_fitted(run) // 8), 0.5
    assert found.start == pytest.approx(100)
    assert found.epochs == pytest.approx(2 * steps + 3 * a_row * len(data["validation"]))
    assert found.checkpoints == pytest.approx(3 * 7)
    assert found.scores == pytest.approx(a_row * (len(data["validation"]) + len(data["test"])))
    assert found.trial == pytest.approx(found.start + found.epochs)
    assert found.training == pytest.approx(found.trial + found.checkpoints + found.scores)


def test_a_trial_on_folds_costs_its_trainings(tmp_path: Path, data: FairDataset, clock: FakeClock) -> None:
    """Each labelled row is trained on by all models but one, in every epoch, and scored once."""
    run = trainer(tmp_path, data, Full(), num_train_epochs=3)
    whole, found = cost(run, run.method), cost(run, run.method, folds=4)
    labelled = rows_fitted(run) + len(data["validation"])
    # Three of four folds in batches of 8, in 3 epochs of 4 trainings.
    steps = 4 * 3 * -(-round(0.75 * labelled) // 8)
    assert found.trial == pytest.approx(4 * (100 + 3 * 7) + 2 * steps + 0.5 * labelled, rel=0.05)
    assert replace(found, of_trial=None) == whole
    # So does a finalist that is trained again, whose trial had the training rows.
    assert cost(run, run.method, refits=4) == replace(whole, finalist=found.trial)


def test_what_is_not_done_costs_nothing(tmp_path: Path, data: FairDataset, clock: FakeClock) -> None:
    run = trainer(tmp_path, data, Full(), num_train_epochs=3, eval_strategy="no", save_strategy="no", max_steps=5)
    found = cost(run, run.method)
    assert (found.epochs, found.checkpoints) == (5 * 2, 0)


@pytest.mark.parametrize(
    ("options", "off"),
    [
        ({}, 0),
        ({"per_device_train_batch_size": 7, "num_train_epochs": 1.5}, 0),
        ({"gradient_accumulation_steps": 2, "per_device_train_batch_size": 3}, 0),
        ({"per_device_train_batch_size": 500, "num_train_epochs": 3}, 0),
        ({"max_steps": 6}, 0),
        ({"eval_strategy": "steps", "eval_steps": 3, "save_strategy": "no"}, 0),
        ({"eval_strategy": "no", "save_strategy": "steps", "save_steps": 0.4, "max_steps": 13}, 0),
        # The batch that is dropped is priced.
        ({"dataloader_drop_last": True, "per_device_train_batch_size": 7}, 2 * 2),
    ],
)
def test_a_training_takes_what_it_costs(
    tmp_path: Path, data: FairDataset, options: dict[str, Any], off: float, clock: FakeClock
) -> None:
    run = trainer(tmp_path, data, Full(), **options)
    found, start = cost(run, run.method), clock.now
    run.train()
    assert clock.now - start == pytest.approx(found.training - found.scores - off)


def test_each_stage_has_its_own_steps_and_rows_are_scaled(tmp_path: Path, data: FairDataset, clock: FakeClock) -> None:
    """A repair measures its external set once, here in 3 s a row and 50 s beside; then it trains two stages."""
    run = trainer(tmp_path, data, Swift(), num_train_epochs=2, eval_strategy="no", save_strategy="no")
    rows = len(data["external"])
    assert rows > 32
    clock.takes(Swift, "_measure", lambda _, __, facts: 50 + 3 * len(facts.rows["measured"]))
    found = cost(run, run.method)
    assert found.start == pytest.approx(50 + 3 * rows)
    assert found.epochs == pytest.approx(2 * 2 * 2 * -(-rows // 8))


def test_a_method_without_steps(tmp_path: Path, data: FairDataset, clock: FakeClock) -> None:
    """DFR takes no step: it reads each row once, here as fast as an evaluation does, and fits."""
    run = trainer(tmp_path, data, Dfr(draws=1), per_device_eval_batch_size=10)
    clock.takes(Dfr, "_features", lambda self, model, view: 0.5 * len(self.facts.rows[view]))
    found, start = cost(run, run.method), clock.now
    assert (found.epochs, found.checkpoints) == (0, 0)
    assert found.scores == pytest.approx(0.5 * (len(data["validation"]) + len(data["test"])))
    run.train()
    assert clock.now - start == pytest.approx(found.training - found.scores)


@pytest.mark.parametrize(
    "method", [Full(), FairTune(), FairTune(mask="linear"), Swift()], ids=["full", "open", "linear", "swift"]
)
def test_no_trace(tmp_path: Path, data: FairDataset, method: Method) -> None:
    """Chance, weights, arguments, callbacks, the method and the folder are as before, bit for bit."""
    run = trainer(tmp_path, data, method)

    def state() -> tuple[Any, ...]:
        weights = {name: value.clone() for name, value in run.model.state_dict().items()}
        chance = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()  # noqa: NPY002
        held = run.optimizer, run.lr_scheduler, [*run.callback_handler.callbacks], [*run.accelerator._models]
        mode = run.model.training, [p.requires_grad for p in run.model.parameters()]
        places = sorted(tmp_path.rglob("*"))
        return weights, chance, held, mode, run.args.to_dict(), vars(run.method).copy(), run.state.global_step, places

    weights, *before = state()
    for one in searched_methods(run).values():
        cost(run, one)
    after_weights, *after = state()
    assert after == before
    assert all(torch.equal(after_weights[name], value) for name, value in weights.items())
    if isinstance(method, Swift):
        assert method.measured.mask is None


def test_trained_the_same_with_and_without(tmp_path: Path, data: FairDataset) -> None:
    """Weights and epochs of a whole training, bit for bit; what the timing was done by is not its own trainer."""
    runs = [trainer(tmp_path / name, data, Full()) for name in ("priced", "plain")]
    cost(runs[0], runs[0].method)
    for run in runs:
        run.train()
    one, other = (run.model.state_dict() for run in runs)
    assert all(torch.equal(one[name], other[name]) for name in other)
    logs = [[(entry["epoch"], entry.get("eval_auc")) for entry in run.state.log_history] for run in runs]
    assert logs[0] == logs[1]


@pytest.mark.parametrize("step", [2, 1 + TIMED])
def test_a_stop_names_no_checkpoint_of_the_timing(
    tmp_path: Path, data: FairDataset, step: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """In its middle and in its last step; nothing of it stays."""
    run = trainer(tmp_path, data, Full())
    line = "stopped by Ctrl-C as a few steps were timed; the same command goes on from here."
    with pytest.raises(KeyboardInterrupt) as stop, signal_in_step(step, signal.SIGINT):
        cost(run, run.method)
    said = [own for own in capsys.readouterr().err.splitlines() if own.startswith("stopped")]
    assert (str(stop.value), said, list(tmp_path.iterdir())) == (line, [line], [])


def test_a_process_that_fails_alone_ends_both(tmp_path: Path, data: FairDataset) -> None:
    def work() -> None:
        with failing(torch.OutOfMemoryError("CUDA out of memory"), first=2 if os.environ["RANK"] == "1" else 0):
            cost(trainer(tmp_path / "run", data, Full()), Full())

    assert processes.wait(processes.start(work, tmp_path), 60) == [1, 1]
    assert "CUDA out of memory" in (tmp_path / "rank1.log").read_text()
    assert not (tmp_path / "run" / ".price").exists()


def test_an_open_mask_is_priced_by_the_known_ones(tmp_path: Path, data: FairDataset) -> None:
    found = searched_methods(trainer(tmp_path, data, FairTune()))
    assert [*found] == ["all", "attention", "layernorm", "linear"]
    own = FairTune(mask="linear")
    assert searched_methods(trainer(tmp_path, data, own)) == {"fairtune": own}


def test_few_rows_have_every_group_and_label(data: FairDataset) -> None:
    small = few_rows(data, 9, 4)
    assert {name: len(small[name]) for name in ("train", "external", "validation", "test")} == {
        "train": 9,
        "external": 9,
        "validation": 4,
        "test": len(data["test"]),
    }
    for split, size in (("train", 9), ("validation", 4)):
        columns = small.columns(split)
        cells = 2 * columns["groups"] + columns["labels"]
        counts = np.bincount(cells, minlength=4)
        assert counts.sum() == size
        assert counts.max() - counts.min() <= 1
        assert set(columns["row"]) <= set(data.columns(split)["row"])
    # Two of each are kept to fit, whatever was asked for.
    columns = few_rows(data, 1, 1).columns("train")
    assert np.bincount(2 * columns["groups"] + columns["labels"]).tolist() == [2, 2, 2, 2]


def test_peak_memory_is_at_least_what_is_held() -> None:
    before = peak_memory(torch.device("cpu"))
    held = torch.ones(40_000_000)
    after = peak_memory(torch.device("cpu"))
    assert before is not None
    assert after is not None
    assert after >= held.nbytes
    assert before <= after < 100e9


def test_a_watch_without_a_step() -> None:
    assert Stopwatch().rest == 0
    assert Cost(1, 2, 3, 4).training == 10
