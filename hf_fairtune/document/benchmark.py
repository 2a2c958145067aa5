"""`Benchmark` <-> `benchmark.json`: methods, each trained several times on several tasks, under one protocol."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError

from ..errors import FairTuneError
from ..files.atomic import write_atomically
from .benchmark_task import RANKED, BenchmarkTask, Ranked
from .comparison import MARGIN
from .estimate import Real
from .provenance import Provenance
from .run import MaskUnit
from .scalar import Argument

BENCHMARK_FILE = "benchmark.json"
BENCHMARK_VERSION: Literal[1] = 1

# What a paper may publish that stands beside ours: what methods are ranked by, and gaps at the threshold 0.5.
PublishedMetric = (
    Ranked | Literal["equalized_odds_difference", "equal_opportunity_difference", "demographic_parity_difference"]
)
PUBLISHED: tuple[PublishedMetric, ...] = (
    *RANKED,
    "equalized_odds_difference",
    "equal_opportunity_difference",
    "demographic_parity_difference",
)
# What ranks over tasks show: "few" where data sets are too few for the test, and "untestable" where it needs more.
RankState = Literal["tested", "few", "untestable"]
# Why a method or a task takes no part in ranks.
LeftOutBecause = Literal["not in every task", "missing trainings", "undefined", "undefined for all", "few cases"]


@dataclass(frozen=True)
class Protocol:
    """What all methods had in common.

    `objective` is what the search maximised or minimised, and the order of tables; `differences` say how published
    numbers were made otherwise; `arguments` are settings by flag.
    """

    reference: str
    objective: Ranked = "min_group_auc"
    name: str = "protocol"
    differences: list[str] = field(default_factory=list)
    arguments: dict[str, Argument] = field(default_factory=dict)
    confidence: float = 0.95
    margin: float = MARGIN


@dataclass(frozen=True)
class PublishedNumber:
    """A number of a paper beside ours: mean and standard deviation (NaN for none), and where it stands."""

    task: str
    method: str
    metric: PublishedMetric
    value: Real
    sd: Real
    source: str


@dataclass(frozen=True)
class LeftOut:
    """A method, or a task where `method` is None, that takes no part in ranks."""

    because: LeftOutBecause
    task: str
    method: str | None = None
    count: int | None = None


@dataclass(frozen=True)
class Ranks:
    """Ranks of methods by one number, 1 the best, ties sharing their mean.

    Args:
        by_task: rank of each method, [n_tasks, n_methods].
        average: over tasks, [n_methods].
        datasets: different data sets among the tasks; tasks on one share images.
        friedman: statistic of the test that all methods rank alike, and its p.
        critical_difference: of average ranks by Nemenyi's test; NaN where it is not defined.
        p_adjusted: of Nemenyi's test for each pair, [n_methods, n_methods].
        confidence: 1 less the level of the critical difference.
        left_out: methods and tasks that take no part.
    """

    metric: Ranked
    methods: list[str]
    tasks: list[str]
    by_task: list[list[Real]]
    average: list[Real]
    datasets: int
    friedman: Real
    p: Real
    critical_difference: Real
    p_adjusted: list[list[Real]]
    confidence: float
    state: RankState
    left_out: list[LeftOut]


@dataclass(frozen=True)
class MaskShares:
    """How often searches of a method, over tasks and folds, trained each unit of a model: shares by unit.

    `chosen` are of the chosen trials, `best` of the best quarter of finished trials, `tried` of all finished ones.
    """

    method: str
    model: str
    granularity: str
    blocks: int
    units: list[MaskUnit]
    tasks: list[str]
    searches: int
    trials: int
    chosen: list[Real]
    best: list[Real]
    tried: list[Real]


@dataclass(frozen=True)
class Benchmark:
    """What a comparison of methods found, complete enough for every page and table.

    Counts are exact and it stays at home where `shared` is False; `publish_benchmark` makes the one to be shared.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    protocol: Protocol
    tasks: list[BenchmarkTask]
    ranks: list[Ranks] = field(default_factory=list)
    masks: list[MaskShares] = field(default_factory=list)
    published: list[PublishedNumber] = field(default_factory=list)
    provenance: Provenance = field(default_factory=Provenance)
    shared: bool = False
    schema_version: Literal[1] = BENCHMARK_VERSION

    @property
    def methods(self) -> list[str]:
        """List the methods of all tasks in the order of the protocol."""
        return list(dict.fromkeys(one.method for task in self.tasks for one in task.methods))

    def to_json(self) -> str:
        """Write the benchmark as JSON, null for every undefined number."""
        return benchmark_adapter().dump_json(self, indent=2).decode() + "\n"

    def save(self, folder: str | Path) -> Path:
        """Write benchmark.json into `folder`, whole or not at all.

        Raises:
            FairTuneError: the disk is full or not writable.
        """
        return write_atomically(Path(folder) / BENCHMARK_FILE, self.to_json())

    @classmethod
    def load(cls, folder: str | Path) -> Benchmark:
        """Read the benchmark of a folder, or the file itself.

        Raises:
            FairTuneError: there is none, or it is no benchmark of this version.
        """
        path = Path(folder)
        file = path / BENCHMARK_FILE if path.is_dir() else path
        if not file.is_file():
            raise FairTuneError(f"`{file}` does not exist; pass the output folder of fairtune compare.")
        try:
            return benchmark_adapter().validate_json(file.read_bytes())
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"])) or "its top"
            raise FairTuneError(
                f"`{file}` is no benchmark of version {BENCHMARK_VERSION} ({place}: {first['msg']}); compare again."
            ) from None

    @staticmethod
    def json_schema() -> dict[str, Any]:
        """Return the JSON schema of `benchmark.json`."""
        return benchmark_adapter().json_schema(mode="serialization")


@cache
def benchmark_adapter() -> TypeAdapter[Benchmark]:
    """Build what reads and writes benchmarks, once."""
    return TypeAdapter(Benchmark)
