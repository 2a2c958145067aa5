"""The files of a benchmark: the exact document and page at home, and in share/ what is made to be shared."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pandas as pd

from ..document.benchmark import Benchmark
from ..document.benchmark_task import RANKED, BenchmarkTask, MethodOnTask
from ..document.replication import Repeated
from ..errors import FairTuneError, first_line
from ..files.atomic import write_atomically
from ..files.folder import SHARE, make
from ..publish_benchmark import publish_benchmark
from .benchmark_page import benchmark_markdown, benchmark_page, further_tables, pictures, rank_tables
from .benchmark_tables import published_table, summary_table, task_table
from .files import FIGURES, csv_cell
from .table import Table, as_latex
from .words import reasons, written

PAGE, CARD, NUMBERS, LATEX = "compare.html", "README.md", "benchmark.csv", "benchmark.tex"
HEAD = """% Tables of a benchmark. They need \\usepackage{booktabs}; names beyond Latin letters need XeLaTeX.
% A dash stands for what is undefined, missing or withheld.

"""


def write_benchmark(benchmark: Benchmark, folder: str | Path) -> list[Path]:
    """Write benchmark.json and compare.html, both exact, and in share/ what is made to be shared; return the paths.

    In share/ are README.md with figures/*.png, compare.html, benchmark.csv and benchmark.tex. Figures of an earlier
    benchmark that no longer apply are removed.

    Raises:
        FairTuneError: the folder cannot be made or written to.
    """
    place, public = Path(folder), publish_benchmark(benchmark)
    share = place / SHARE
    make(share / FIGURES)
    paths = [benchmark.save(place), write_atomically(place / PAGE, benchmark_page(benchmark, pictures(benchmark)))]
    drawn = pictures(public)
    try:
        for old in (share / FIGURES).glob("*.png"):
            if old.stem not in {picture.name for picture in drawn}:
                old.unlink(missing_ok=True)  # another worker may have removed it
    except OSError as error:
        raise FairTuneError(f"`{share}` could not be written ({first_line(error)}); free some space.") from error
    paths += [picture.write(share / FIGURES / f"{picture.name}.png") for picture in drawn]
    texts = {
        CARD: benchmark_markdown(public, drawn),
        NUMBERS: benchmark_csv(public),
        LATEX: benchmark_latex(public),
        PAGE: benchmark_page(public, drawn),
    }
    return paths + [write_atomically(share / file, text) for file, text in texts.items()]


def benchmark_latex(benchmark: Benchmark) -> str:
    """Write every table as LaTeX with booktabs."""
    tables: list[Table] = [summary_table(benchmark), *(task_table(benchmark, task) for task in benchmark.tasks)]
    tables += [*rank_tables(benchmark), published_table(benchmark)]
    tables += [table for task in benchmark.tasks for table in further_tables(benchmark, task)]
    labels = map("tab:benchmark-{}".format, count(1))
    return HEAD + "\n".join(as_latex(table, label) for table, label in zip(tables, labels, strict=False) if table.rows)


def benchmark_csv(benchmark: Benchmark) -> str:
    """Write every number in a row: task, method, number, training (none for the mean), value, bounds and errors."""
    rows = [row for task in benchmark.tasks for method in task.methods for row in _rows(task, method)]
    for ranks in benchmark.ranks:
        for method, average in zip(ranks.methods, ranks.average, strict=True):
            rows.append({"method": method, "number": f"average_rank_{ranks.metric}", "value": written(average, 6)})
    for one in benchmark.published:
        value = {"value": written(one.value, 6), "sd": written(one.sd, 6), "reason": one.source}
        rows.append({"task": one.task, "method": one.method, "number": f"published_{one.metric}", **value})
    frame = pd.DataFrame(rows, dtype=object).fillna("").map(csv_cell)
    return str(frame.to_csv(index=False, lineterminator="\n"))


def _rows(task: BenchmarkTask, row: MethodOnTask) -> Iterator[dict[str, str]]:
    about = {"task": task.name, "method": row.method, "standing": row.standing}
    about["verdict"] = row.against.verdict if row.against else ""
    for metric in RANKED:
        yield from _repeated(about | {"number": metric}, row.number(metric), row.seeds)
    for one in row.groups:
        yield from _repeated(about | {"number": "auc", "group": one.group}, one.auc, row.seeds)
    if row.against is not None:
        changes = {"auc": row.against.auc, "min_group_auc": row.against.min_group_auc, "auc_gap": row.against.auc_gap}
        for key, contrast in changes.items():
            yield from _repeated(about | {"number": f"change_{key}"}, contrast.change, [])
        for group in row.against.groups:
            place = about | {"number": "change_auc", "group": group.group, "fall": written(group.fall, 6)}
            yield from _repeated(place, group.auc.change, [])
    cuts = [(one.name, key, found) for one in row.cuts for key, found in (one.gaps | one.measures).items()]
    for cut, key, found in [*cuts, *(("", key, found) for key, found in row.measures.items())]:
        place = about | {"number": key, "threshold": cut}
        yield place | {"value": written(found.mean, 6), "sd": written(found.sd, 6)}
        for seed, value in zip(row.seeds, found.runs, strict=False):
            yield place | {"training": str(seed), "value": written(value, 6)}


def _repeated(about: dict[str, str], found: Repeated, seeds: list[int]) -> Iterator[dict[str, str]]:
    mean = found.mean
    errors = {"from_training": written(found.training_error, 6), "from_rows": written(found.sampling_error, 6)}
    numbers = {"training": "", "value": written(mean.value, 6), "low": written(mean.low, 6)}
    yield about | numbers | {"high": written(mean.high, 6), "reason": reasons(mean.reasons)} | errors
    for seed, value in zip(seeds, found.runs, strict=False):
        yield about | {"training": str(seed), "value": written(value, 6)}
