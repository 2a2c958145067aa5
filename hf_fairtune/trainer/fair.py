"""`FairTrainer`: fits, searches, audits, keeps a record and hands over a folder."""

from __future__ import annotations

import logging
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import expit, logit
from transformers.trainer_utils import PredictionOutput

from .. import handover, hub
from ..audits.audit import Audit, audit
from ..audits.comparison import Comparison, compare
from ..data.table import FairDataset
from ..errors import FairTuneError
from ..families.head import find_head, scale_head
from ..metrics.calibration import EDGE, fit_calibration
from ..metrics.scores import scores_from_logits
from ..metrics.thresholds import Threshold, fixed, youden
from .recording import RecordingTrainer

logger = logging.getLogger(__name__)

Scores = tuple[np.ndarray, np.ndarray, np.ndarray]


class FairTrainer(RecordingTrainer):
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

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._scores: dict[tuple[str, str], Scores] = {}
        self._calibrated: set[str] = set()

    def thresholds(self, name: str | None = None) -> list[Threshold]:
        """Return 0.5 and Youden's threshold of the model called `name`, fitted on the validation split."""
        scores, labels, _ = self._scored("validation", name or self.method.name)
        return [fixed(0.5), youden(labels, scores, "validation")]

    def audit(self, split: str = "test", n_boot: int = 2000, name: str | None = None) -> Audit:
        """Score a split by group, with intervals, at thresholds fitted on validation, and keep it in the record.

        Args:
            split: name of a split of `data`.
            n_boot: bootstrap replicates.
            name: what to call the model as it is now; the method's name if not given.
        """
        data, name = self._splits(), name or self.method.name
        if self.record.evaluation(name, split) is not None:
            logger.warning("`%s` is scored again; choose models on validation, and touch the test split once.", split)
        scores, labels, groups = self._scored(split, name)
        result = audit(
            labels,
            scores,
            groups,
            data.groups_of(split),
            thresholds=self.thresholds(name),
            clusters=data.clusters(split),
            n_boot=n_boot,
            seed=self.args.seed,
        )
        self.record.evaluations.append({"model": name, "split": split, "audit": result.to_dict()})
        return result

    def compare(self, reference: str, split: str = "test", n_boot: int = 2000) -> Comparison:
        """Compare the model with the one audited as `reference` on the same rows, and keep it in the record.

        Where only one of the two was calibrated, nothing is compared at 0.5, which means another thing to each.

        Raises:
            FairTuneError: one of the two is not audited on the split yet.
        """
        data, name = self._splits(), self.method.name
        missing = [model for model in (reference, name) if self.record.evaluation(model, split) is None]
        if missing:
            raise FairTuneError(f"{missing[0]!r} is not audited on `{split}` yet; call `audit({split!r})` first.")
        scores, labels, groups = self._scored(split, name)
        result = compare(
            labels,
            scores,
            self._scored(split, reference)[0],
            groups,
            data.groups_of(split),
            thresholds=self._pairs(name, reference),
            clusters=data.clusters(split),
            n_boot=n_boot,
            seed=self.args.seed,
        )
        told = {"reference": reference, "model": name, "split": split}
        self.record.comparisons.append({**told, **result.to_dict()})
        return result

    def adopt(self, other: FairTrainer) -> None:
        """Take over what another trainer on the same data trained and audited, to compare with it."""
        self.record.training += other.record.training
        self.record.evaluations += other.record.evaluations
        self._scores |= other._scores

    def calibrate(self) -> dict[str, Any]:
        """Fold Platt scaling, fitted on the validation split, into the head; ranks stay, probabilities become honest.

        Returns:
            `repair.calibration` of the record.
        """
        scores, labels, _ = self._scored("validation", self.method.name)
        found = fit_calibration(labels, scores, "validation")
        applied = found.slope > 0
        if applied:
            head = find_head(self.model, getattr(self.method, "head", None))
            scale_head(self.model, head, found.slope, found.intercept)
            self._forget(self.method.name)
            self._calibrated.add(self.method.name)
        reason = None if applied else "the scores do not rank the validation split; probabilities stay as they were"
        return {**asdict(found), "applied": applied, "reason": reason}

    def calibrate_scores(self, name: str) -> str:
        """Calibrate the scores that the model called `name` gave so far, as `calibrate` does, for a fair comparison.

        Returns:
            the name under which they can now be audited; `name` itself where they do not rank the validation split.
        """
        scores, labels, _ = self._scored("validation", name)
        found = fit_calibration(labels, scores, "validation")
        if found.slope <= 0:
            return name
        calibrated = f"{name}, calibrated"
        for split, kept in [(split, kept) for (model, split), kept in self._scores.items() if model == name]:
            z = logit(np.clip(kept[0], EDGE, 1 - EDGE))
            self._scores[calibrated, split] = expit(found.slope * z + found.intercept), *kept[1:]
        self._calibrated.add(calibrated)
        return calibrated

    def _pairs(self, name: str, reference: str) -> list[tuple[Threshold, Threshold]]:
        """Return the thresholds that mean the same to both models."""
        pairs = list(zip(self.thresholds(name), self.thresholds(reference), strict=True))
        alike = (name in self._calibrated) == (reference in self._calibrated)
        return pairs if alike else [pair for pair in pairs if pair[0].fitted_on]

    def fitted(self, seconds: float | None) -> None:
        """Take note of a training; scores of the model before it are no longer its own."""
        super().fitted(seconds)
        self._forget(self.method.name)

    def _forget(self, name: str) -> None:
        self._scores = {key: value for key, value in self._scores.items() if key[0] != name}

    def _splits(self) -> FairDataset:
        if self.data is None:
            raise FairTuneError("an audit needs the splits; build the trainer with `data=load_fair_dataset(...)`.")
        return self.data

    def _scored(self, split: str, name: str) -> Scores:
        """Return scores, labels and groups of a split, in its order, by the model that was last called `name`."""
        if (name, split) not in self._scores:
            # Metrics of training name the main data's groups; a test set may have others.
            metrics, self.compute_metrics = self.compute_metrics, None
            try:
                output: PredictionOutput = self.predict(self._splits().plain(split), metric_key_prefix="test")
            finally:
                self.compute_metrics = metrics
            labels, groups = output.label_ids[:2]
            self._scores[name, split] = scores_from_logits(output.predictions), labels, groups
        return self._scores[name, split]

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
