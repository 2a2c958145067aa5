"""The fingerprint of a search: all that its numbers depend on changes it, and nothing else does."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest
import torch
from transformers import EarlyStoppingCallback, TrainerCallback

from hf_fairtune import FairTrainer
from hf_fairtune.data.arguments import DataArguments
from hf_fairtune.data.fair_dataset import load_fair_dataset
from hf_fairtune.methods.fairtune import FairTune
from hf_fairtune.methods.method import Method
from hf_fairtune.search.modes import mode_named
from hf_fairtune.search.searcher import Plan
from hf_fairtune.search.space import LearningRate
from hf_fairtune.trainer.fingerprint import fingerprint
from tests.classifiers import vit
from tests.conftest import table, tiny_vit
from tests.data.conftest import asked, frame_of, write_table
from tests.trainer.test_fair import arguments


class Watch(TrainerCallback):
    """May do anything."""


def plain_vit() -> Any:
    return tiny_vit()


def other_vit() -> Any:
    model = tiny_vit()
    with torch.no_grad():
        model.classifier.weight[0, 0] += 1e-3
    return model


def dropping_vit() -> Any:
    model = tiny_vit()
    model.config.hidden_dropout_prob = 0.1
    return model


def first_collator(rows: list[Any]) -> Any:
    return rows


def second_collator(rows: list[Any]) -> Any:
    return [*rows]


def one_loss(outputs: Any, labels: Any, num_items_in_batch: Any = None) -> Any:
    return outputs.logits.sum()


def loss_value(metrics: dict[str, float]) -> float:
    return metrics["eval_loss"]


def found(
    folder: Path,
    model: Callable[[], Any] = plain_vit,
    train: Any = None,
    validation: Any = None,
    method: Method | None = None,
    objective: Any = "min_group_auc",
    direction: str | None = None,
    space: Any = None,
    mode: Any = "default",
    n_trials: int = 7,
    extra: dict[str, Any] | None = None,
    **options: Any,
) -> dict[str, object]:
    """Return the fingerprint of a search of these arguments."""
    splits = {"train_dataset": train or table(), "eval_dataset": validation or table(64, 1)}
    args = arguments(folder, **options)
    trainer = FairTrainer(model_init=model, args=args, method=method or FairTune(), **splits, **(extra or {}))
    chosen = mode_named(mode, n_trials, args.seed, 1) if isinstance(mode, str) else mode
    return fingerprint(trainer, Plan.of(objective, direction, chosen, args.num_train_epochs, space, ["a", "b"]))


PAPER = mode_named("paper", 7, 42, 1)
CHANGES: dict[str, tuple[dict[str, Any], set[str]]] = {
    "epochs": ({"num_train_epochs": 3}, {"num_train_epochs"}),
    "seed": ({"seed": 7}, {"seed"}),
    "decay": ({"weight_decay": 0.3}, {"weight_decay"}),
    "warm-up": ({"warmup_steps": 0.1}, {"warmup_steps"}),
    "schedule": ({"lr_scheduler_type": "linear"}, {"lr_scheduler_type"}),
    "schedule by epoch": ({"schedule_per": "epoch"}, {"schedule_per"}),
    "decay of all": ({"decay_all": True}, {"decay_all"}),
    "clipping": ({"max_grad_norm": 0.3}, {"max_grad_norm"}),
    "batch": ({"per_device_train_batch_size": 12}, {"per_device_train_batch_size"}),
    "accumulation": ({"gradient_accumulation_steps": 2}, {"gradient_accumulation_steps"}),
    "precision": ({"bf16": True}, {"bf16"}),
    "optimizer": ({"optim": "sgd"}, {"optim"}),
    "smoothing": ({"label_smoothing_factor": 0.1}, {"label_smoothing_factor"}),
    "drawn rows": ({"sampler": "group"}, {"sampler"}),
    "class weights": ({"class_weights": ["balanced"]}, {"class_weights"}),
    "weights": ({"model": other_vit}, {"model weights"}),
    "configuration": ({"model": dropping_vit}, {"model configuration"}),
    "training rows": ({"train": table(40)}, {"data"}),
    "validation rows": ({"validation": table(64, 3)}, {"data"}),
    "rows under a transform": ({"train": table(40).with_transform(lambda rows: rows)}, {"data"}),
    "hyper-parameter": ({"method": FairTune(granularity="split48")}, {"method"}),
    "metric": ({"objective": "auc"}, {"objective"}),
    "function": ({"objective": loss_value, "direction": "minimize"}, {"objective"}),
    "rates": ({"space": LearningRate(1e-5, 1e-2)}, {"hp_space"}),
    "space": ({"space": lambda trial: {"weight_decay": trial.suggest_float("w", 0, 1)}}, {"hp_space"}),
    "mode": ({"mode": "paper"}, {"mode"}),
    "pruner": ({"mode": replace(PAPER, pruner=optuna.pruners.MedianPruner())}, {"mode"}),
    "sampler": ({"mode": replace(PAPER, sampler=optuna.samplers.RandomSampler())}, {"mode"}),
    "own loss": ({"extra": {"compute_loss_func": one_loss}}, {"functions"}),
    "collator": ({"extra": {"data_collator": first_collator}}, {"functions"}),
    "callback": ({"extra": {"callbacks": [Watch()]}}, {"callbacks"}),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_decides_changes_it(tmp_path: Path, name: str) -> None:
    changes, keys = CHANGES[name]
    base, other = found(tmp_path), found(tmp_path, **changes)
    changed = {key for key in {*base, *other} if base.get(key) != other.get(key)}
    # A space of its own sets other arguments, a method knows of smoothing.
    assert keys <= changed <= keys | ({"learning_rate", "weight_decay"} if name == "space" else set())


@pytest.mark.parametrize(
    "changes",
    [
        {"n_trials": 9},
        {"per_device_eval_batch_size": 8},
        {"logging_steps": 3},
        {"save_total_limit": 3},
        {"save_strategy": "no"},
        {"learning_rate": 0.5},
        {"run_name": "x", "push_to_hub": False},
        {"report_to": []},
    ],
    ids=str,
)
def test_what_decides_nothing_does_not(tmp_path: Path, changes: dict[str, Any]) -> None:
    assert found(tmp_path / "a") == found(tmp_path / "b", **changes)


def test_a_transform_that_cannot_be_hashed(tmp_path: Path) -> None:
    """Each object has an address of its own."""

    def of(rows: Any) -> dict[str, object]:
        held = torch.Generator()
        return found(tmp_path, train=rows.with_transform(lambda batch: (held, batch)[1]))

    assert of(table()) == of(table()) != of(table(48, 5))


def test_functions_differ_by_their_code_and_callbacks_by_their_arguments(tmp_path: Path) -> None:
    def of(**extra: Any) -> dict[str, object]:
        options = {"load_best_model_at_end": True, "metric_for_best_model": "auc"}
        return found(tmp_path, extra=extra, **options)

    assert of(data_collator=first_collator) != of(data_collator=second_collator)
    one, two = ({"callbacks": [EarlyStoppingCallback(patience)]} for patience in (1, 2))
    assert of(**one) == of(**one) != of(**two)


def test_it_is_the_same_after_a_search_a_training_and_in_another_process(tmp_path: Path) -> None:
    run = FairTrainer(
        model_init=plain_vit,
        args=arguments(tmp_path, num_train_epochs=1),
        method=FairTune(),
        train_dataset=table(),
        eval_dataset=table(64, 1),
    )
    run.hyperparameter_search(n_trials=1)
    run.train()
    run.hyperparameter_search(n_trials=2)
    base = found(tmp_path)
    assert json.loads(json.dumps(base)) == base
    code = (
        "import json, sys; from pathlib import Path; from tests.trainer.test_fingerprint import found; "
        "print(json.dumps(found(Path(sys.argv[1]))))"
    )
    # Sets of this process are in the order of another seed of hashes, most likely.
    printed = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        capture_output=True,
        check=True,
        env=os.environ | {"PYTHONHASHSEED": "1"},
        text=True,
    )
    assert json.loads(printed.stdout.splitlines()[-1]) == base


def test_a_table_of_images(tmp_path: Path) -> None:
    """Rows, splits, groups, image size and crop are in the fingerprint, the place of the cache is not."""
    path = write_table(tmp_path / "clinic", frame_of(96), "clinic.csv")

    def of(seed: int = 0, size: int = 16, **more: object) -> dict[str, object]:
        options: Any = {"data_cache": str(tmp_path / "cache"), **more}
        wanted: DataArguments = replace(asked(path), **options, image_size=size)
        data = load_fair_dataset(wanted, vit(2)[1], seed=seed)
        run = FairTrainer(model_init=plain_vit, args=arguments(tmp_path / "o"), data=data, method=FairTune())
        plan = Plan.of("auc", None, mode_named("default", 3, 0, 1), 2, None, data.group_names)
        return fingerprint(run, plan)

    base = of()
    assert of(data_cache=str(tmp_path / "elsewhere")) == base
    for other, changed in (
        (of(seed=1), {"splits"}),
        (of(size=32), {"image processor", "pixels"}),
        (of(smallest_crop=0.5), {"pixels"}),
        (of(augment="flips"), {"pixels"}),
        (of(group=["age:60"]), {"sex", "age:60", "groups", "splits"}),
        (of(validation_fraction=0.3), {"splits"}),
    ):
        assert {key for key in {*base, *other} if base.get(key) != other.get(key)} == changed
    frame_of(96).assign(label=[1, *frame_of(96).label[1:]]).to_csv(path, index=False)
    assert {key for key, value in of().items() if base[key] != value} == {"label", "splits"}
