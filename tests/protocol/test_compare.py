"""A comparison: what each unit leaves is what the method gives alone; nothing is run twice, lost or doubled."""

import csv
import math
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from hf_fairtune.data.fair_dataset import load_fair_dataset
from hf_fairtune.datasets.lesions import write_lesions
from hf_fairtune.document.benchmark import Benchmark
from hf_fairtune.errors import FairTuneError
from hf_fairtune.files.checksums import seal
from hf_fairtune.loading import load_processor, load_with_new_head, load_with_own_head
from hf_fairtune.methods.method import method_named
from hf_fairtune.protocol.bench import Bench, checked
from hf_fairtune.protocol.comparison import compare
from hf_fairtune.protocol.entry import CONTROLS
from hf_fairtune.protocol.prices import prices_of
from hf_fairtune.protocol.protocol import Protocol
from hf_fairtune.protocol.results import table_name
from hf_fairtune.protocol.touches import touches
from hf_fairtune.protocol.unit import Trained, Units
from hf_fairtune.protocol.worker import Worker
from hf_fairtune.signals import Stopped
from hf_fairtune.trainer.audits import MODEL
from hf_fairtune.trainer.fair import FairTrainer
from hf_fairtune.trainer.kept_start import KeptStart
from tests import processes
from tests.conftest import KilledError
from tests.protocol.conftest import METHODS, Make, one_table
from tests.spoiling import flipped
from tests.trainer.moments import signal_in_step

ROOT = Path(__file__).parent.parent.parent
Compared = tuple[Path, Benchmark]


def quiet(_: str) -> None:
    """Say nothing."""


def numbers(found: Benchmark) -> list[Any]:
    """Return what a comparison found, times apart."""
    return [
        [(row.method, row.facts.hyperparameters, row.learning_rate, row.auc, row.min_group_auc, row.against)]
        for task in found.tasks
        for row in task.methods
    ]


def test_a_training_is_the_methods_own(compared: Compared, making: Make, tmp_path: Path) -> None:
    """Its scores are those of the method with the hyper-parameters chosen, trained alone from the same model."""
    folder, protocol = compared[0], making()
    units, task = Units(protocol, folder / "units"), protocol.tasks[0]
    arguments = task.arguments.data()
    for name in ("full", "sam", "swift"):
        entry = protocol.entry(name)
        tuned = units.search(task, 0, entry).record()
        unit = units.training(task, 0, entry, 1)
        data = load_fair_dataset(arguments, load_processor(task.model), seed=0)
        base = units.training(task, 0, protocol.entry("full"), 1).folder / "model"
        labels = data.label_names
        data = data.with_external(1) if entry.repairs else data
        args: Any = protocol.repair if entry.repairs else protocol.training
        args = type(args)(**{**args.to_dict(), "output_dir": str(tmp_path / name), "seed": 1})
        args.learning_rate, method = tuned.learning_rate, method_named(name, **tuned.hyperparameters)
        own, fresh = partial(load_with_own_head, str(base), labels), partial(load_with_new_head, task.model, labels)
        trainer = FairTrainer(
            model_init=KeptStart(own if entry.repairs else fresh), args=args, data=data, method=method
        )
        trainer.train()
        assert trainer.audits is not None
        assert np.array_equal(trainer.audits.scores(MODEL, "test"), unit.scores()["test"])
        # All three move every parameter, swift in two stages.
        every = sum(p.numel() for p in trainer.model.parameters())
        assert unit.record().trainable_parameters == every
        assert tuned.search is not None
        assert {trial.trainable_parameters for trial in tuned.search.trials} == {every}


def test_a_trained_base_is_a_model_of_its_own(compared: Compared) -> None:
    assert load_processor(str(compared[0] / "units/skin/fold-0/full/seed-0/model")).size["height"] == 16


def test_every_training_scored_the_test_split_once(compared: Compared) -> None:
    folder = compared[0]
    assert {*touches(folder / "units").values()} == {1}
    with (folder / "units" / "tested.csv").open() as file:
        rows = [*csv.DictReader(file)]
    assert len(rows) == 3 * len(METHODS)
    assert {row["rows"] for row in rows} == {str(compared[1].tasks[0].n)}


def test_what_is_not_trained_is_the_base(compared: Compared, making: Make) -> None:
    """Seed by seed, as a repair starts from the base of its own seed."""
    units, protocol = Units(making(), compared[0] / "units"), making()
    task = protocol.tasks[0]
    for seed in (0, 1, 2):
        one, other = (units.training(task, 0, protocol.entry(name), seed).scores() for name in ("full", "unchanged"))
        assert np.allclose(one["test"], other["test"], atol=1e-6)


def test_random_masks_differ_by_seed(compared: Compared, making: Make) -> None:
    protocol = making()
    units = Units(protocol, compared[0] / "units")
    found = [units.training(protocol.tasks[0], 0, protocol.entry("random"), seed).record().mask for seed in (0, 1, 2)]
    assert len({tuple(mask.bits) for mask in found if mask is not None}) == 3


def test_a_finished_comparison_is_read_and_not_run(compared: Compared, making: Make, monkeypatch: Any) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("something was trained")

    monkeypatch.setattr("hf_fairtune.trainer.fair.FairTrainer.__init__", never)
    again = compare(making(), compared[0], say=quiet)
    assert again is not None
    assert str(numbers(again)) == str(numbers(compared[1]))


def test_an_interrupted_comparison_goes_on(compared: Compared, making: Make, tmp_path: Path, monkeypatch: Any) -> None:
    """Killed in every kind of unit, one after another, and stopped in a step, it ends as if it never was."""
    run, calls = Bench.run, Counter[str]()

    def killed(self: Bench, unit: Any) -> None:
        calls[unit.title] += 1
        if calls[unit.title] == 1 and not unit.seed:  # every search, and the trainings of the first seed
            with monkeypatch.context() as patch:
                patch.setattr(type(unit), "keep", lambda *_: (_ for _ in ()).throw(KilledError()))
                run(self, unit)
        run(self, unit)

    monkeypatch.setattr(Bench, "run", killed)
    found = None
    monkeypatch.setattr("hf_fairtune.protocol.comparison.prices_of", lambda worker, say: prices_of(worker, say))
    stopped = 0
    for _ in range(4 * len(METHODS) + 2):
        try:
            with signal_in_step(0 if stopped else 5):
                found = compare(making(), tmp_path, say=quiet)
            break
        except KilledError:
            continue
        except Stopped:
            stopped += 1
    assert found is not None
    assert stopped == 1
    assert all(calls[unit.title] == (1 if unit.seed else 2) for unit in Worker(making(), tmp_path, say=quiet).units)
    assert str(numbers(found)) == str(numbers(compared[1]))
    assert {*touches(tmp_path / "units").values()} == {1, 2}


def test_methods_and_seeds_may_be_added(compared: Compared, making: Make, tmp_path: Path) -> None:
    few = compare(making(METHODS[:2], seeds=[0, 1]), tmp_path, say=quiet)
    assert few is not None
    said: list[str] = []
    whole = compare(making(), tmp_path, say=said.append)
    assert whole is not None
    assert str(numbers(whole)) == str(numbers(compared[1]))
    assert not [line for line in said if "full · seed 0" in line]
    with pytest.raises(FairTuneError, match="holds another run \\(other first seed\\)"):
        compare(making(seeds=[1, 0, 2]), tmp_path, say=quiet)
    with pytest.raises(FairTuneError, match="holds another run \\(other trials\\)"):
        compare(making(trials=3), tmp_path, say=quiet)
    with pytest.raises(FairTuneError, match="holds another run \\(other .*rho"):
        compare(making([*METHODS[:2], {"method": "sam", "rho": 0.7}, *METHODS[3:]]), tmp_path, say=quiet)


def test_controls_may_be_added(making: Make, tmp_path: Path) -> None:
    Worker(making(["full"]), tmp_path, say=quiet).open()
    Worker(making(["full", *CONTROLS], controls=True), tmp_path, say=quiet).open()


def test_a_lost_record_is_made_again_and_a_broken_one_is_named(
    compared: Compared, making: Make, tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    shutil.copytree(compared[0], folder)
    unit = folder / "units" / "skin" / "fold-0" / "sam" / "seed-1"
    (unit / "record.json").unlink()
    said: list[str] = []
    again = compare(making(), folder, say=said.append)
    assert str(numbers(again)) == str(numbers(compared[1]))
    assert [line.partition("] ")[2] for line in said if line.startswith("[")] == ["skin · sam · seed 1"]
    for name, words in (("scores.npz", "cannot be read"), ("record.json", "is no record of a unit")):
        flipped(unit / name)
        with pytest.raises(FairTuneError, match=f"seed-1/{name}` {words} .*; delete its folder"):
            compare(making(), folder, say=quiet)


def test_a_damaged_model_is_not_started_from(tmp_path: Path) -> None:
    model = tmp_path / "seed-1" / "model"
    model.mkdir(parents=True)
    (model / "model.safetensors").write_bytes(bytes(range(100)))
    seal(model)
    assert checked(model) == str(model)
    flipped(model / "model.safetensors")
    with pytest.raises(FairTuneError, match=r"is damaged \(`model.safetensors` is not as it was written\)"):
        checked(model)


def test_a_task_added_later_that_is_refused_leaves_no_splits(making: Make, tmp_path: Path) -> None:
    Worker(making(["full"]), tmp_path, say=quiet).open()
    protocol = making(["full"], tasks=("skin", "more"))
    wrong = replace(protocol.tasks[1], arguments=replace(protocol.tasks[1].arguments, group=["race"]))
    with pytest.raises(FairTuneError, match="`tasks`: `more`: --group race names no column"):
        Worker(replace(protocol, tasks=[protocol.tasks[0], wrong]), tmp_path, say=quiet).open()
    assert [path.name for path in (tmp_path / "units").iterdir()] == ["skin"]


def test_what_a_worker_says_is_done_is_done_by_any(compared: Compared, making: Make, tmp_path: Path) -> None:
    worker = Worker(making(seeds=[0, 1, 2, 3]), compared[0], say=quiet)
    left = [unit for unit in worker.units if unit.seed in (None, 3)]
    assert worker.standing(left) == "20 of 25 done"
    worker.expected = lambda unit: 2.0
    assert worker.standing(left) == "20 of 25 done, about 10 s of work left"


def test_tables_of_one_name_are_told_apart_by_their_folders(making: Make, tmp_path: Path) -> None:
    protocol = making(["full"], tasks=("a", "b"))
    first, second = protocol.tasks
    (tmp_path / "ham").mkdir()
    place = shutil.copy(first.arguments.dataset, tmp_path / "ham" / "table.csv")
    other = replace(second, arguments=replace(second.arguments, dataset=str(place)))
    units = Units(protocol, tmp_path)
    assert table_name(Bench(protocol, first, units), "table.csv") == "table.csv"
    both = replace(protocol, tasks=[first, other])
    names = [table_name(Bench(both, task, units), "table.csv") for task in both.tasks]
    assert names == ["lesions/table.csv", "ham/table.csv"]


def test_hours_end_it_between_units(making: Make, tmp_path: Path) -> None:
    said: list[str] = []
    assert compare(making(), tmp_path, max_hours=1e-9, say=said.append) is None
    assert any("0 of 20 units are done; the hours are up; the same command goes on." in line for line in said)
    assert any(line.startswith("price: 5 searches of 2 trials + 15 trainings, about") for line in said)
    with pytest.raises(FairTuneError, match="`max_hours` is 0; give a number above 0"):
        compare(making(), tmp_path, max_hours=0)


def test_a_method_that_suits_no_task_is_refused_and_one_that_suits_some_is_left_out(
    making: Make, tmp_path: Path
) -> None:
    with pytest.raises(FairTuneError, match="`methods`: `fairtune` cannot be trained: .*can train only"):
        compare(making(["full", {"method": "fairtune", "mask": "convolution"}]), tmp_path, say=quiet)
    assert not [*tmp_path.iterdir()]


def test_folds_test_every_row_once(making: Make, tmp_path: Path) -> None:
    other = one_table(write_lesions(tmp_path / "data", n=60, image_size=16, seed=1))
    table = pd.read_csv(other)
    table.assign(patient_id="Q" + table["patient_id"]).to_csv(other, index=False)
    protocol = making(["full", "unchanged"], folds=3, trials=0, seeds=[0])
    (task,) = protocol.tasks
    with_other = replace(task, arguments=replace(task.arguments, test=[f"clinic={other}"]))
    protocol = replace(protocol, tasks=[with_other])
    said: list[str] = []
    found = compare(protocol, tmp_path, say=said.append)
    assert found is not None
    assert any(line.startswith("price: 6 trainings, about") for line in said)
    assert any("] skin · fold 2 · unchanged · seed 0" in line for line in said)
    bench = Bench(protocol, protocol.tasks[0], Units(protocol, tmp_path / "units"))
    rows = [data.columns("test")["row"] for data in bench.folds]
    assert sorted(np.concatenate(rows).tolist()) == [*range(found.tasks[0].n)]
    for data in bench.folds:
        parts = [{*data.columns(split)["cluster"]} for split in ("train", "validation", "test")]
        assert len({*parts[0], *parts[1], *parts[2]}) == sum(map(len, parts))
    assert [one.folds for one in found.tasks] == [3, 3]
    # The models of all folds score an added test set: their mean is the seed's number.
    clinic, row = found.tasks[1], found.tasks[1].find("full")
    assert row is not None
    assert (clinic.name, clinic.dataset, clinic.n) == ("skin, clinic", "clinic", len(table))
    labels, units = bench.folds[0].columns("clinic")["labels"], bench.units
    models = [units.training(with_other, fold, protocol.entry("full"), 0).scores()["clinic"] for fold in range(3)]
    assert row.auc.runs == pytest.approx([np.mean([roc_auc_score(labels, scores) for scores in models])])


WORK = """
import sys, pickle
from hf_fairtune.protocol.comparison import compare
protocol = pickle.load(open(sys.argv[1], "rb"))
print("READY", flush=True)
compare(protocol, sys.argv[2], say=lambda line: print(line, flush=True))
"""


def start(pickled: Path, folder: Path) -> subprocess.Popen[bytes]:
    name = folder.parent / str(time.monotonic_ns())
    with name.with_suffix(".log").open("w") as log, name.with_suffix(".err").open("w") as errors:
        return subprocess.Popen(
            [sys.executable, "-c", WORK, str(pickled), str(folder)], cwd=ROOT, stdout=log, stderr=errors
        )


def test_kill_minus_9_and_two_workers_give_one_table(compared: Compared, making: Make, tmp_path: Path) -> None:
    """Two workers share the units, one is killed in the middle; the rest is done by the other, each unit once."""
    import pickle

    pickled, folder = tmp_path / "protocol.pickle", tmp_path / "out"
    pickled.write_bytes(pickle.dumps(making()))
    first, second = start(pickled, folder), start(pickled, folder)
    end = time.monotonic() + 240
    while len([*folder.glob("units/skin/fold-0/*/*/record.json")]) < 4 and time.monotonic() < end:
        time.sleep(0.05)
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    status = second.wait(timeout=240)
    assert status == 0, sorted(tmp_path.glob("*.err"))[-1].read_text()[-2000:]
    last = sorted(tmp_path.glob("*.log"))[-1].read_text().splitlines()
    assert 0 < sum(line.startswith("[") for line in last) <= 20
    found = compare(making(), folder, say=quiet)
    assert found is not None
    assert str(numbers(found)) == str(numbers(compared[1]))
    assert max(touches(folder / "units").values()) <= 2


def test_a_repair_of_a_model_that_is_not_there_has_the_reason(making: Make, tmp_path: Path) -> None:
    """The base of one seed diverged: its repairs have no scores, and those of other seeds do."""
    protocol = making(["full", "unchanged"], trials=0)
    assert compare(making(["full"], trials=0), tmp_path, say=quiet) is not None
    units, task = Units(protocol, tmp_path / "units"), protocol.tasks[0]
    units.training(task, 0, protocol.entry("full"), 1).keep(Trained(math.nan, math.nan, 0, lacking="it diverged"))
    found = compare(protocol, tmp_path, say=quiet)
    assert found is not None
    records = [units.training(task, 0, protocol.entry("unchanged"), seed).record() for seed in (0, 1, 2)]
    assert [one.lacking for one in records] == ["", "full left no model to start from: it diverged", ""]
    assert [row.missing for row in found.tasks[0].methods] == [1, 1]


def test_a_worker_waits_for_what_another_holds(making: Make, tmp_path: Path) -> None:
    worker = Worker(making(["full"], trials=0), tmp_path, say=quiet)
    worker.open()
    unit = next(iter(worker.units))
    held = unit.lock()
    assert held is not None
    assert unit.lock() is None
    assert not worker._take(unit)
    held.release()
    assert math.isinf(worker.seconds)
    assert worker.work()


def test_two_processes_are_one_worker(making: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They run units together, wait together for what another worker holds, and end where one process ends."""
    monkeypatch.setattr("hf_fairtune.protocol.worker.POLL", 0.1)

    def protocol(batch: int, seeds: tuple[int, ...] = (0,)) -> Protocol:
        found = making(["full"], trials=1, seeds=[*seeds], learning_rate_low=1e-2, learning_rate_high=2e-2)
        tasks = [replace(task, arguments=replace(task.arguments, stored_views=1)) for task in found.tasks]
        return replace(found, tasks=tasks, training=replace(found.training, per_device_train_batch_size=batch))

    def work() -> str:
        return str(compare(protocol(8), tmp_path / "two"))

    alone = Worker(protocol(16), tmp_path / "one", say=quiet)
    alone.open()
    assert alone.work()
    (_, one), (_, two) = ([*Units(protocol(8), tmp_path / name / "units")] for name in ("one", "two"))
    held, began = two.lock(), processes.start(work, tmp_path)
    assert held is not None
    logs = [tmp_path / f"rank{rank}.log" for rank in (0, 1)]
    end = time.monotonic() + 60
    while "waiting for units" not in logs[0].read_text() and time.monotonic() < end:
        time.sleep(0.05)
    held.release()
    assert processes.wait(began) == [0, 0], logs[0].read_text()[-4000:]
    lines = ("waiting for units", "] skin · full · search", "] skin · full · seed 0")
    assert [[log.read_text().count(line) for line in lines] for log in logs] == [[1, 1, 1], [0, 0, 0]]
    assert {*touches(tmp_path / "two" / "units").values()} == {1}
    assert two.scores()["test"] == pytest.approx(one.scores()["test"], abs=1e-4)
    assert two.record().cut == pytest.approx(one.record().cut, abs=1e-4)
    found = [log.with_suffix(".json").read_text() for log in logs]
    assert found[0] == found[1] != '"None"'
    with pytest.raises(FairTuneError, match="was begun with 2 devices in place of 1"):
        Worker(protocol(8, (0, 1)), tmp_path / "two", say=quiet).open()
