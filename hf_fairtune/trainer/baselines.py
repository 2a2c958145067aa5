"""Trainings beside one: the same method with another seed, and baselines that get the same search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optuna.trial import BaseTrial
from transformers.trainer_callback import PrinterCallback, ProgressCallback
from transformers.trainer_utils import IntervalStrategy

from .. import catalog
from ..data.fair_dataset import FairDataset
from ..document.run import SINGLE
from ..errors import FairTuneError
from ..masks.granularities import PRESETS
from ..masks.space import space_of_parts
from ..methods.facts import Facts
from ..methods.method import Method, method_named
from ..search.plan import Plan

if TYPE_CHECKING:
    from .fair import FairTrainer

# What FairTune's tables set beside it (ICLR 2024, tables 1 to 6), and what stands for it where a model convolves.
BASELINES = ("full", "linear", "attention", "layernorm", "convolution", "norm")
TITLES = {
    "linear": "Linear readout",
    "layernorm": "LayerNorm tuning",
    "attention": "Attention tuning",
    "convolution": "Convolution tuning",
    "norm": "Norm tuning",
}


def baselines_of(facts: Facts) -> list[str]:
    """Return the baselines that a model can be set beside: full fine-tuning, and the presets that it has."""
    if all(part.block is None for part in facts.parts):
        return ["full", "linear"]
    space = space_of_parts(facts.parts, model_type=facts.model_type)
    return [name for name in BASELINES if name not in PRESETS or space.expresses(name)]


def baseline_names() -> list[str]:
    """List what can be searched as a baseline: the methods, and the preset masks."""
    return sorted({*catalog.names("methods"), *PRESETS})


def baseline_method(name: str) -> Method:
    """Return a method by its name, or FairTune with a preset mask by the preset's.

    Raises:
        FairTuneError: there is neither.
    """
    if name not in baseline_names():
        raise FairTuneError(f"`{name}` is not one of the baselines; choose from {', '.join(baseline_names())}.")
    return method_named("fairtune", mask=name) if name in PRESETS else method_named(name)


def baseline(trainer: FairTrainer, name: str) -> FairTrainer:
    """Return a trainer of a baseline: the same start, data and arguments, in `<output_dir>/baselines/<name>`.

    Its `hyperparameter_search` is to have the trials and the objective that the trainer's had.

    Args:
        trainer: a trainer with `model_init` and `data`.
        name: a method, such as "full", or a preset mask, such as "linear".
    """
    found = beside(trainer, Path("baselines") / name, baseline_method(name), trainer.args.seed)
    found.title = TITLES.get(name, "")
    return found


def single(trainer: FairTrainer) -> FairTrainer:
    """Return a trainer of a search's chosen trial alone, in `<output_dir>/baselines/single`, for comparison.

    It trains as the trainer would have trained without a combination; nothing is searched again.

    Args:
        trainer: one whose search was combined.
    """
    assert trainer.search is not None
    method = replace(trainer.method, teacher=None)
    found = beside(trainer, Path("baselines") / SINGLE, method, trainer.args.seed)
    found.search, found.ration = replace(trainer.search, combination=None), trainer.ration
    found.title = f"{trainer.title or trainer.method.title}, the chosen trial alone"
    return found


def with_seed(trainer: FairTrainer, seed: int) -> FairTrainer:
    """Return a trainer of the same method and arguments with another seed, in `<output_dir>/seeds/<seed>`.

    The seed decides the new head, the order of the images, their augmentation and dropout; data and splits stay. Give
    its scores to the first by `trainer.audits.repeat(seed, other.audits)`.
    """
    found = beside(trainer, Path("seeds") / str(seed), replace(trainer.method), seed)
    found.title, found.team = trainer.title, trainer.team
    return found


def seeds_after(first: int, count: int, least: int) -> Sequence[int]:
    """Return the seeds of the trainings after the first: none for a count of 1.

    Raises:
        FairTuneError: the count tells nothing of the variance of training.
    """
    if count != 1 and count < least:
        raise FairTuneError(
            f"`--seeds` is {count}; give {least} or more for what a method does, or 1 for what this checkpoint does."
        )
    return range(first + 1, first + count)


def as_trial(
    trainer: FairTrainer, plan: Plan, drawn: BaseTrial, folder: Path, method: Method, data: FairDataset | None = None
) -> FairTrainer:
    """Return a trainer that trains by what a trial of a search drew, in a folder below; the last epoch counts."""
    found = beside(trainer, folder, method, trainer.args.seed, data)
    found.args.eval_strategy, found.args.load_best_model_at_end = IntervalStrategy.NO, False
    for name, value in plan.hp_space(drawn).items():
        setattr(found.args, name, value)
    for kind in (ProgressCallback, PrinterCallback):
        found.remove_callback(kind)
    return found


def mask_for(trainer: FairTrainer, method: Method) -> str | None:
    """Return the mask of a trainer's arguments for its own method; another has none."""
    return trainer.args.under_mask if type(method) is type(trainer.method) else None


def beside(
    trainer: FairTrainer, folder: Path, method: Method, seed: int, data: FairDataset | None = None
) -> FairTrainer:
    """Return a trainer with the same start and arguments in a folder below; `data` stand for its own."""
    args: Any = trainer.args
    args = replace(args, output_dir=str(Path(args.output_dir) / folder), seed=seed, push_to_hub=False)
    args.under_mask = mask_for(trainer, method)
    args.followed = trainer.args.followed
    data = data or trainer.data
    given = (
        {}
        if data is not None
        else {name: getattr(trainer, name) for name in ("train_dataset", "eval_dataset", "data_collator")}
    )
    return type(trainer)(model_init=trainer.model_init, args=args, data=data, method=method, **given)
