"""Repair a biased model on a small labelled set, and show what changed for whom.

The set is divided by patient: a group-balanced external set to train on, a validation split at natural prevalence for
thresholds and calibration, and a test split. Further test sets, from other sites, are named with --test.
`fairtune debias --method bmft --help` lists the flags of another method.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, ClassVar

import numpy as np

from .. import catalog
from ..audits.replication import LEAST
from ..data.arguments import DataArguments
from ..data.fair_dataset import FairDataset
from ..data.testsets import TestSetArguments, parse_test_sets
from ..document.run import ExternalSet
from ..errors import FairTuneError
from ..loading import load_with_own_head
from ..methods.method import Method, method_named
from ..show import beforehand
from ..trainer.baselines import seeds_after
from ..trainer.fair import FairTrainer
from ..trainer.price import cost
from ..trainer.repair_arguments import RepairTrainingArguments
from ..trainer.run_facts import repair_facts
from ..trainer.saliency import captum_explainer, write_maps
from .job import Job, located, train, train_again
from .ladder import LADDER, LadderArguments, climb, rules_of, rules_text, rungs_of
from .model import ModelArguments
from .notes import say, say_power
from .price import price_line, price_of

EXAMPLE = """  fairtune debias --method swift --model my-team/melanoma --dataset lesions.csv --label malignant \\
      --positive yes --group skin_type:3 --cluster patient_id --test clinic_b=clinic_b.csv --output_dir repaired"""
BEFORE = "before"
# In place of a balanced set.
WHOLE = ExternalSet("train", "train", 1.0, False)


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
    seeds: int = field(
        default=3, metadata={"help": "Repairs of the model: 3 or more tell what the method does, 1 does not."}
    )
    maps: bool = field(
        default=False,
        metadata={
            "help": "Draw where the model looks, before and after, into private/maps.png, which is never published; "
            "needs `pip install hf-fairtune[maps]`."
        },
    )


@dataclass
class DebiasTrainingArguments(RepairTrainingArguments):
    """`RepairTrainingArguments` of which the method may be a ladder of several."""

    orders: ClassVar[dict[str, type]] = {LADDER: LadderArguments}

    method: str = field(
        default="swift",
        metadata={
            "help": "How to repair; ladder tries several in the order of cost and takes the first that is enough.",
            "choices": [*catalog.names("methods"), LADDER],
        },
    )


ARGUMENTS = (DataArguments, TestSetArguments, ModelArguments, ExternalArguments, DebiasTrainingArguments)


@dataclass
class RepairJob(Job):
    """A job that starts from a trained model and trains on a balanced set."""

    tests: dict[str, str]
    external: ExternalSet

    def load_data(self, processor: Any) -> FairDataset:
        """Load a table of which the model has not seen the test split, balance the external set, add the test sets."""
        data = super().load_data(processor)
        if self.more["maps"] and data.task != "binary":
            raise FairTuneError(
                "--maps are of one finding against the rest; name it by --positive, or leave them out."
            )
        data.check_unseen(self.model.model)
        if self.balances:
            data = data.with_external(self.training.seed, self.external.fraction, self.external.replacement)
        for name, path in self.tests.items():
            data = data.with_test_set(name, replace(self.data, dataset=path), run=self.folder)
        return data

    def starting_model(self, data: FairDataset) -> Callable[[], Any]:
        """Return what loads the model with its own head."""
        return partial(load_with_own_head, self.model.model, data.label_names, self.training.head, data.task)

    @property
    def balances(self) -> bool:
        """Tell whether the method reads a balanced set, and not the training split as it is alone."""
        return "fit" in {view.split for method in self.rungs() for view in method.views.values()}

    @property
    def climbs(self) -> bool:
        """Tell whether several methods are tried."""
        return self.training.method == LADDER

    def rungs(self) -> list[Method]:
        """Return the methods that may be tried, in the order of cost: of a ladder several."""
        if self.climbs:
            return rungs_of(self.hyperparameters.rungs)
        return [method_named(self.training.method, **vars(self.hyperparameters))]

    def method(self) -> Method:
        """Return the method with its flags, of a ladder the first."""
        return self.rungs()[0]


def run(*parsed: Any) -> None:
    """Audit the model before, repair it, audit it again on the same rows, hand over, and print the result."""
    complete(*parsed).print_result()


def complete(
    data: DataArguments,
    tests: TestSetArguments,
    model: ModelArguments,
    external: ExternalArguments,
    hyperparameters: Any,
    training: DebiasTrainingArguments,
) -> Job:
    """Run the repair, unless it is finished."""
    sets = parse_test_sets(tests.test)
    places = {name: located(path) for name, path in sets.items()}
    drawn = ExternalSet("external", "train", external.external_fraction, external.external_replacement)
    more = {"command": "debias", "test": places, **vars(external)}
    if training.method == LADDER:
        if training.under_mask is not None:
            raise FairTuneError(
                f"`under_mask` is {training.under_mask}, but the rungs of a ladder decide themselves what moves; "
                "leave it out."
            )
        more |= {"rungs": hyperparameters.rungs, "enough": rules_text(hyperparameters.enough)}
    job = RepairJob(data, model, hyperparameters, training, more, sets, drawn)
    if not job.balances and drawn != replace(drawn, fraction=1.0, replacement=False):
        raise FairTuneError(
            f"`--method {training.method}` trains on the training split as it is; leave out external_fraction and "
            "external_replacement."
        )
    with job.alone() as wanted:
        if wanted:
            if external.maps:
                captum_explainer()
            trainer = job.trainer()
            repair(job, trainer, external)
            job.hand_over(trainer)
    return job


def repair(job: RepairJob, trainer: FairTrainer, external: ExternalArguments) -> None:
    """Score before, train, calibrate, score after, compare."""
    data, audits = trainer.data, trainer.audits
    assert data is not None
    assert audits is not None
    rungs = job.rungs()
    each = [cost(trainer, method).training for method in rungs]
    again = external.seeds - 1
    # Of a ladder at most: every rung once, and the dearest again with each further seed.
    say(trainer, price_line(price_of(trainer, sum(each) + again * max(each), 0, len(rungs) + again)))
    say(trainer, f"scoring {job.model.model} on {', '.join(data.test_splits)} before the repair")
    for split in data.test_splits:
        trainer.audit(split, model=BEFORE)
        say_power(trainer, split, audits.scores(BEFORE, split))
    if external.calibrate and (calibrated := audits.calibrate_scores(BEFORE)) is not None:
        for split in data.test_splits:
            trainer.audit(split, model=calibrated)
    climbing = None
    if job.climbs:
        climbing = climb(trainer, BEFORE, rungs, rules_of(job.hyperparameters.enough))
    else:
        say(trainer, f"repairing with {trainer.method.title} on {len(trainer.facts.rows['train'])} images")
        train(trainer)
    train_again(trainer, seeds_after(trainer.args.seed, external.seeds, LEAST))
    say_compared(trainer)
    calibration = trainer.calibrate() if external.calibrate else None
    for split in data.test_splits:
        trainer.audit(split, reference=BEFORE)
        if external.seeds > 1:
            audits.replicate(BEFORE, split)
    if climbing is not None:
        climbing.score()
    trainer.repair = repair_facts(trainer, job.external if job.balances else WHOLE, calibration)
    if external.maps and trainer.is_world_process_zero():
        before = trainer.call_model_init()
        say(trainer, f"maps: {write_maps(before, trainer.model, data, 'test', job.folder)}")


def say_compared(trainer: FairTrainer) -> None:
    """Say which of three groups or more the bias loss set against each other, where the method has such a loss."""
    training = trainer.training_log.training(trainer)
    compared = training.steps[0].facts.get("compared")
    if compared and np.count_nonzero(trainer.facts.cells.sum(1)) > 2:
        contrast = str(training.method.hyperparameters["contrast"])
        say(trainer, f"note: bias loss: {beforehand.contrasted(str(compared), contrast)}")
