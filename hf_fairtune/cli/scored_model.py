"""The rows that `fairtune audit` is about, scored by a model."""

from dataclasses import replace
from pathlib import Path

from accelerate import PartialState

from ..data.scored import PredictionArguments
from ..data.source import check_kind
from ..data.splits import FILE_NAME
from ..errors import FairTuneError
from ..loading import load_classifier, load_processor
from ..scoring import ScoredImages, score_dataset
from .audit_input import AuditArguments, AuditInput, select_split


def score_input(arguments: AuditArguments, data: PredictionArguments) -> AuditInput:
    """Score the images with the model, and with the reference model where one is named."""
    check_kind(data.dataset)  # before a model is loaded, which may take minutes
    found = _scored_by(arguments.model, arguments, data)
    table = found.table
    if arguments.reference_model is not None:
        if data.reference:
            raise FairTuneError("--reference and --reference_model are two references; give one of them.")
        try:
            # The reference scores the rows of the model under audit, so its own splits do not count.
            other = _scored_by(arguments.reference_model, arguments, data).table
        except FairTuneError as error:
            raise FairTuneError(f"--reference_model: {error}") from error
        if table.targets != other.targets:
            raise FairTuneError(
                f"the reference model has scores for {other.targets}, the model for {table.targets}; name one that "
                "has the same classes."
            )
        table = replace(table, reference_scores=other.scores)
    rows, fit_on, split = select_split(table, arguments.split if table.splits is not None else None)
    return AuditInput(rows, fit_on, found.name, split, found.frame)


def _scored_by(name: str, arguments: AuditArguments, data: PredictionArguments) -> ScoredImages:
    """Score the images with the model `name`; the split file is that of the model under audit."""
    model = load_classifier(name)
    return score_dataset(
        model.to(PartialState().device),
        load_processor(name),
        data,
        split=arguments.split,
        splits_file=Path(arguments.model) / FILE_NAME,
        shared=True,
    )
