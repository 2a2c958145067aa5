"""The scores that the units of a comparison left, task by task, as its statistics take them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from ..audits.scored_methods import ScoredMethod, ScoredTask
from ..data.fair_dataset import FairDataset
from ..document.estimate import NAN
from ..document.run import Budget, MethodFacts
from ..document.search import Search
from .bench import Bench
from .entry import Entry
from .task import short
from .unit import Trained, Tuned, Unit


def scored_tasks(bench: Bench) -> Iterator[ScoredTask]:
    """Yield a task once for each of its test splits, with every method whose units are done.

    The rows of the folds come one fold after another; those of an added test set are there once for each fold, whose
    model scored them.
    """
    for split in bench.folds[0].test_splits:
        own, parts = split == "test", bench.folds
        columns = [part.columns(split) for part in parts]
        every = {name: np.concatenate([one[name] for one in columns]) for name in columns[0]}
        data, task = parts[0], bench.task
        methods = [_method(bench, entry, split, len(every["labels"])) for entry in bench.protocol.entries]
        yield ScoredTask(
            name=task.name if own else f"{task.name}, {split}",
            dataset=table_name(bench, data.facts().name) if own else split,
            attribute=attribute_of(data, split),
            model=public_model(task.model),
            split=split,
            labels=every["labels"],
            groups=every["groups"],
            group_names=data.groups_of(split),
            clusters=every.get("cluster"),
            folds=np.repeat(np.arange(len(parts)), [len(one["labels"]) for one in columns]),
            excluded=data.left_out(split),
            positive=data.label_names[1],
            methods=methods,
            repeats=not own and len(parts) > 1,
        )


def table_name(bench: Bench, name: str) -> str:
    """Return the name of a task's table, behind its folder's where another table of the protocol has that name."""
    place, every = Path(bench.task.arguments.dataset), {task.arguments.dataset for task in bench.protocol.tasks}
    alike = sum(Path(one).name == place.name for one in every)
    return f"{place.resolve().parent.name}/{name}" if alike > 1 and place.exists() else name


def public_model(name: str) -> str:
    """Return a Hub id as it is, and the last part of a folder, whose place stays at home."""
    return short(name) if Path(name).expanduser().exists() else name


def attribute_of(data: FairDataset, split: str) -> str:
    """Return the name of the attribute that training knows."""
    return data.scored(split, np.zeros(len(data[split]))).attributes[-1].name


def _method(bench: Bench, entry: Entry, split: str, n: int) -> ScoredMethod:
    folds, seeds = range(len(bench.folds)), bench.protocol.settings.seeds
    searches = [bench.units.search(bench.task, fold, entry) for fold in folds]
    tuned = [one.record() for one in searches if one.is_done]
    rows = [[bench.units.training(bench.task, fold, entry, seed) for fold in folds] for seed in seeds]
    done = [unit.record() for row in rows for unit in row if unit.is_done]
    reasons = [one.lacking for one in tuned] + [one.lacking for one in done]
    lacking = next(filter(None, reasons), "")
    known = [one for one in tuned if not one.lacking]
    first = known[0] if known else Tuned(entry.method.hyperparameters(), NAN)
    facts = MethodFacts(
        entry.method.name, entry.method.title, entry.method.citation, first.hyperparameters, entry.method.needs
    )
    kept = [one.search for one in known if one.search is not None]
    return ScoredMethod(
        name=entry.name,
        facts=facts,
        seeds=[*seeds],
        scores=np.stack([_of_run(row, split, n, cuts=False) for row in rows]),
        cuts=np.stack([_of_run(row, split, n, cuts=True) for row in rows]),
        learning_rate=first.learning_rate,
        trainable_parameters=max((one.trainable_parameters for one in done), default=0),
        seconds=float(np.nansum([one.seconds for one in done])),
        budget=total(kept),
        searches=kept,
        lacking=lacking,
        mask=next((one.mask for one in done if one.mask is not None), None) if kept else None,
    )


def _of_run(units: Sequence[Unit[Trained]], split: str, n: int, cuts: bool) -> np.ndarray:
    """Return the scores of a run's rows, or the cut of each; NaN where a training has none."""
    parts = []
    for unit in units:
        record = unit.record() if unit.is_done else None
        if record is None or record.lacking:
            return np.full(n, np.nan)
        scores = unit.scores()[split]
        parts.append(np.full(len(scores), record.cut) if cuts else scores)
    return np.concatenate(parts)


def total(searches: Sequence[Search]) -> Budget | None:
    """Return what searches took together; their value is the mean over folds."""
    if not searches:
        return None
    every = [search.budget() for search in searches]
    return Budget(
        trials=sum(one.trials for one in every),
        epochs=sum(one.epochs for one in every),
        seconds=sum(one.seconds for one in every),
        objective=every[0].objective,
        value=float(np.mean([one.value for one in every])),
        asked=sum(one.asked or 0 for one in every),
    )
