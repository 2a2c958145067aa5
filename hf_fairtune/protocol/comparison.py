"""`compare`: run a protocol in a folder, alone or beside other workers, and judge what it left."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path

from ..audits.benchmarks import benchmark_of
from ..document import benchmark
from ..document.benchmark import Benchmark
from ..document.benchmark_task import RANKED, Ranked
from ..document.provenance import Provenance, hardware
from ..errors import FairTuneError
from ..processes import is_main, once
from .facts import facts_of
from .prices import price_said, prices_of
from .progress import keep_progress, progress
from .protocol import Protocol
from .results import scored_tasks
from .touches import FILE_NAME, touches
from .worker import Worker


def compare(
    protocol: Protocol, folder: str | Path, max_hours: float = math.inf, say: Callable[[str], None] = print
) -> Benchmark | None:
    """Run what is not done yet of a protocol, and judge it; None where the hours ended, or another worker runs on.

    A killed comparison goes on where it was, by the same call; a call in another process shares the work. Processes of
    a distributed run are one worker; the main one says how far it is, and all return the same.

    Args:
        protocol: what is compared.
        folder: of the comparison.
        max_hours: after which no unit is begun.
        say: takes a line about the progress.

    Raises:
        FairTuneError: the folder holds another comparison, or a method or a task cannot be used.
    """
    if not max_hours > 0:
        raise FairTuneError(f"`max_hours` is {max_hours:g}; give a number above 0, or leave it out.")
    say = say if is_main() else silent
    worker = Worker(protocol, Path(folder), 3600 * max_hours, say)
    worker.open()
    if not once(lambda: all(unit.is_done for unit in worker.units)):
        prices = prices_of(worker, say)
        worker.expected = prices.of
        say(price_said(worker, prices))
    worker.after = partial(keep_progress, worker)
    return once(partial(concluded, worker, worker.work()))


def silent(_: str) -> None:
    """Say nothing; the main process speaks."""


def concluded(worker: Worker, whole: bool) -> Benchmark | None:
    """Say how far a comparison is, and judge it if it is whole."""
    worker.say(progress(worker))
    worker.say(tested(worker))
    return judged(worker) if whole else None


def tested(worker: Worker) -> str:
    """Say how often trainings scored their test splits, which is once each unless one was killed in between."""
    found = touches(worker.units.root)
    if not found:
        return "no test split was scored"
    again = sum(count > 1 for count in found.values())
    more = f"; {again} of them again, as the training was killed before it was recorded" if again else ", each once"
    return f"{len(found)} test splits were scored by trainings{more} (units/{FILE_NAME})"


def judged(worker: Worker) -> Benchmark:
    """Judge what a finished comparison left."""
    protocol, settings = worker.protocol, worker.protocol.settings
    tasks = [scored for task in protocol.tasks for scored in scored_tasks(worker.bench(task))]
    objective: Ranked = next((one for one in RANKED if one == settings.objective), "min_group_auc")
    own = benchmark.Protocol(
        reference=settings.reference,
        objective=objective,
        name=worker.root.resolve().name,
        differences=[*protocol.differences],
        arguments=facts_of(protocol),
    )
    provenance = Provenance(hardware=hardware())
    return benchmark_of(tasks, settings.reference, protocol=own, published=protocol.published, provenance=provenance)
