"""What a document keeps of a training: its method, its stages, and which parts of the model moved."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from peft import PeftModel
from transformers import Trainer
from transformers.trainer_utils import has_length

from ..document.document import Document, Settings
from ..document.provenance import Provenance, hardware
from ..document.run import (
    Base,
    CalibrationFacts,
    ClassCalibration,
    ExternalSet,
    MaskBits,
    MethodFacts,
    Model,
    Repair,
    Run,
    SoftMaskFacts,
    Step,
    Training,
)
from ..document.scalar import Argument
from ..families.family import counts, model_type_of
from ..families.head import heads_of
from ..methods.method import Method
from .audits import MODEL, Audits
from .smaller_batch import batch_of
from .under_mask import mask_of

if TYPE_CHECKING:
    from .audited_trainer import AuditedTrainer

KEPT_ARGUMENTS = (
    "num_train_epochs", "per_device_train_batch_size", "gradient_accumulation_steps", "optim", "lr_scheduler_type",
    "schedule_per", "warmup_steps", "weight_decay", "decay_all", "max_grad_norm",
    "label_smoothing_factor", "class_weights", "sampler", "bf16", "fp16",
)  # fmt: skip


def public_name(model: Any) -> str:
    """Return the Hub id a model was loaded from; of a local folder its name alone, as paths stay at home."""
    name = str(getattr(model, "name_or_path", None) or type(model).__name__)
    return Path(name).name if Path(name).is_dir() else name


class TrainingLog:
    """The stages of a method's training as they end."""

    def __init__(self, method: Method) -> None:
        self.method = method
        self.steps: list[Step] = []
        # Of a training that is none of this trainer's model.
        self.weights: int | None = None
        self.kept: Training | None = None
        self._trained: set[str] = set()
        self._mask: MaskBits | None = None
        self._soft_mask: SoftMaskFacts | None = None

    def add(self, trainer: Trainer, stage: Method, seconds: float) -> None:
        """Keep a stage that ended; `seconds` is NaN where it was resumed, as an earlier process is not known."""
        self._trained |= {name for name, p in trainer.model.named_parameters() if p.requires_grad}
        record, passed = stage.record(), trainer.state.epoch or 0.0
        self._mask, self._soft_mask = (
            record.mask or mask_of(trainer) or self._mask,
            record.soft_mask or self._soft_mask,
        )
        evaluations = [entry for entry in trainer.state.log_history if "eval_loss" in entry]
        # Sorted, as a checkpoint sorts those that it gives back.
        log = [{name: float(value) for name, value in sorted(entry.items())} for entry in evaluations]
        loader = trainer.get_train_dataloader()
        # A stream has no length, and its epochs are shares of the steps.
        steps = len(loader) if has_length(loader) else trainer.state.max_steps
        batches = round(passed * steps)
        self.steps.append(Step(stage.stage, passed, trainer.args.learning_rate, seconds, batches, record.facts, log))

    def training(self, trainer: Trainer) -> Training:
        """Return the training; the arguments are those that decide a result, without paths and tokens."""
        if self.kept is not None:
            return self.kept
        known, model = trainer.args.to_dict(), trainer.model
        arguments: dict[str, Argument] = {name: known[name] for name in KEPT_ARGUMENTS}
        if known["auto_find_batch_size"]:
            arguments["per_device_train_batch_size"] = batch_of(trainer)
        arguments |= {"average_last": known["average_last"]} if known["average_last"] else {}
        moved = sum(p.numel() for name, p in model.named_parameters() if name in self._trained)
        method = self.method
        return Training(
            MethodFacts(method.name, method.title, method.citation, method.hyperparameters(), method.needs),
            moved if self.weights is None else self.weights,
            self.steps,
            arguments | {"processes": trainer.args.world_size},
            self._mask,
            self._soft_mask,
            [*method.cross_entropy.class_weights],
            self._mask is None and isinstance(model, PeftModel),
        )


def run_document(trainer: AuditedTrainer, audits: Audits) -> Document:
    """Return what a run did and found so far."""
    data, model = audits.data, trainer.model
    base = Base(trainer.base_name, model_type_of(model), data.image_size, counts(model)[0])
    own = Model(
        MODEL,
        trainer.title or trainer.method.title,
        trainer.training_log.training(trainer) if trainer.training_log.steps else None,
        trainer.search.budget() if trainer.search else None,
        [*audits.runs.get(MODEL, {})] or [trainer.args.seed],
    )
    return Document(
        "search" if trainer.search else "debias" if trainer.repair else "train",
        data.facts(),
        MODEL,
        list((audits.models | {MODEL: own}).values()),
        audits.entries,
        Settings(audits.n_permutations, "holm", list(data.exclude), [], list(data.include)),
        Run(
            trainer.args.seed,
            base,
            trainer.search,
            trainer.repair,
            trainer.args.contact,
            trainer.args.followed,
            trainer.ladder,
        ),
        provenance=Provenance(hardware=hardware()),
    )


def repair_facts(
    trainer: AuditedTrainer, external: ExternalSet, calibration: CalibrationFacts | ClassCalibration | None
) -> Repair:
    """Return how a trained model was repaired: on which images, in which head, calibrated how."""
    # PEFT's wrapper is no part of the head's name.
    wrappers = re.compile(r"\.(ln_tuning_layers|modules_to_save)\.default$")
    head = ", ".join(wrappers.sub("", leaf) for leaf in heads_of(trainer.model, trainer.args.head))
    # NaN where a stage was resumed.
    seconds = sum(step.seconds for step in trainer.training_log.steps)
    return Repair(external, head, calibration, seconds)
