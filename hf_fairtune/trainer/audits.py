"""Scores that models gave on the splits of one data set, and the audits made of them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import logit

from ..audits.audit import AuditOptions
from ..audits.audit_table import ARGMAX, audit_table
from ..audits.calibration import EDGE, fit_calibration
from ..audits.class_calibration import calibrated_scores, fit_class_calibration
from ..audits.table_rows import rows_of
from ..combinations.mean import MeanModel
from ..data.fair_dataset import FairDataset
from ..data.probabilities import probabilities
from ..document.document import Audited
from ..document.estimate import Reason
from ..document.run import CalibrationFacts, ClassCalibration, Model
from ..errors import FairTuneError
from ..families.head import heads_of, scale_head
from ..processes import once
from .classes import scored_logits

if TYPE_CHECKING:
    from .fair import FairTrainer

logger = logging.getLogger(__name__)
VALIDATION = "validation"
# The id of the model that a run trains.
MODEL = "model"
# The default cut, and one that is fitted on the validation split.
POLICIES = ("0.5", "youden")
# Of several classes the likeliest, and one for each that is fitted.
CLASS_POLICIES = (ARGMAX, "youden")


@dataclass
class Audits:
    """Scores and audits by model id and split; `score` gives those of a split by the model as it is now.

    Scores are those of the positive label, [n], or of every class or finding, [n, k].
    """

    data: FairDataset
    score: Callable[[str], np.ndarray]
    seed: int
    entries: list[Audited] = field(default_factory=list)
    models: dict[str, Model] = field(default_factory=dict)
    calibrated: set[str] = field(default_factory=set)
    n_permutations: int = 0
    # By model id, the ids of its scores in each training, by seed; the model's own first.
    runs: dict[str, dict[int, str]] = field(default_factory=dict)
    _scores: dict[tuple[str, str], np.ndarray] = field(default_factory=dict)

    def scores(self, model: str, split: str) -> np.ndarray:
        """Return the scores of a split by the model that was last known as `model`."""
        if (model, split) not in self._scores:
            self._scores[model, split] = self.score(split)
        return self._scores[model, split]

    def has(self, model: str, split: str) -> bool:
        """Tell whether a model is audited on a split."""
        return any((entry.model, entry.split) == (model, split) for entry in self.entries)

    def add(
        self, model: str, split: str, reference: str | None = None, n_boot: int = 2000, n_permutations: int = 1000
    ) -> list[Audited]:
        """Audit a split by every attribute at thresholds fitted on validation, in place of an earlier audit of it.

        Where only one of model and reference was calibrated, they are not compared at 0.5, which means another thing
        to each.
        """
        if reference is not None and not self.has(reference, split):
            raise FairTuneError(f"{reference!r} is not audited on `{split}` yet; call `audit({split!r})` first.")
        if reference is None and self.has(model, split):
            logger.warning("`%s` is scored again; choose models on validation, and touch the test split once.", split)
        others = [None if reference is None else self.scores(reference, part) for part in (split, VALIDATION)]
        table = self.data.scored(split, self.scores(model, split), others[0])
        # A group may not occur in a test set.
        present = {*table.attributes[-1].names}.union(*table.attributes[-1].levels)
        # The other processes wait for the main one.
        entries = once(
            partial(
                audit_table,
                table,
                model=model,
                split=split,
                reference=reference or "",
                fit_on=self.data.scored(VALIDATION, self.scores(model, VALIDATION), others[1]),
                policies=CLASS_POLICIES if table.task == "multiclass" else POLICIES,
                exclude=[name for name in self.data.exclude if name in present],
                include=[name for name in self.data.include if name in present],
                n_boot=n_boot,
                n_permutations=n_permutations,
                seed=self.seed,
            )
        )
        if (model in self.calibrated) != (reference in self.calibrated):
            entries = [without_fixed_thresholds(entry) for entry in entries]
        self.n_permutations = n_permutations
        self.entries = [entry for entry in self.entries if (entry.model, entry.split) != (model, split)] + entries
        self.models.setdefault(model, Model(model, model.replace("_", ", ")))
        return entries

    def repeat(self, seed: int, other: Audits) -> None:
        """Take the scores of the test splits that another training of the model gave, with another seed."""
        id = f"{MODEL}, seed {seed}"
        self.runs.setdefault(MODEL, {self.seed: MODEL})[seed] = id
        for split in self.data.test_splits:
            self._scores[id, split] = other.scores(MODEL, split)

    def replicate(self, reference: str, split: str = "test") -> None:
        """Compare the model's trainings with those of a reference, or with one given model, on an audited split.

        Raises:
            FairTuneError: the model was trained fewer than 3 times.
        """
        from ..audits.replication import replicate_rows  # only where there are several trainings

        runs, others = self.runs.get(MODEL, {}), self.runs.get(reference)
        kept = [self.data.scored(split, self.scores(id, split)) for id in runs.values()]
        against = [self.data.scored(split, self.scores(id, split)) for id in (others or {0: reference}).values()]
        for place, entry in enumerate(self.entries):
            if entry.attribute is None or (entry.model, entry.split) != (MODEL, split):
                continue
            target = kept[0].targets.index(entry.target)
            table = kept[0].known(target)
            rows = rows_of(table, table.scores, target, table.attribute(entry.attribute), table.clusters)
            scores = [[own.known(target).scores[:, target] for own in some] for some in (kept, against)]
            one, other = map(np.stack, scores)
            options = AuditOptions(entry.audit.excluded)
            found = once(partial(replicate_rows, rows, one, other, reference, [*runs], others is None, options))
            self.entries[place] = replace(entry, replications=[*entry.replications, found])

    def calibrate_scores(self, model: str) -> str | None:
        """Calibrate a model's scores on validation, under an id that is returned; None where they do not rank it."""
        found, calibrated = self._calibration(model), f"{model}_calibrated"
        if not found.ranks:
            return None
        for split in [split for own, split in self._scores if own == model]:
            if isinstance(found, ClassCalibration):
                self._scores[calibrated, split] = calibrated_scores(found, self._scores[model, split], self.exclusive)
                continue
            z = logit(np.clip(self._scores[model, split], EDGE, 1 - EDGE))
            self._scores[calibrated, split] = probabilities(found.slope * z + found.intercept)
        self.calibrated.add(calibrated)
        return calibrated

    def calibrate_model(self, model: Any, head: str | None) -> CalibrationFacts | ClassCalibration:
        """Fold the calibration of the trained model into its head, unless its scores do not rank the rows."""
        if isinstance(model, MeanModel):
            raise FairTuneError("the mean of several models has no one head to calibrate; combine by `distill`.")
        found = self._calibration(MODEL)
        applied = found.ranks
        if applied:
            # The mean of two heads is scaled as each is.
            for leaf in heads_of(model, head):
                if isinstance(found, ClassCalibration):
                    scale_head(model, leaf, [*found.slopes.values()], [*found.intercepts.values()])
                else:
                    scale_head(model, leaf, found.slope, found.intercept)
            self.forget(MODEL)
            self.calibrated.add(MODEL)
        return replace(found, applied=applied, reasons=found.reasons or (() if applied else (Reason("no_ranking"),)))

    @property
    def exclusive(self) -> bool:
        """Tell whether a row has exactly one of the classes."""
        return self.data.task != "multilabel"

    def _calibration(self, model: str) -> CalibrationFacts | ClassCalibration:
        labels, scores = self.data.columns(VALIDATION)["labels"], self.scores(model, VALIDATION)
        if self.data.task == "binary":
            return fit_calibration(labels, scores, VALIDATION)
        return fit_class_calibration(labels, scores, self.data.label_names, VALIDATION)

    def forget(self, model: str) -> None:
        """Drop the scores of a model that changed."""
        self._scores = {key: scores for key, scores in self._scores.items() if key[0] != model}

    def take(self, model: Model, scores: Mapping[str, np.ndarray]) -> None:
        """Take a model of this data that another trainer has, with its scores by split."""
        self.models[model.id] = model
        self._scores |= {(model.id, split): found for split, found in scores.items()}

    def adopt(self, other: Audits, model: Model) -> None:
        """Take over the model that another run on the same data trained, as `model`."""
        self.models[model.id] = model
        self.entries += [replace(entry, model=model.id) for entry in other.entries if entry.model == MODEL]
        # Scores of a model's trainings have ids that begin with its own.
        self._scores |= {
            (own.replace(MODEL, model.id, 1), split): scores
            for (own, split), scores in other._scores.items()
            if own == MODEL or own in other.runs.get(MODEL, {}).values()
        }
        runs = other.runs.get(MODEL, {})
        self.runs |= {model.id: {seed: own.replace(MODEL, model.id, 1) for seed, own in runs.items()}} if runs else {}


def without_fixed_thresholds(entry: Audited) -> Audited:
    """Return an entry whose comparison has only thresholds that were fitted."""
    if entry.comparison is None:
        return entry
    fitted = [threshold for threshold in entry.comparison.thresholds if threshold.fitted_on]
    return replace(entry, comparison=replace(entry.comparison, thresholds=fitted))


def scores_of(trainer: FairTrainer, split: str) -> np.ndarray:
    """Return the scores of a split by a trainer's model as it is now."""
    assert trainer.data is not None
    # Metrics of training name the main data's groups; a test set may have others.
    metrics, trainer.compute_metrics = trainer.compute_metrics, None
    try:
        output = trainer.predict(trainer.data.plain(split), metric_key_prefix="test")
    finally:
        trainer.compute_metrics = metrics
    return scored_logits(trainer, output.predictions)
