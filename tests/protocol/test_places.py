"""Whatever tasks, models, rows and test sets are called, a comparison writes in its own folder."""

from pathlib import Path

import pytest

from hf_fairtune.data.testsets import parse_test_sets
from hf_fairtune.errors import FairTuneError
from hf_fairtune.protocol.entry import entries_of
from hf_fairtune.protocol.task import short, tasks_of
from hf_fairtune.protocol.unit import Trained, Unit

DATA = {"dataset": "t.csv", "label": "y", "group": "sex"}
HOSTILE = [
    "../x",
    "..",
    ".",
    "a/../../x",
    "/etc/x",
    "a\\..\\x",
    "~",
    "",
    "a\nb",
    "a\x00b",
    "\x1b[31mx",
    "-rf",
    "CON/../x",
]


def inside(place: Path, root: Path) -> bool:
    return place.resolve().is_relative_to(root.resolve()) and place.resolve() != root.resolve()


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_of_a_task_a_row_or_a_test_set_is_refused(name: str) -> None:
    for read in (
        lambda: tasks_of({name: DATA}, ["m"]),
        lambda: entries_of([{"method": "full", "name": name}]),
        lambda: parse_test_sets([f"{name}=x.csv"]),
    ):
        with pytest.raises(FairTuneError) as refused:
            read()
        assert "\x1b" not in str(refused.value)


@pytest.mark.parametrize("model", ["../../x", "..", "/a/..", "a/b/..", "a\\..\\x", "x\x00", "\x1b[31m", "/", "."])
def test_the_folder_of_a_model_stays_inside(model: str, tmp_path: Path) -> None:
    (entry,) = entries_of(["full"])
    for task in tasks_of({"t": DATA}, [model, "other"]):
        unit = Unit(task, 0, entry, 1, tmp_path / "out", Trained)
        assert inside(unit.folder, tmp_path / "out")
        assert len(unit.folder.relative_to(tmp_path / "out").parts) == 4
    assert "/" not in short(model)


def test_a_value_that_is_varied_is_part_of_a_folders_name() -> None:
    with pytest.raises(FairTuneError, match="is that of a folder, too; use letters"):
        entries_of([{"method": "lora", "peft": ["../../x", "y"]}])
