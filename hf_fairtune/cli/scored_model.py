"""The rows that `fairtune audit` is about, scored by a model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from accelerate import PartialState

from ..data.scored_arguments import PredictionArguments
from ..errors import FairTuneError
from ..scoring import ScoredImages, score_dataset
from .audited import TEST, Given, RowArguments, apart, called
from .model import load_classifier, load_processor, refuse_broken


def of_model(arguments: RowArguments, data: PredictionArguments) -> Given:
    """Score the images with the model, and with the reference model where one is named.

    Raises:
        FairTuneError: the flags, the data and the models do not fit together.
    """
    found = _scored_by(arguments.model, arguments, data)
    table = found.table
    if arguments.reference_model is not None:
        if data.reference:
            raise FairTuneError("--reference and --reference_model are two references; give one of them.")
        # The reference is asked about the rows of the model under audit, so its own splits do not count.
        other = _reference(arguments.reference_model, arguments, data)
        if table.targets != other.table.targets:
            raise FairTuneError(
                f"the reference model answers for {other.table.targets}, the model for {table.targets}; name one that "
                "has the same classes."
            )
        table = replace(table, reference_scores=other.table.scores)
    scored, fit_on, split = apart(table, arguments.split if table.splits is not None else None)
    source = {"kind": "model", "name": found.name, "model": called(arguments.model), "split": split}
    return Given(scored, fit_on, source, found.frame)


def _reference(name: str, arguments: RowArguments, data: PredictionArguments) -> ScoredImages:
    try:
        return _scored_by(name, arguments, data)
    except FairTuneError as error:
        raise FairTuneError(f"--reference_model: {error}") from error


def _scored_by(name: str, arguments: RowArguments, data: PredictionArguments) -> ScoredImages:
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
