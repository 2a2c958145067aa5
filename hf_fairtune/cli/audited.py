"""The rows that `fairtune audit` is about: of a table of predictions, or scored by a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from accelerate import PartialState

from ..data.predictions import is_table, read_predictions
from ..data.scored import ScoredTable
from ..data.scored_arguments import PredictionArguments
from ..errors import FairTuneError
from ..scoring import ScoredImages, score_dataset
from .model import load_classifier, load_processor, refuse_broken

ALL, TEST, VALIDATION = "all", "test", "validation"


@dataclass(frozen=True)
class Given:
    """What to audit.

    Args:
        scored: the rows to audit.
        fit_on: rows of other patients on which thresholds are fitted; None where there are none.
        source: `source` of `audit.json`.
        frame: the columns of all rows with a model's scores; None where they came as a table.
    """

    scored: ScoredTable
    fit_on: ScoredTable | None
    source: dict[str, Any]
    frame: pd.DataFrame | None = None


@dataclass
class RowArguments:
    """Which rows."""

    model: str = field(metadata={"help": "Folder or Hub id of an image classifier, or a table of predictions."})
    split: str | None = field(
        default=None,
        metadata={"help": "Rows to audit: train, validation, test or all. Default: test where there are splits."},
    )
    fit_on: str | None = field(
        default=None, metadata={"help": "Table of predictions for other patients, to fit thresholds on."}
    )
    reference_model: str | None = field(
        default=None,
        metadata={"help": "Another model to compare with on the same images, which it must not have seen either."},
    )


def rows_of(arguments: RowArguments, data: PredictionArguments) -> Given:
    """Read or score the rows to audit, and those to fit thresholds on.

    Raises:
        FairTuneError: the flags, the data and the model do not fit together.
    """
    given = _of_table(arguments, data) if is_table(arguments.model) else _of_model(arguments, data)
    if arguments.fit_on is None:
        return given
    other = read_predictions(replace(data, dataset=arguments.fit_on))
    rows, validation, _ = apart(other, ALL)
    return replace(given, fit_on=rows if validation is None else validation)


def apart(whole: ScoredTable, split: str | None) -> tuple[ScoredTable, ScoredTable | None, str | None]:
    """Return the rows of a split, the validation rows if they are others, and the split's name.

    Raises:
        FairTuneError: no row is in it.
    """
    splits = whole.splits
    if splits is None and split not in (None, ALL):
        raise FairTuneError(f"--split is {split!r}, but the table has no column `split`; leave the flag out.")
    if splits is None:
        return whole, None, None
    wanted = split or TEST
    inside = np.full(len(splits), True) if wanted == ALL else splits == wanted
    if not inside.any():
        found = ", ".join(sorted(set(splits.tolist())))
        raise FairTuneError(f"No row is in the split {wanted!r}, only in {found}; choose by --split, or all.")
    others = (splits == VALIDATION) & ~inside
    return whole.take(inside), whole.take(others) if others.any() else None, wanted


def _of_table(arguments: RowArguments, data: PredictionArguments) -> Given:
    if arguments.reference_model is not None:
        raise FairTuneError("--reference_model needs images; for a table name its score columns by --reference.")
    scored, fit_on, split = apart(read_predictions(data), arguments.split)
    name = Path(data.dataset).name
    return Given(scored, fit_on, {"kind": "predictions", "name": name, "model": None, "split": split})


def _of_model(arguments: RowArguments, data: PredictionArguments) -> Given:
    found = scored_by(arguments.model, arguments, data)
    table = found.table
    if arguments.reference_model is not None:
        if data.reference:
            raise FairTuneError("--reference and --reference_model are two references; give one of them.")
        # The reference is asked about the rows of the model under audit, so its own splits do not count.
        other = scored_by(arguments.reference_model, arguments, data)
        if table.targets != other.table.targets:
            raise FairTuneError(
                f"the reference model answers for {other.table.targets}, the model for {table.targets}; name one that "
                "has the same classes."
            )
        table = replace(table, reference_scores=other.table.scores)
    scored, fit_on, split = apart(table, arguments.split or TEST)
    source = {"kind": "model", "name": found.name, "model": called(arguments.model), "split": split}
    return Given(scored, fit_on, source, found.frame)


def scored_by(name: str, arguments: RowArguments, data: PredictionArguments) -> ScoredImages:
    """Score the images with the model `name`; the split file is that of the model under audit."""
    own = Path(arguments.model) / "splits.json"
    model = load_classifier(name)
    refuse_broken(model, name)
    return score_dataset(
        model.to(PartialState().device),
        load_processor(name),
        data,
        split=arguments.split or TEST,
        splits_file=own if own.is_file() else None,
    )


def called(name: str) -> str:
    """Return a Hub id, or the name of a folder or file without what it lies in."""
    return Path(name).resolve().name if Path(name).exists() else name


def findings(texts: Sequence[str], targets: Sequence[str]) -> dict[str, str]:
    """Read `WORDS`, or `CLASS=WORDS` for one of several targets: target -> clinical words.

    Raises:
        FairTuneError: the class is no target, or several targets share one description.
    """
    found = {}
    for text in texts:
        target, equals, words = text.partition("=")
        if not equals and len(targets) == 1:
            target, words = targets[0], text
        if target not in targets or not words:
            raise FairTuneError(f"--finding {text} fits no class; write CLASS=WORDS for {', '.join(targets)}.")
        found[target] = words
    return found
