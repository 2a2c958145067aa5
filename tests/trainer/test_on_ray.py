"""What Ray cannot run is one line, and each worker has its place; tests/cli/test_search_workers.py runs some."""

import os
import socket
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from optuna.storages import RDBStorage

from hf_fairtune import FairTuneError
from hf_fairtune.search.placement import Machine, Placement
from hf_fairtune.search.study_options import StudyOptions
from hf_fairtune.trainer.on_ray import OnRay, is_local, work
from tests.conftest import KilledError
from tests.trainer.test_searching import searcher

HERE = socket.gethostname()
HEAD, SMALL = Machine(HERE, {"CPU": 16, "GPU": 4, "memory": 1e9}), Machine("b", {"CPU": 3})


def test_without_ray_a_line_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(FairTuneError) as refused:
        searcher(tmp_path).hyperparameter_search(backend="ray")
    assert str(refused.value) == '`backend` is "ray", but Ray is not installed; `pip install "hf-fairtune[ray]"`.'
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_pickled_is_one_line_and_leaves_the_trainer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(found: Any) -> bytes:
        assert found[0].hp_space is found[0].model is None
        raise TypeError("cannot pickle '_io.TextIOWrapper' object")

    pickle = SimpleNamespace(dumps=refuse)
    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(cloudpickle=pickle))
    run = searcher(tmp_path)
    run.hp_space = tmp_path.open  # as of a search in this process, which holds its study
    before, model = dict(run.args.__dict__), run.model
    with pytest.raises(FairTuneError, match=r"cannot be pickled, as its workers on Ray need it \(cannot pickle '_io"):
        run.hyperparameter_search(backend="ray")
    assert run.model is model is run.callback_handler.model
    assert run.args.__dict__ == before
    assert run.accelerator is not None


@pytest.mark.parametrize(
    ("needs", "most", "room"),
    [
        ({"cpu": 1}, None, 19),
        ({"cpu": 2}, None, 9),
        ({"cpu": 2, "gpu": 1}, None, 4),
        ({"cpu": 0, "gpu": 0.5}, None, 8),
        ({"gpu": 0.5}, 3, 3),
        ({"memory": 3e8}, None, 3),
    ],
)
def test_as_many_workers_as_there_is_room_for(needs: dict[str, float], most: int | None, room: int) -> None:
    placement = Placement.of({"resources_per_trial": needs, "max_concurrent_trials": most})
    assert placement.room([HEAD, SMALL], local=False) == room


def test_no_room_and_a_file_on_several_machines_are_refused() -> None:
    with pytest.raises(FairTuneError, match="is {'gpu': 8}, but no machine of the Ray cluster has as much; lower it"):
        Placement({"gpu": 8}).room([HEAD, SMALL], local=False)
    with pytest.raises(FairTuneError, match="the search runs on 2 machines, but its study is a file, which serves on"):
        Placement({"cpu": 1}).room([HEAD, SMALL], local=True)
    # The other machine has no place for such a worker.
    assert Placement({"gpu": 1}).room([HEAD, SMALL], local=True) == 4
    with pytest.raises(FairTuneError, match="on 2 machines"):
        Placement({"cpu": 1}).room([SMALL], local=True)


def test_a_worker_is_given_what_ray_calls_so() -> None:
    needs = {"cpu": 2, "gpu": 0.5, "memory": 1e9, "licence": 1}
    wanted = {"num_cpus": 2, "num_gpus": 0.5, "memory": 1e9, "resources": {"licence": 1}}
    assert Placement(needs).options() == wanted
    assert [Placement(one).gpus for one in (needs, {"cpu": 1}, {"gpu": 2})] == [1, 0, 2]


def test_a_study_in_a_file_is_for_one_machine(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'own.db'}"
    assert all(is_local(StudyOptions(storage=one)) for one in (None, url, RDBStorage(url)))
    assert not is_local(StudyOptions(storage="postgresql://me@clinic.internal/trials"))


def test_what_ray_refuses_is_one_line() -> None:
    def refuse(**_: object) -> None:
        raise ValueError("Use the 'num_cpus' and 'num_gpus' keyword\nof Ray")

    with pytest.raises(
        FairTuneError, match=r"is {'CPU': 1}, which Ray refuses \(Use the .* keyword\); give `cpu`, `gpu`"
    ):
        OnRay(Placement({"CPU": 1}), b"").started(SimpleNamespace(remote=refuse), 1)


@pytest.mark.parametrize("known", [True, False])
def test_relative_paths_of_a_worker_are_of_its_caller(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    """Where its machine has that folder."""

    def loads(_: bytes) -> None:
        raise KilledError

    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(cloudpickle=SimpleNamespace(loads=loads)))
    monkeypatch.chdir(Path(__file__).parent)  # and back, at its end
    folder = tmp_path if known else tmp_path / "missing"
    with pytest.raises(KilledError):
        work(b"", str(folder))
    assert os.getcwd() == str(tmp_path if known else Path(__file__).parent)
