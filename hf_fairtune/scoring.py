"""Scores of any image classifier on a table of images; no training."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from .data.class_scores import ClassScores, with_scores
from .data.columns import SPLIT_COLUMN
from .data.identity import digest, identify
from .data.pixels import cache_folder
from .data.probabilities import class_log_odds, probabilities
from .data.processed_images import ProcessedImages
from .data.processors import resized_processor
from .data.score_log import score_log
from .data.scored import PredictionArguments, read_scored
from .data.scored_splits import split_rows
from .data.scored_table import ScoredTable
from .data.source import load_source
from .data.timm_processor import readable
from .document.document import ALL_ROWS
from .errors import FairTuneError, first_line
from .families.frozen_eval import frozen_eval
from .families.head import is_multi_label
from .families.one_logit import REGRESSION
from .families.patch_input import check_takes_images
from .families.precision import in_float32
from .families.weights_hash import weights_hash
from .processes import each, once, share
from .progress import Progress

BATCH = 64
# What forward passes raise on inputs that are not theirs.
FORWARD_ERRORS = (RuntimeError, ValueError, TypeError, AttributeError, LookupError, AssertionError)


@dataclass(frozen=True)
class ScoredImages:
    """A model's scores of the rows of one split, and of those of `validation` where there are any.

    Args:
        name: of the data; no path of the machine.
        table: what an audit takes; `table.splits` separates the two splits, None where nothing divides the rows.
        frame: the columns of these rows, the names of their images, scores and splits; private.
    """

    name: str
    table: ScoredTable
    frame: pd.DataFrame


def score_dataset(
    model: Any,
    processor: Any,
    arguments: PredictionArguments,
    *,
    split: str | None = "test",
    splits_file: Path | None = None,
    batch_size: int = BATCH,
    shared: bool = False,
) -> ScoredImages:
    """Score the images that `arguments` name.

    Args:
        model: an image classifier of transformers, or a pipeline around one; it stays on its device.
        processor: its image processor; None takes the pipeline's.
        arguments: the data; label, groups and clusters are checked before an image is scored.
        split: train, validation, test, or all: every row, of which the model must have seen none. None is test where
            the data or the split file say which rows those are, and refused where nothing does.
        splits_file: `splits.json` of the model's folder, which knows what the model has seen.
        batch_size: images at a time.
        shared: whether every process of the run calls this, and scores a part of the images.

    Raises:
        FairTuneError: the data, the flags and the model do not fit together, or a score is not finite.
    """
    model, processor = unpacked(model, processor)
    processor = processor if arguments.image_size is None else resized_processor(processor, arguments.image_size)
    source = load_source(
        arguments.dataset, image=arguments.image, image_root=arguments.image_root, divided=split != ALL_ROWS
    )
    source = source.certain(arguments.label, arguments.positive, arguments.uncertain)
    cache = cache_folder(arguments.data_cache)
    identities = identify(source.images, source.root, cache)
    splits = split_rows(source, identities, split, arguments.cluster, splits_file)
    wanted = [split or "test", "validation"]
    kept = np.arange(len(source.images)) if splits is None else np.flatnonzero(np.isin(splits, wanted))
    splits = None if splits is None else splits[kept]
    frame, classes = source.frame.iloc[kept].reset_index(drop=True), class_names(model)
    scores = ClassScores(np.zeros((len(kept), len(classes))), classes, "the model", True, are_findings(model))
    read_scored(frame, arguments, scores)
    stamps = [identities.images[i] for i in kept]
    images = ProcessedImages(source.images.select(kept), stamps, processor, cache)
    scores = replace(scores, values=score_images(model, images, batch_size, shared))
    names = [identities.names[i] for i in kept]
    table = replace(read_scored(frame, arguments, scores, source.readings), splits=splits, images=np.array(names))
    if split == ALL_ROWS:  # which is no split that a table of predictions could name
        frame, splits = frame.drop(columns=SPLIT_COLUMN, errors="ignore"), None
    return ScoredImages(source.name, table, with_scores(frame, scores, names, splits))


def score_images(model: nn.Module, images: ProcessedImages, batch_size: int, shared: bool = False) -> np.ndarray:
    """Compute the classes' probabilities of every image, float64 [n, classes], as the pipeline of transformers does.

    They are made of the logits in double precision, and rank the images as the log-odds do. Weights of half precision
    are held in float32 meanwhile. The model is left as it was. The images' cache holds the logits so far too, from
    which a killed run goes on. Where it is `shared` each process of the run scores whole batches of its own, and has
    the scores of all.

    Raises:
        FairTuneError: an image cannot be decoded, the model does not take its pixels, or a score is not finite.
    """

    def score(batches: range) -> np.ndarray:
        rows = range(batches.start * batch_size, min(batches.stop * batch_size, len(images)))
        return _logits(model, images, batch_size, rows)

    batches = -(-len(images) // batch_size)
    if shared:
        once(images.decode)
    parts = each(lambda: score(share(batches))) if shared else [score(range(batches))]
    scores = class_scores(model, np.concatenate(parts).astype(np.float64))
    broken = int((~np.isfinite(scores)).any(axis=1).sum())
    if broken:
        raise FairTuneError(
            f"the model's scores are NaN or infinite for {broken} of {len(scores)} images; check its weights and the "
            "image processor."
        )
    return scores


def _logits(model: nn.Module, images: ProcessedImages, batch_size: int, rows: range) -> np.ndarray:
    """Compute the classes' logits of some images, float32 [rows, classes], or the rest of them after a kill."""
    with frozen_eval(model), in_float32(model), torch.no_grad(), ExitStack() as kept:
        key = score_key(model, images.processor, images.stamps[rows.start : rows.stop], batch_size)
        log = kept.enter_context(score_log(images.cache, key, len(class_names(model)), batch_size))
        parts, left = [log.done], range(rows.start + len(log.done), rows.stop)
        with Progress("Scoring images", len(rows), "image", len(log.done)) as bar:
            for batch in images.batches(batch_size, left):
                parts.append(np.concatenate([class_logits(model, pixels).cpu().numpy() for pixels in batch]))
                log.add(parts[-1])
                bar.update(len(parts[-1]))
    return np.concatenate(parts)


def score_key(model: Any, processor: Any, stamps: Sequence[str], batch_size: int) -> str:
    """Name what scores depend on: weights, configuration, image processor, images, device and batch."""
    device = str(next(model.parameters()).device)
    settings = [type(processor).__name__, processor.to_dict(), model.config.to_dict(), device, batch_size]
    return digest([weights_hash(model), settings, list(stamps)])


def class_scores(model: Any, logits: np.ndarray) -> np.ndarray:
    """Return the probability of every class, float64 [n, classes]; of a regression its outputs."""
    if problem_type(model) == REGRESSION:
        return logits
    odds = logits if are_findings(model) else class_log_odds(logits)
    return np.column_stack([probabilities(column) for column in odds.T])


def class_logits(model: Any, pixels: Tensor) -> Tensor:
    """Return the logit of every class of a batch, float32 [n, classes].

    Raises:
        FairTuneError: the model does not take the images, or gives something else.
    """
    parameter = next(model.parameters())
    try:
        output = model(pixels.to(parameter.device, parameter.dtype))
    except FORWARD_ERRORS as error:
        raise FairTuneError(
            f"the model does not take {len(pixels)} images of {' x '.join(map(str, pixels.shape[1:]))} "
            f"({first_line(error)}); check --image_size, or score fewer at a time."
        ) from error
    logits, names = getattr(output, "logits", None), class_names(model)
    if not isinstance(logits, Tensor):
        advice = "set `return_dict` to true in its config" if isinstance(output, tuple) else "load one with its head"
        raise FairTuneError(
            f"the model, a {type(model).__name__}, gives a {type(output).__name__} without `logits`; an image "
            f"classifier is wanted: {advice}."
        )
    if logits.ndim != 2 or logits.shape[1] != len(names):
        raise FairTuneError(
            f"the model gives logits of shape {tuple(logits.shape)} for {len(names)} classes; an image classifier "
            "gives one an image and class."
        )
    return logits.float()


def class_names(model: Any) -> list[str]:
    """Return the names of the model's classes in the order of its outputs; `LABEL_0` and so on where it has none.

    Raises:
        FairTuneError: it names another number of classes than it says it has.
    """
    config = model.config
    names = config.id2label or {i: f"LABEL_{i}" for i in range(config.num_labels)}
    if sorted(names) != [*range(config.num_labels)]:
        raise FairTuneError(
            f"the model's config has `num_labels` {config.num_labels} but names {len(names)} classes in `id2label`; "
            f"load it with `id2label=` of {config.num_labels} names, numbered from 0."
        )
    return [str(names[i]) for i in range(config.num_labels)]


def problem_type(model: Any) -> str | None:
    """Return what the model says of its outputs; None where it says nothing."""
    return getattr(model.config, "problem_type", None)


def are_findings(model: Any) -> bool:
    """Say whether every output stands on its own: a row can have several classes, or there is one output."""
    return is_multi_label(model) or len(class_names(model)) == 1


def unpacked(model: Any, processor: Any) -> tuple[Any, Any]:
    """Return model and image processor of a pipeline, or those that are passed.

    Raises:
        FairTuneError: there is no image processor, or the model is none of transformers, or takes no images.
    """
    processor = getattr(model, "image_processor", None) if processor is None else processor
    model = model if isinstance(model, nn.Module) else getattr(model, "model", None)
    if processor is None or not hasattr(getattr(model, "config", None), "id2label"):
        raise FairTuneError(
            "an image classifier of transformers with its image processor is wanted, or its image-classification "
            "pipeline; pass these."
        )
    check_takes_images(model)
    return model, readable(processor)
