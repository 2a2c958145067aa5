"""benchmark.json: back and forth, its schema, and what is none."""

import json
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from hf_fairtune.audits.benchmarks import benchmark_of
from hf_fairtune.document.benchmark import Benchmark, Protocol, PublishedNumber
from hf_fairtune.errors import FairTuneError
from tests.benchmark_samples import task_of


@pytest.fixture(scope="module")
def benchmark() -> Benchmark:
    tasks = [task_of(np.random.default_rng(0)), task_of(np.random.default_rng(1), "ham-sex", runs=2)]
    published = [PublishedNumber("ham-age", "fairtune", "auc", 0.9, float("nan"), "a paper")]
    return benchmark_of(tasks, "full", protocol=Protocol("", differences=["another split"]), published=published)


def test_back_and_forth_with_undefined_numbers_as_null(benchmark: Benchmark, tmp_path: Path) -> None:
    path = benchmark.save(tmp_path)
    again = Benchmark.load(tmp_path)
    assert again.to_json() == benchmark.to_json() == path.read_text()
    assert again.protocol == benchmark.protocol
    assert json.loads(path.read_text())["published"][0]["sd"] is None
    assert again.tasks[1].methods[0].standing == "few trainings"


def test_the_schema_holds(benchmark: Benchmark) -> None:
    jsonschema.validate(json.loads(benchmark.to_json()), Benchmark.json_schema())


def test_no_file_and_another_file_are_refused(benchmark: Benchmark, tmp_path: Path) -> None:
    with pytest.raises(FairTuneError, match="does not exist"):
        Benchmark.load(tmp_path)
    (tmp_path / "benchmark.json").write_text('{"tasks": 1}')
    with pytest.raises(FairTuneError, match="is no benchmark of version 1"):
        Benchmark.load(tmp_path)
    content = json.loads(benchmark.to_json()) | {"unknown": 1}
    (tmp_path / "benchmark.json").write_text(json.dumps(content))
    with pytest.raises(FairTuneError, match="unknown"):
        Benchmark.load(tmp_path)


def test_methods_are_those_of_all_tasks_and_found_by_name(benchmark: Benchmark) -> None:
    assert benchmark.methods == ["full", "fairtune", "swift-hard", "levelled", "random-mask"]
    assert benchmark.tasks[0].find("nobody") is None
