"""The rows that `fairtune audit` is about: of a table of predictions, or scored by a model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..audits.attributes import ARGMAX, AttributeAudits
from ..data.levels import listed
from ..data.predictions import read_predictions
from ..data.scored import ScoredTable
from ..data.scored_arguments import PredictionArguments
from ..errors import FairTuneError
from ..metrics.operating_threshold import parse_policy

COIN = 0.5
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
        default=None,
        metadata={
            "help": "Table of predictions for other patients, to fit thresholds on: its validation rows, or all."
        },
    )
    reference_model: str | None = field(
        default=None,
        metadata={"help": "Another model to compare with on the same images, which it must not have seen either."},
    )


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


def of_table(arguments: RowArguments, data: PredictionArguments) -> Given:
    """Read the rows of a table of predictions.

    Raises:
        FairTuneError: the flags and the table do not fit together.
    """
    if arguments.reference_model is not None:
        raise FairTuneError("--reference_model needs images; for a table name its score columns by --reference.")
    scored, fit_on, split = apart(read_predictions(data), arguments.split)
    name = Path(data.dataset).name
    return Given(scored, fit_on, {"kind": "predictions", "name": name, "model": None, "split": split})


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


def policies(named: Sequence[str], given: Given) -> Sequence[str]:
    """Return the thresholds that are named, or choose some.

    Raises:
        FairTuneError: scores are probabilities and a number is none, or nothing says which cut scores could have.
    """
    scored = given.scored
    if named:
        numbers = [parse_policy(text).number for text in named if text != ARGMAX]
        outside = [value for value in numbers if value is not None and not 0 <= value <= 1]
        if scored.probability and outside:
            raise FairTuneError(
                f"--threshold {outside[0]:g} lies outside the scores, which are 0 to 1; choose between."
            )
        return named
    low, high = scored.scores.min(), scored.scores.max()
    if scored.task != "multiclass" and not scored.probability and low >= 0:
        raise FairTuneError(
            f"The scores lie in {low:g} to {high:g}, neither probabilities (0 to 1) nor log-odds (around 0): divide "
            f"percentages by 100, or name a cut, such as --threshold {(low + high) / 2:g}."
        )
    plain = ARGMAX if scored.task == "multiclass" else "0.5" if scored.probability else "0"
    return [plain, "youden"] if given.fit_on is not None and _has_both(given.fit_on) else [plain]


def notes(given: Given) -> Iterator[str]:
    """Say what was taken for what, where a user might not expect it: a line each."""
    scored, fit_on = given.scored, given.fit_on
    if given.source["split"] not in (None, ALL):
        thresholds = f"; thresholds are fitted on {len(fit_on.labels)} others" if fit_on is not None else ""
        yield f"{len(scored.labels)} rows of the split {given.source['split']} are audited{thresholds}"
    if given.source["kind"] == "model" and given.source["split"] is None:
        yield f"all {len(scored.labels)} rows are audited; nothing says whether the model was trained on some of them"
    if given.frame is not None and "score_LABEL_1" in given.frame and scored.task == "binary":
        yield f"the model's classes have no names: LABEL_1 is taken for {scored.targets[0]}"
    if fit_on is not None and not _has_both(fit_on):
        yield "no threshold is fitted: the rows for it hold one class"
    if not scored.probability:
        low, high = scored.scores.min(), scored.scores.max()
        yield f"scores lie in {low:g} to {high:g}, so they are no probabilities: their calibration is not told"
    for target, column in zip(scored.targets, scored.scores.T, strict=True):
        if column.min() == column.max():
            yield f"every row has the score {column[0]:g} for {target}: the model tells no patient from another"
    for attribute in scored.attributes:
        if attribute.kind == "levels":
            folded = [name.casefold() for name in attribute.names]
            alike = [name for name, low in zip(attribute.names, folded, strict=True) if folded.count(low) > 1]
            if alike:
                yield f"groups of {attribute.name} differ in case only, and stay groups of their own: {listed(alike)}"


def doubts(found: AttributeAudits) -> Iterator[str]:
    """Say which results look like a mistake in the input."""
    for section in found.overall:
        auc = section.audit.auc
        if auc.high < COIN:
            yield (
                f"the AUC for {section.target} is {auc.value:.3f} [{auc.low:.3f}, {auc.high:.3f}], worse than a coin: "
                "are these the scores of the other class?"
            )


def _has_both(table: ScoredTable) -> bool:
    shares = table.labels.mean(axis=0)
    return not ((shares == 0) | (shares == 1)).any()
