"""Two CPU processes of one run: the pooled metrics of one, one mask, one decision to stop, one loss of all rows."""

import json
import signal
from functools import partial
from pathlib import Path
from typing import Any

import optuna
import pytest
from torch.utils.data import BatchSampler

from hf_fairtune.trainer.even_shares import EvenShares
from tests.processes import together
from tests.trainer.distributed import run_all


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("distributed")


@pytest.fixture(scope="module")
def one(folder: Path) -> dict[str, Any]:
    """What one process, this one, saw in batches of 16."""
    found: dict[str, Any] = json.loads(json.dumps(run_all(folder / "one", 16)))
    return found


@pytest.fixture(scope="module")
def two(folder: Path) -> dict[int, dict[str, Any]]:
    """What each of two processes saw, in batches of 8: 16 a step, too."""
    return dict(enumerate(together(partial(run_all, folder / "two", 8), folder / "two")))


def test_two_processes_equal_one(folder: Path, one: dict[str, Any], two: dict[int, dict[str, Any]]) -> None:
    """The same global batch: metrics agree to rounding of the gradients, every row counts once."""
    assert two[0]["mask"] == two[1]["mask"]
    assert two[0]["best"] == two[1]["best"]
    assert one["rows"] == two[0]["rows"] == two[1]["rows"] == 61
    keys = [k for k in one["evaluate"] if "auc" in k or k == "eval_loss"]
    for rank in (0, 1):
        assert {k: two[rank]["evaluate"][k] for k in keys} == pytest.approx(
            {k: one["evaluate"][k] for k in keys}, abs=1e-4
        )
    studies = [
        optuna.load_study(study_name="fairtune", storage=f"sqlite:///{folder / name / 'search.db'}").trials
        for name in ("one", "two")
    ]
    assert [t.params for t in studies[0]][:5] == [t.params for t in studies[1]][:5]
    for alone, shared in zip(studies[0][:5], studies[1][:5], strict=True):
        assert shared.intermediate_values[1] == pytest.approx(alone.intermediate_values[1], abs=1e-6)
    assert two[0]["weights"] == two[1]["weights"]
    assert two[0]["weights"] == pytest.approx(one["weights"], abs=1e-4)
    assert two[0]["steps"] == two[1]["steps"] == one["steps"]
    # The biases of three layers' keys have gradients of rounding alone, and a mask of 0.
    assert two[0]["moved"] == one["moved"] == two[0]["all"] - 3
    assert [(t.state.name, len(t.intermediate_values)) for t in studies[1]] == [("COMPLETE", 3), ("PRUNED", 2)] * 4


def test_a_search_out_of_hours_ends_on_every_process(one: dict[str, Any], two: dict[int, dict[str, Any]]) -> None:
    for seen in (one, *two.values()):
        assert (seen["finished"], seen["out of hours"]) == (2, True)


def test_a_signal_to_one_process_stops_all_after_the_same_step(
    one: dict[str, Any], two: dict[int, dict[str, Any]]
) -> None:
    for seen in (one, *two.values()):
        assert seen["stopped"] == [4, 128 + signal.SIGTERM]
        assert seen["gone on"] == seen["groupdro"]
        assert seen["left"] == ["checkpoint-2"]
        assert seen["search trials"] == seen["whole trials"]


@pytest.mark.parametrize("name", ["folds", "finalist"])
def test_folds_on_two_processes(name: str, one: dict[str, Any], two: dict[int, dict[str, Any]]) -> None:
    """Both take the same trial by the same values, those of one process but for the rounding of gradients."""
    for key in (name, f"{name} mask"):
        assert two[0][key] == two[1][key]
    best, trials, values = two[0][name]
    assert best == one[name][0] == "0"
    assert [(state, len(own)) for state, own in trials] == [("COMPLETE", 2 if name == "folds" else 1), ("PRUNED", 1)]
    assert values == pytest.approx(one[name][2], abs=1e-6)


@pytest.mark.parametrize("method", ["groupdro", "groupsam", "sam"])
def test_methods_see_the_rows_of_all_processes(
    method: str, one: dict[str, Any], two: dict[int, dict[str, Any]]
) -> None:
    """Groups lie unevenly in the halves of a batch: the means over both are those of one process."""
    assert two[0][method] == two[1][method]
    assert two[0][f"{method} state"] == two[1][f"{method} state"]
    assert two[0][method] == pytest.approx(one[method], rel=1e-4, abs=1e-4)
    for name, values in one[f"{method} state"].items():
        assert two[0][f"{method} state"][name] == pytest.approx(values, rel=1e-4)
        assert max(values) > 1.01 * min(values)


def test_the_main_process_calculates_frozen_layers_for_all(two: dict[int, dict[str, Any]]) -> None:
    assert two[0]["late 8"] == two[1]["late 8"]
    assert two[0]["late 8"] == pytest.approx(two[0]["late 0"], abs=1e-4)
    assert all(two[0]["kept 8"].values())
    assert list(two[1]["kept 8"].values()) == [0, 0]
    assert two[0]["kept 0"] == {}


@pytest.mark.parametrize("count", [1, 2, 3, 4])
@pytest.mark.parametrize(
    ("rows", "size", "block"), [(20, 4, 1), (21, 4, 1), (16, 4, 2), (18, 4, 2), (1, 4, 1), (0, 4, 1)]
)
def test_processes_share_every_batch_evenly(rows: int, size: int, block: int, count: int) -> None:
    """Each row comes once, in the batch that one process would take, and the parts differ by a block at most."""
    own = []
    for place in range(count):
        shard = EvenShares(BatchSampler(range(rows), size, False), count, place)
        shard.block = block
        own.append(list(shard))
        assert len(own[-1]) == len(shard)
    for step, parts in enumerate(zip(*own, strict=True)):
        whole = list(range(step * size * count, min((step + 1) * size * count, rows)))
        if len(whole) >= count * block:
            assert [row for part in parts for row in part] == whole
        sizes = [len(part) for part in parts]
        assert max(sizes) - min(sizes) <= block
        assert set(whole) == {row for part in parts for row in part}
