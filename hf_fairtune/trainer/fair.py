"""`FairTrainer`: fits, searches, audits, keeps a record and hands over a folder."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset
from transformers.trainer_utils import PredictionOutput

from .. import handover, hub
from ..errors import FairTuneError
from ..families.family import counts
from ..metrics.audit import Audit, audit
from ..metrics.scores import scores_from_logits
from ..metrics.thresholds import Threshold, fixed, youden
from ..record import Record
from ..search.run import Search, StudySearch
from .searching import SearchingTrainer

logger = logging.getLogger(__name__)

KEPT_ARGUMENTS = (
    "num_train_epochs",
    "per_device_train_batch_size",
    "gradient_accumulation_steps",
    "optim",
    "lr_scheduler_type",
    "warmup_steps",
    "weight_decay",
    "max_grad_norm",
    "label_smoothing_factor",
    "bf16",
    "fp16",
)


class FairTrainer(SearchingTrainer):
    """The stock `Trainer`, made fair to patients: audit by group, mask search, hand-over.

    Takes every argument of `Trainer`, and:

    Args:
        args: `FairTrainingArguments`.
        data: the splits of `load_fair_dataset`; stands for `train_dataset`, `eval_dataset`, `processing_class`.
        method: how to fine-tune; else `args.method`.

    Example:
        >>> trainer = FairTrainer(model_init=model_init, args=FairTrainingArguments("out"), data=data)
        >>> trainer.hyperparameter_search(n_trials=40)
        >>> trainer.train()
        >>> print(trainer.audit("test").table())
        >>> trainer.save_model()
    """

    _record: Record | None = None

    @property
    def record(self) -> Record:
        """Return what this run was and scored so far.

        Raises:
            FairTuneError: the trainer was built without `data`, which names labels and groups.
        """
        if self.data is None:
            raise FairTuneError("a record needs the splits; build the trainer with `data=load_fair_dataset(...)`.")
        if self._record is None:
            self._record = Record("train", self.args.seed, {}, self.data.sheet(), self.method.name)
        record, (total, trained) = self._record, counts(self.model)
        record.method = self.method.name
        record.learning_rate = self.args.learning_rate
        record.arguments = self._arguments()
        chosen = self.method.to_dict()
        record.mask, record.space = self.mask_bits(), chosen.get("space")
        record.model = {
            "name": self.base_name,
            "model_type": self.model.config.model_type,
            "image_size": self.model.config.image_size,
            "parameters": total,
            "trainable_parameters": trained,
            "blocks": getattr(self.model.config, "num_hidden_layers", 0),
        }
        return record

    def mask_bits(self) -> list[int] | None:
        """Return the bits of the model's mask, or None where the method has none."""
        config = getattr(self.model, "peft_config", {}).get("default")
        if config is None or not hasattr(config, "mask"):
            return None
        return list(config.mask)

    def _arguments(self) -> dict[str, Any]:
        """Return the training arguments that decide a result; paths and tokens stay here."""
        known = self.args.to_dict()
        return {name: known[name] for name in KEPT_ARGUMENTS} | {"processes": self.args.world_size}

    def searched(self, search: Search, seconds: float) -> None:
        """Keep the search in the record."""
        if self.data is not None and isinstance(search, StudySearch):
            record = self.record
            record.job, record.search, record.trials = "search", search.facts(seconds), search.rows()

    def train(self, resume_from_checkpoint: Any = None, trial: Any = None, **kwargs: Any) -> Any:
        """Train as `Trainer.train`; outside a search, keep the validation metrics by epoch in the record."""
        output = super().train(resume_from_checkpoint, trial, **kwargs)
        if trial is None and self.data is not None:
            epochs = [entry for entry in self.state.log_history if "eval_loss" in entry]
            self.record.training.append(
                {"model": self.method.name, "learning_rate": self.args.learning_rate, "epochs": epochs}
            )
        return output

    def thresholds(self) -> list[Threshold]:
        """Return 0.5 and Youden's threshold fitted on the validation split."""
        scores, labels, _ = self._scored(self.eval_dataset)
        return [fixed(0.5), youden(labels, scores, "validation")]

    def audit(self, split: str = "test", n_boot: int = 2000) -> Audit:
        """Score a split by group, with intervals, at thresholds fitted on validation, and keep it in the record.

        Args:
            split: name of a split of `data`.
            n_boot: bootstrap replicates.
        """
        if self.data is None:
            raise FairTuneError("an audit needs the splits; build the trainer with `data=load_fair_dataset(...)`.")
        dataset = self.data[split]
        if self.record.evaluation(self.method.name, split) is not None:
            logger.warning("`%s` is scored again; choose models on validation, and touch the test split once.", split)
        thresholds = self.thresholds()
        scores, labels, groups = self._scored(dataset)
        result = audit(
            labels,
            scores,
            groups,
            dataset.features["groups"].names,
            thresholds=thresholds,
            clusters=self.data.clusters(split),
            n_boot=n_boot,
            seed=self.args.seed,
        )
        self.record.evaluations.append({"model": self.method.name, "split": split, "audit": result.to_dict()})
        return result

    def _scored(self, dataset: Dataset) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return scores, labels and groups of a split, in its order."""
        output: PredictionOutput = self.predict(dataset, metric_key_prefix="test")
        labels, groups = output.label_ids[:2]
        return scores_from_logits(output.predictions), labels, groups

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        """Write the hand-over folder: merged model, processor, adapter, card, record, figures.

        Checkpoints, which the Trainer saves by an internal call, stay what they are.
        """
        if _internal_call or self.data is None:
            super().save_model(output_dir, _internal_call)
        elif self.args.should_save:
            model = self.accelerator.unwrap_model(self.model)
            model.config.id2label = dict(enumerate(self.data["train"].features["labels"].names))
            model.config.label2id = {name: i for i, name in model.config.id2label.items()}
            handover.write(output_dir or self.args.output_dir, model, self.processing_class, self.record)

    def push_to_hub(self, commit_message: str | None = None, blocking: bool = True, **kwargs: Any) -> Any:
        """Write the hand-over and push what may leave the building, private unless asked otherwise."""
        self.save_model()
        if not self.is_world_process_zero():
            return None
        name = self.args.hub_model_id or Path(self.args.output_dir).name
        private = self.args.hub_private_repo is not False
        return hub.push(self.args.output_dir, name, private=private, token=self.args.hub_token)

    def init_hf_repo(self, token: str | None = None, private: bool | None = None) -> None:
        """Make no repository before there is something that may leave; `push_to_hub` makes it."""

    def _push_from_checkpoint(self, checkpoint_folder: str) -> None:
        """Push nothing in mid-training: a checkpoint's folder also holds the study and the splits."""
