"""The protocols in `scripts/protocols`: settings of the recipes, and a row for every number that the papers print."""

from dataclasses import fields
from itertools import product
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from hf_fairtune import FairTrainingArguments, catalog
from hf_fairtune.audits.compute import directions
from hf_fairtune.catalog import find
from hf_fairtune.cli.compare import protocol_of
from hf_fairtune.cli.flags import parse
from hf_fairtune.data.arguments import DataArguments
from hf_fairtune.search.modes import MODES

FOLDER = Path(__file__).parent.parent.parent / "scripts" / "protocols"
# Those of the papers' tables.
FILES = sorted(FOLDER.glob("*_table_*.yaml"))
RECIPES = FOLDER.parent.parent / "hf_fairtune" / "recipes"
KEYS = [
    "tasks", "models", "methods", "reference", "seeds", "trials", "objective", "selection", "folds", "mode",
    "training", "start", "published", "differences",
]  # fmt: skip
# Settings of a recipe that are flags of the data.
VIEWS = ("augment", "smallest_crop")
# What a recipe sets and `training` does not: the search's, the data's and the method's own, and what comes after.
ELSEWHERE = {
    "method", "granularity", "mode", "trials", "objective", "learning_rate_low", "learning_rate_high",
    "validation_fraction", "test_fraction", "calibrate",
}  # fmt: skip


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return found


def rows_of(protocol: dict[str, Any]) -> list[str]:
    """Name the rows: a list as value makes one for each of its values."""
    found = []
    for entry in protocol["methods"]:
        own = {"method": entry} if isinstance(entry, str) else entry
        varied = [value for key, value in own.items() if isinstance(value, list)]
        found += ["-".join([own.get("name", own["method"]), *values]) for values in product(*varied)]
    return found


def sites_of(name: str, task: dict[str, Any]) -> list[tuple[str, str]]:
    """Name what a task is tested on: data set and attribute."""
    dataset, _, attribute = name.partition("-")
    return [(one.partition("=")[0], attribute) for one in task.get("test", [f"{dataset}=."])]


def published(paper: str, table: int) -> pd.DataFrame:
    found = pd.read_csv(FOLDER / "published" / f"{paper}.csv", keep_default_na=False)
    return found[found.table == table]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_protocol_is_regular(path: Path) -> None:
    found = read(path)
    assert [key.replace("repair", "training") for key in found] == KEYS
    assert found["reference"] in rows_of(found)
    assert len({*rows_of(found)}) == len(rows_of(found))
    assert found["selection"] in catalog.names("selections")
    assert found["mode"] in MODES
    objectives = found["objective"] if isinstance(found["objective"], list) else [found["objective"]]
    assert {*objectives} <= {*directions()}
    paper, _, table = path.stem.replace("_skin", "").replace("_xray", "").partition("_table_")
    assert found["published"] == {"file": f"published/{paper}.csv", "table": int(table)}
    assert all(isinstance(line, str) and line.endswith(".") for line in found["differences"])
    data = {one.name for one in fields(DataArguments)} | {"group", "model", "test"}
    for task in found["tasks"].values():
        assert {*task} <= data


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_command_reads_it(path: Path) -> None:
    """Rows, tasks, settings and published numbers, each of which is of a task and a row of the protocol."""
    arguments, settings, flags = parse(find("cli", "compare"), ["--config", str(path), "--output_dir", "o"])
    found = protocol_of(arguments, settings, flags)
    if path in FILES:
        assert [entry.name for entry in found.entries] == rows_of(read(path))
    assert bool(found.published) == (path in FILES)
    places = {task.name for task in found.tasks}
    places |= {f"{task.name}, {name}" for task in found.tasks for name in task.tests}
    own = [number for number in found.published if number.task in places]
    # Table 2 of FairTune holds means over tasks alone.
    assert bool(own) == (path in FILES and path.stem != "fairtune_table_2")
    assert {number.method for number in own} <= {entry.name for entry in found.entries}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_training_is_as_in_the_recipe(path: Path) -> None:
    """Every setting of the recipe stands in `training` or in the method, or is of search and data."""
    found = read(path)
    skin = found["models"][0].startswith("trained/isic")
    name = "fairtune" if path.stem.startswith("fairtune") else "swift-skin" if skin else "swift-xray"
    recipe = yaml.safe_load((RECIPES / f"{name}.yaml").read_text(encoding="utf-8"))
    given = dict(found.get("training") or found["repair"])
    (views,) = {tuple((key, task[key]) for key in VIEWS if key in task) for task in found["tasks"].values()}
    given |= dict(views)
    assert {*given} <= {one.name for kind in (FairTrainingArguments, DataArguments) for one in fields(kind)}
    if name != "fairtune":
        (swift,) = [entry for entry in found["methods"] if isinstance(entry, dict) and entry["method"] == "swift"]
        given |= {key: value for key, value in swift.items() if not isinstance(value, list) and key != "steps"}
    for key, value in recipe.items():
        if key in given:
            assert str(given[key]) == str(value) or float(given[key]) == pytest.approx(float(value)), key
        else:
            varied = name != "fairtune" and isinstance(swift.get(key), list) and value in swift[key]
            assert key in ELSEWHERE or varied, key
    assert {*given} - {*recipe} <= {"method"}


@pytest.mark.parametrize(("paper", "tables"), [("fairtune", range(1, 7)), ("swift", range(1, 10))])
def test_every_number_has_a_task_and_a_row(paper: str, tables: range) -> None:
    for table in tables:
        files = [
            path for path in FILES if read(path)["published"] == {"file": f"published/{paper}.csv", "table": table}
        ]
        cells, rows, references = set(), set(), set()
        for protocol in map(read, files):
            rows |= {*rows_of(protocol)}
            references.add(protocol["reference"])
            for name, task in protocol["tasks"].items():
                cells |= {*sites_of(name, task)}
        printed = published(paper, table)
        of_rows = printed[printed.dataset != "average"]
        assert {*of_rows[["dataset", "attribute"]].itertuples(index=False, name=None)} in (cells, set())
        objective = printed.note.str.extract(r"objective=(\w+)", expand=False)
        methods = printed.method.where(objective.isna(), printed.method + "-" + objective)
        assert {*methods} <= rows
        # What is not printed is there to be compared with.
        assert rows - {*methods} <= references


def test_the_page_names_every_file_and_folder() -> None:
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert not [path.name for path in FILES if f"`{path.name}`" not in page]
    tasks = [task for path in FILES for task in read(path)["tasks"].values()]
    read_from = {task["dataset"].partition("/")[0] for task in tasks}
    read_from |= {one.partition("=")[0] for task in tasks for one in task.get("test", [])}
    assert not [name for name in read_from if f"| `{name}` |" not in page]
    assert {*pd.read_csv(FOLDER / "published" / "swift.csv").dataset} <= read_from
