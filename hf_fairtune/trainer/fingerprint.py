"""What the numbers of a search depend on, as JSON: a study is taken up only where all of it is the same."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from types import CodeType
from typing import TYPE_CHECKING, Any

import optuna
from datasets import Dataset
from optuna.distributions import distribution_to_json
from transformers import PrinterCallback, ProgressCallback, Trainer, TrainerCallback, set_seed
from transformers.trainer_callback import ExportableState
from transformers.trainer_utils import has_length

from ..data.identity import digest
from ..data.transform import transform_of
from ..data.uses import DECIDED_BY
from ..families.weights_hash import weights_hash
from ..methods.method import Method
from ..search.modes import Mode
from ..search.plan import Plan
from .chance import unchanged_chance
from .epoch_line import EpochLine

if TYPE_CHECKING:
    from .fair import FairTrainer

SHOWS = (ProgressCallback, PrinterCallback, EpochLine)
LOGS = ("transformers.integrations", "transformers.utils.notebook")


def fingerprint(trainer: FairTrainer, plan: Plan) -> dict[str, object]:
    """Return everything that a trial depends on, but for the number of trials; equal in every process of a command.

    Of a function its name and its code count, and not the variables around it.
    """
    args = trainer.args
    space, drawn = space_of(plan)
    own = {name: value for name, value in args.deciding().items() if name not in drawn}
    functions = (trainer.compute_loss_func, trainer.compute_metrics, trainer.data_collator)
    return own | {
        "model": trainer.base_name,
        "objective": [plan.objective_name, plan.direction, named(plan.objective)],
        "mode": mode_of(plan.mode),
        "min_auc": plan.floors.min_auc,
        "fraction": fraction_of(trainer, plan.fraction),
        "folds": plan.folds,
        "method": {trainer.open_method.name: method_of(trainer.open_method)},
        "hp_space": space,
        "functions": [named(function) for function in functions],
        "callbacks": sorted(found for one in trainer.callback_handler.callbacks if (found := callback_of(one))),
        "optimizer": named(trainer.optimizer_cls_and_kwargs),
        **start_of(trainer),
        **data_of(trainer),
    }


def method_of(method: Method) -> dict[str, object]:
    """Return the hyper-parameters of a method; of those that the search draws, their distributions."""
    known = method.knobs()
    return {**method.hyperparameters(), **{name: distribution_to_json(known[name]) for name in method.searched}}


def start_of(trainer: FairTrainer) -> dict[str, object]:
    """Return what trainings begin with beside arguments and rows: the model, how pixels are read, and on how many.

    The model is built once more, whatever a training has made of the trainer's own.
    """
    with unchanged_chance():
        set_seed(trainer.args.seed)
        model = Trainer.call_model_init(trainer) if trainer.model_init is not None else trainer.model
    found: dict[str, object] = {"devices": trainer.args.world_size * max(1, trainer.args.n_gpu)}
    if trainer.data is not None:
        found["image processor"] = digest(trainer.data.processor.to_dict())
        found["augmentation draws"] = DECIDED_BY
    return found | model_hashes(model)


def model_hashes(model: Any) -> dict[str, str]:
    """Hash a model's weights, and its class and configuration but for its name and the version of the library."""
    config = model.config.to_dict() if hasattr(model, "config") else {}
    settings = {name: value for name, value in config.items() if name not in ("transformers_version", "_name_or_path")}
    configuration = digest([named(type(model)), settings])
    return {"model configuration": configuration, "model weights": weights_hash(model)}


def data_of(trainer: FairTrainer) -> dict[str, object]:
    """Return hashes of the rows, of their splits and groups, and of what becomes of the pixels, by what they are."""
    if trainer.data is None:
        return {"data": digest([rows_of(part) for part in (trainer.train_dataset, trainer.eval_dataset)])}
    data, facts = trainer.data, trainer.data.facts()
    splits = digest({name: sheet.hash for name, sheet in facts.splits.items()})
    own = transform_of(data["train"])
    groups = digest([facts.groups, data.exclude, data.include])
    pixels = digest([data.image_size, repr(own.augmentation), own.views])
    return {**data.digests(), "splits": splits, "groups": groups, "pixels": pixels}


def fraction_of(trainer: FairTrainer, fraction: float) -> list[object]:
    """Return the share of the training rows that trials train on, and which of them these are."""
    if fraction == 1 or trainer.data is None:
        return [1.0]
    return [fraction, trainer.data.subset(fraction, trainer.args.seed).facts().splits["train"].hash]


def rows_of(dataset: Any) -> list[object]:
    """Return what tells a data set, or several by name, from others: the library's hash, else its kind and size.

    Under a transform, which the library cannot always hash, it is labels and groups.
    """
    if isinstance(dataset, Mapping):
        return [[name, rows_of(part)] for name, part in dataset.items()]
    known: object = getattr(dataset, "_fingerprint", None) or named(type(dataset))
    if isinstance(dataset, Dataset) and dataset.format["type"] == "custom":
        plain = dataset.with_format(None)
        known = [plain.column_names, [list(plain[name]) for name in ("labels", "groups") if name in plain.features]]
    return [known, len(dataset) if has_length(dataset) else 0]


def space_of(plan: Plan) -> tuple[dict[str, str], set[str]]:
    """Return what a search draws, by name, and the training arguments that it sets."""
    sampler = optuna.samplers.RandomSampler(seed=0)
    trial = optuna.create_study(sampler=sampler).ask()
    values = plan.hp_space(trial)
    drawn = {name: distribution_to_json(kind) for name, kind in trial.distributions.items()}
    return {name: str(value) for name, value in values.items()} | drawn, set(values)


def mode_of(mode: Mode) -> list[object]:
    """Return how trials are proposed and stopped; what follows from the number of trials does not count."""
    kinds = [named(type(part)) for part in (mode.proposal, mode.sampler, mode.pruner)]
    stops = {name: value for name, value in sorted(vars(mode.pruner).items()) if isinstance(value, int | float | str)}
    return [mode.name, mode.warmup_epochs, kinds, stops, mode.reports_every_epoch, mode.presets]


def callback_of(callback: TrainerCallback) -> str:
    """Name a callback and its arguments; "" for those that only show or log what happens."""
    kind = type(callback)
    if isinstance(callback, SHOWS) or kind.__module__.startswith(LOGS):
        return ""
    arguments = callback.state()["args"] if isinstance(callback, ExportableState) else {}
    return f"{named(kind)} {arguments}"


def named(thing: Any) -> str:
    """Name a function by its module, its name and its code, a class by its name, and what holds others by all."""
    if isinstance(thing, partial):
        return digest([named(thing.func), thing.args, thing.keywords])
    if isinstance(thing, list | tuple):
        return digest([named(part) for part in thing])
    if thing is None or isinstance(thing, str | int | float | dict):
        return str(thing)
    kind = thing if hasattr(thing, "__qualname__") else type(thing)
    code = getattr(thing, "__code__", None)
    return f"{kind.__module__}.{kind.__qualname__}" + (f" {digest(code_of(code))}" if code else "")


def code_of(code: CodeType) -> list[object]:
    """Return what a function does: its instructions, names and constants, functions inside it too."""
    constants: list[object] = []
    for one in code.co_consts:
        # The order of a set changes from process to process.
        plain = sorted(map(repr, one)) if isinstance(one, frozenset) else repr(one)
        constants.append(code_of(one) if isinstance(one, CodeType) else plain)
    return [code.co_code.hex(), list(code.co_names), constants]
