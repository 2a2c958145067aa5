"""The winner of a search, chosen by a rule from what its trials left; the same on every process."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from accelerate.utils import broadcast_object_list

from ..audits.class_numbers import cells_of_key, single_key
from ..audits.compute import directions, key_of
from ..audits.engine.class_rows import ClassRows, check_class_rows
from ..audits.engine.resampled_rows import ESTIMABLE
from ..audits.engine.rows import ScoredRows, included_codes
from ..data.fair_dataset import TRAIN
from ..document.search import Choice, Trial
from ..errors import FairTuneError, listed
from ..search.kept import place, read_scores, write_scores
from ..search.plan import Plan
from ..search.searcher import Searcher
from ..search.study import numbers_of_complete
from ..selections.objective import Objective, Scored
from ..selections.selection import Pool, Selection
from .audits import VALIDATION
from .classes import names_of, scored_logits

if TYPE_CHECKING:
    from .fair import FairTrainer

# How far the objective of kept scores may lie from what the trial reported: rounding.
CLOSE = 1e-6


def check_kept(trainer: FairTrainer, searcher: Searcher, selection: Selection) -> None:
    """Check that the trials of an earlier process kept their scores, where a rule reads them; cross-fitted ones do.

    Raises:
        FairTuneError: one did not.
    """
    reads = selection.scores and not searcher.plan.folds and searcher.study
    for number in numbers_of_complete(searcher.study) if reads and searcher.study else ():
        path = place(Path(trainer.args.output_dir), number)
        if not path.is_file():
            raise FairTuneError(
                f"trial {number} was run without keeping its scores (`{path}`), so that the selection "
                f"`{selection.name}` cannot weigh it; choose `best`, or search in another output_dir."
            )


def keep_scores(trainer: FairTrainer, number: int) -> None:
    """Keep the scores of a trial's last evaluation, which gave its value, for selections that read them by group."""
    output, is_read = trainer.last_output, bool(names_of(trainer)[0])
    if trainer.is_world_process_zero() and is_read and output is not None and output.predictions is not None:
        write_scores(place(Path(trainer.args.output_dir), number), scored_logits(trainer, output.predictions))


def objective_of(plan: Plan) -> Objective:
    """Return the objective of a search, as a number of scored rows."""
    return Objective(plan.objective_name, plan.direction == "maximize", None if plan.by_name else plan.objective)


def choose(trainer: FairTrainer, plan: Plan, selection: Selection) -> Trial:
    """Choose the winner among the complete trials of the trainer's search, and note there how."""
    start, search, fit = time.monotonic(), trainer.search, trainer.cross_fit
    assert search is not None
    objective, trials = objective_of(plan), search.complete

    def scored() -> Scored:
        return scored_by(trainer, plan, trials)

    def refit(finalists: Sequence[Trial]) -> Scored:
        assert fit is not None
        return fit.refit(finalists)

    winner, candidates = selection.choose(Pool(objective, trials, trainer.args.seed, scored, refit))
    choice = Choice(selection.name, selection.title, candidates, fit.epochs if fit else 0.0)
    seconds = search.seconds + time.monotonic() - start
    trainer.search = replace(search, best_trial=winner.number, selection=choice, seconds=seconds)
    trainer.search = broadcast_object_list([trainer.search])[0]
    assert trainer.search is not None
    return next(trial for trial in trainer.search.trials if trial.number == trainer.search.best_trial)


def scored_by(trainer: FairTrainer, plan: Plan, trials: Sequence[Trial]) -> Scored:
    """Read the scores that trials of a search kept, of validation or out of fold, and check that they give its values.

    Raises:
        FairTuneError: they do not, or some are missing.
    """
    fit = trainer.cross_fit if plan.folds else None
    return _checked(fit.kept(trials) if fit else _on_validation(trainer, trials), trials, objective_of(plan))


def objective_cells(trainer: FairTrainer, objective: str, folds: int = 0) -> list[tuple[str, str]] | None:
    """List class and group of the cells that a search's objective rests on; None where it is not one of cells.

    Raises:
        FairTuneError: it rests on none, as none has enough cases on the rows that trials are scored on.
    """
    if not all(names_of(trainer)):
        return None
    rows, included = unscored(trainer, folds)
    known = directions()
    found = cells_of_key(key_of(objective), rows, included, known) if isinstance(rows, ClassRows) else None
    if found is None or found or not isinstance(rows, ClassRows):
        return found
    own = single_key(key_of(objective), rows.names, known)[1][1]
    where = "train and validation" if folds else "validation"
    lacks, each = "no class has", ""
    if own:
        scarcer = rows.of(rows.names.index(own[1:])).cases(units=False)[:, :2].min(axis=1).tolist()
        counts = [f"{scarcer[code]} in {rows.group_names[code]}" for code in included]
        lacks, each = f"{own[1:]} does not have", f" ({listed(counts)})"
    few = "two groups" if cells_of_key(f"min_group_auc{own}", rows, included, known) else "any group"
    raise FairTuneError(
        f"`{objective}` has no value: {lacks} {ESTIMABLE} cases, and {ESTIMABLE} others, in {few} of the {where} rows"
        f"{each}. Enlarge these, merge groups or classes, or search by another objective."
    )


def _on_validation(trainer: FairTrainer, trials: Sequence[Trial]) -> Scored:
    """Read the scores of the validation rows that trials kept, on the main process."""
    rows, included = unscored(trainer)
    scores = None
    if trainer.is_world_process_zero():
        folder = Path(trainer.args.output_dir)
        scores = np.stack([read_scores(place(folder, trial.number), *rows.scores.shape) for trial in trials])
    return Scored(rows, included, broadcast_object_list([scores])[0])


def unscored(trainer: FairTrainer, folds: int = 0) -> tuple[ScoredRows | ClassRows, tuple[int, ...]]:
    """Return the validation rows with scores that do not count, and the codes of the groups compared.

    With `folds` the training rows are before them, as all are scored.
    """
    (names, classes), columns = names_of(trainer), _columns(trainer)
    if folds and trainer.data is not None:
        train = trainer.data.columns(TRAIN)
        columns = {name: np.concatenate([train[name], values]) for name, values in columns.items()}
    labels, groups = columns["labels"], columns["groups"]
    nothing = np.zeros((len(labels), len(classes)) if classes else len(labels))
    rows = check_class_rows(labels, nothing, groups, names, columns.get("cluster"), classes)
    return rows, included_codes(names, trainer.data.left_out(VALIDATION) if trainer.data else ())


def _checked(scored: Scored, trials: Sequence[Trial], objective: Objective) -> Scored:
    """Check that the scores of trials give the trials' values."""
    for trial, value in zip(trials, objective.values(scored).tolist(), strict=True):
        if not math.isclose(value, trial.value, rel_tol=CLOSE, abs_tol=CLOSE):
            raise FairTuneError(
                f"the scores of trial {trial.number} give {objective.name} {value:g}, but it reported "
                f"{trial.value:g}: its metrics are not ours, or they are those of another search; choose the "
                "selection `best`."
            )
    return scored


def _columns(trainer: FairTrainer) -> dict[str, np.ndarray]:
    """Return labels, groups and perhaps clusters of the validation rows, [n]."""
    if trainer.data is not None:
        return trainer.data.columns(VALIDATION)
    data: Any = trainer.eval_dataset
    if not {"labels", "groups"} <= {*(getattr(data, "features", None) or ())}:
        raise FairTuneError(
            "this selection needs the columns `labels` and `groups` of the validation rows; choose the selection "
            "`best`."
        )
    kept = [name for name in ("labels", "groups", "cluster") if name in data.features]
    columns: dict[str, np.ndarray] = data.with_format("numpy").select_columns(kept)[:]
    return columns
