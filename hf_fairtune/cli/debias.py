"""Repair a biased model on a small labelled set, and show what changed for whom.

The set is divided by patient: a group-balanced external set to train on, a validation split at natural prevalence for
thresholds and calibration, and a test split. Further test sets, from other sites, are named with --test.
`fairtune debias --method bmft --help` tells the flags of another method.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, make_dataclass, replace
from typing import Any, get_type_hints

from .. import catalog
from ..data.arguments import DataArguments
from ..data.table import FairDataset
from ..data.testsets import TestSetArguments, parse_test_sets
from ..errors import FairTuneError
from ..methods.method import Method
from ..trainer.arguments import FairTrainingArguments
from ..trainer.fair import FairTrainer
from ..trainer.maps import captum_explainer, write_maps
from .job import Job, located, say, train
from .model import ModelArguments, trained_init

EXAMPLE = """  fairtune debias --method swift --model my-team/melanoma --dataset lesions.csv --label malignant \\
      --positive yes --group skin_type:3 --cluster patient_id --test clinic_b=clinic_b.csv --output_dir repaired"""
BEFORE = "baseline"


@dataclass
class ExternalArguments:
    """The external set, which the repair is trained on, and what follows the training."""

    external_fraction: float = field(
        default=1.0, metadata={"help": "Share of the balanced set to use, above 0 and at most 1."}
    )
    external_replacement: bool = field(
        default=False, metadata={"help": "Draw it with replacement, as published: keeps the smallest group whole."}
    )
    calibrate: bool = field(
        default=True, metadata={"help": "Fit probabilities to the validation split's natural prevalence afterwards."}
    )
    maps: bool = field(
        default=False,
        metadata={
            "help": "Draw where the model looks, before and after, into private/maps.png, which is never published; "
            "needs `pip install hf-fairtune[maps]`."
        },
    )


@dataclass
class RepairTrainingArguments(FairTrainingArguments):
    """`FairTrainingArguments` with the schedule of a repair: a few epochs a step at a constant rate."""

    method: str = field(default="swift", metadata={"help": "How to repair: swift, bmft, full, ..."})
    num_train_epochs: float = field(default=10.0, metadata={"help": "Epochs of each step."})
    warmup_steps: float = field(default=0.0, metadata={"help": "Steps, or the share of all steps if below 1."})
    lr_scheduler_type: str = field(default="constant", metadata={"help": "Schedule of the learning rate."})
    weight_decay: float = field(default=5e-4, metadata={"help": "AdamW's weight decay."})


def arguments(argv: Sequence[str]) -> tuple[Any, ...]:
    """Return the dataclasses of the flags, among them the hyper-parameters of the method asked for."""
    asked = [b for a, b in zip(argv, argv[1:], strict=False) if a == "--method"]
    asked += [a.partition("=")[2] for a in argv if a.startswith("--method=")]
    name = asked[-1] if asked else RepairTrainingArguments.method
    known = catalog.find("methods", name).METHOD
    stock, types = {entry.name for entry in fields(RepairTrainingArguments)}, get_type_hints(known)
    own = [
        (entry.name, types[entry.name], field(default=entry.default, metadata=dict(entry.metadata)))
        for entry in fields(known)
        if "help" in entry.metadata and entry.name not in stock
    ]
    method = make_dataclass("MethodArguments", own)
    return (DataArguments, TestSetArguments, ModelArguments, ExternalArguments, method, RepairTrainingArguments)


@dataclass
class Repair(Job):
    """A job that starts from a trained model and trains on a balanced set."""

    tests: TestSetArguments
    external: ExternalArguments
    hyperparameters: Any

    def load_data(self, processor: Any) -> FairDataset:
        """Load the table and its splits, balance the external set, add the test sets."""
        tests, external = parse_test_sets(self.tests.test), self.external
        data = self.load_unseen(processor)
        data = data.with_external(self.training.seed, external.external_fraction, external.external_replacement)
        for name, path in tests.items():
            data = data.with_test_set(name, replace(self.data, dataset=path))
        return data

    def load_unseen(self, processor: Any) -> FairDataset:
        """Load the table and its splits.

        Raises:
            FairTuneError: the model has seen rows of the test split.
        """
        kept = self.splits.is_file()
        data = super().load_data(processor)
        try:
            data.check_unseen(self.model.model)
        except FairTuneError:
            if not kept:  # it would decide the next division, whatever its seed
                self.splits.unlink(missing_ok=True)
            raise
        return data

    def starting_model(self, data: FairDataset) -> Callable[[], Any]:
        """Return what loads the model with its own head."""
        return trained_init(self.model.model, data.label_names, vars(self.hyperparameters).get("head"))

    def method(self) -> Method:
        """Return the method with its flags.

        Raises:
            FairTuneError: its mask is still to be searched.
        """
        method = self.training.build_method(**vars(self.hyperparameters))
        if method.is_open:
            raise FairTuneError(f"`--method {method.name}` repairs by a known mask only; give --mask, e.g. attention.")
        return method

    @property
    def facts(self) -> dict[str, Any]:
        """Return `repair.external` of the record."""
        share, again = self.external.external_fraction, self.external.external_replacement
        return {"split": "external", "pool": "train", "fraction": share, "replacement": again}


def run(*parsed: Any) -> None:
    """Audit the model as it came, repair it, audit it again on the same rows, hand over, and tell."""
    complete(*parsed).tell()


def complete(
    data: DataArguments,
    tests: TestSetArguments,
    model: ModelArguments,
    external: ExternalArguments,
    hyperparameters: Any,
    training: RepairTrainingArguments,
) -> Job:
    """Run the repair, unless it is finished."""
    job = Repair(data, model, training, tests, external, hyperparameters)
    places = {name: located(path) for name, path in parse_test_sets(tests.test).items()}
    more = {"command": "debias", "test": places, **vars(external), **vars(hyperparameters)}
    if not job.finished(more):
        if external.maps:
            captum_explainer()
        trainer = job.trainer(more)
        repair(job, trainer)
        job.hand_over(trainer)
    return job


def repair(job: Repair, trainer: FairTrainer) -> None:
    """Score before, train, calibrate, score after, compare."""
    assert trainer.data is not None
    splits = trainer.data.test_splits
    say(trainer, f"scoring {job.model.model} as it came on {', '.join(splits)}")
    for split in splits:
        trainer.audit(split, name=BEFORE)
    if job.external.calibrate and (calibrated := trainer.calibrate_scores(BEFORE)) != BEFORE:
        for split in splits:
            trainer.audit(split, name=calibrated)
    say(trainer, f"repairing with {trainer.method.name} on {len(trainer.data['external'])} images")
    train(trainer)
    calibration = trainer.calibrate() if job.external.calibrate else None
    for split in splits:
        trainer.audit(split)
        trainer.compare(BEFORE, split)
    trainer.repaired(external=job.facts, calibration=calibration)
    if job.external.maps and trainer.is_world_process_zero():
        before = trainer.call_model_init()
        say(trainer, f"maps: {write_maps(before, trainer.model, trainer.data, 'test', job.folder)}")
