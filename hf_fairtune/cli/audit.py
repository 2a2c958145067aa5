"""Audit a classifier, or a table of its predictions, by group; no training."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..audits.audit import Audit, audit
from ..data.arguments import DataArguments
from ..data.predictions import is_table, load_predictions
from ..data.table import FairDataset, load_fair_dataset
from ..errors import FairTuneError
from ..metrics.scores import scores_from_logits
from ..metrics.thresholds import Threshold, fixed, youden
from ..record import finite, write_atomically
from ..trainer.arguments import FairTrainingArguments
from ..trainer.fair import FairTrainer
from .flags import positional
from .model import load_classifier, load_processor, positive_column

EXAMPLE = """  fairtune audit fairtune-lesions --dataset lesions.csv --label malignant --positive yes --group sex
  fairtune audit predictions.csv --label y --score p --group sex --group age:60 --cluster patient_id"""


@dataclass
class AuditArguments:
    """What to audit, and how."""

    model: str = field(metadata={"help": "Folder or Hub id of an image classifier, or a table of predictions."})
    score: str = field(default="score", metadata={"help": "In a table: column of the positive class's score."})
    split: str = field(default="test", metadata={"help": "Of a model's data: the split to score."})
    exclude: list[str] = field(
        default_factory=list,
        metadata={"action": "extend", "nargs": "+", "help": "Groups left out of minimum and gap, by name."},
    )
    n_boot: int = field(default=2000, metadata={"help": "Bootstrap replicates."})
    seed: int = field(default=0, metadata={"help": "Seed of the bootstrap and of made splits."})
    output_dir: str | None = field(default=None, metadata={"help": "Where audit.json goes; nowhere if not given."})


ARGUMENTS = (AuditArguments, DataArguments)


def rewrite(argv: list[str]) -> list[str]:
    """Take the model as first argument; a table of predictions is its own data."""
    argv = positional(argv, "--model")
    if len(argv) > 1 and argv[0] == "--model" and is_table(argv[1]) and "--dataset" not in argv:
        argv += ["--dataset", argv[1]]
    return argv


def run(arguments: AuditArguments, data: DataArguments) -> None:
    """Print the table by group, and write audit.json."""
    score = audit_table if is_table(arguments.model) else audit_model
    result = score(arguments, data)
    if arguments.output_dir is not None:
        folder = Path(arguments.output_dir)
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(finite(result.to_dict()), indent=2, ensure_ascii=False, allow_nan=False)
        write_atomically(folder / "audit.json", text + "\n")
    print(result.table())


def options(arguments: AuditArguments) -> dict[str, Any]:
    """Return the options both ways share."""
    return {"exclude": arguments.exclude, "n_boot": arguments.n_boot, "seed": arguments.seed}


def audit_table(arguments: AuditArguments, data: DataArguments) -> Audit:
    """Audit a table of predictions, at 0.5."""
    rows = load_predictions(data, arguments.score)
    inside = rows.scores.min() >= 0 and rows.scores.max() <= 1
    return audit(
        rows.labels.values,
        rows.scores,
        rows.groups.values,
        rows.groups.names,
        thresholds=[fixed(0.5 if inside else 0.0)],
        clusters=rows.clusters,
        **options(arguments),
    )


def audit_model(arguments: AuditArguments, data: DataArguments) -> Audit:
    """Audit a model on a split of its data, at 0.5 and at Youden's threshold fitted on validation."""
    # A model of ours knows which patients it was trained on: only those of its own test split are new to it.
    own = Path(arguments.model) / "splits.json"
    splits = load_fair_dataset(
        data, load_processor(arguments.model), seed=arguments.seed, splits_file=own if own.is_file() else None
    )
    if arguments.split not in ("train", "validation", "test"):
        raise FairTuneError(f"`--split` is {arguments.split!r}; choose train, validation or test.")
    trainer = predictor(arguments.model)
    column = positive_column(trainer.model.config.id2label, splits.label_names[1])
    thresholds: list[Threshold] = [fixed(0.5)]
    if arguments.split != "validation":
        scores, labels, _ = scored(trainer, splits, "validation", column)
        thresholds.append(youden(labels, scores, "validation"))
    scores, labels, groups = scored(trainer, splits, arguments.split, column)
    return audit(
        labels,
        scores,
        groups,
        splits.group_names,
        thresholds=thresholds,
        clusters=splits.clusters(arguments.split),
        **options(arguments),
    )


def predictor(name: str) -> FairTrainer:
    """Return a trainer that only predicts.

    Raises:
        FairTuneError: there is no image classifier under this name.
    """
    nowhere = tempfile.gettempdir()
    return FairTrainer(
        load_classifier(name), FairTrainingArguments(nowhere, method="full", eval_strategy="no", report_to=[])
    )


def scored(trainer: FairTrainer, data: FairDataset, split: str, column: int) -> tuple[np.ndarray, ...]:
    """Return scores, labels and groups of a split, seen as evaluation sees it."""
    output = trainer.predict(data.plain(split))
    logits = np.asarray(output.predictions)
    if logits.ndim != 2 or logits.shape[1] != 2:
        raise FairTuneError(f"the model has {logits.shape[-1]} classes; this audit takes two.")
    labels, groups = output.label_ids[:2]
    return scores_from_logits(logits[:, [1 - column, column]]), labels, groups
