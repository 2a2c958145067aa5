"""The pieces in a stock `Trainer`, without `FairTrainer`."""

from pathlib import Path

import optuna
import pytest
import torch
from peft import get_peft_model
from transformers import Trainer, TrainingArguments

from hf_fairtune import FairTrainer, MaskConfig, MaskSearchSpace, fairness_metrics
from hf_fairtune.masks.config import masked
from tests.conftest import table, tiny_vit

pytestmark = [
    pytest.mark.filterwarnings("ignore:Unsupported layer type:UserWarning"),
    pytest.mark.filterwarnings("ignore:Could not find a config file:UserWarning"),
]


def model_only(features: list[dict]) -> dict[str, torch.Tensor]:
    """Collate without groups, as a stock model takes none."""
    return {key: torch.stack([f[key] for f in features]) for key in ("pixel_values", "labels")}


def test_mask_config_with_get_peft_model_and_trainer(tmp_path: Path) -> None:
    model = get_peft_model(tiny_vit(), MaskConfig(mask="layernorm"))
    before = {n: p.detach().clone() for n, p in model.named_parameters()}
    args = TrainingArguments(
        str(tmp_path), max_steps=2, use_cpu=True, report_to=[], save_strategy="no", remove_unused_columns=False
    )
    Trainer(model, args, train_dataset=table(), data_collator=model_only).train()
    moved = {n for n, p in model.named_parameters() if not torch.equal(p, before[n])}
    assert moved == {n for n, p in model.named_parameters() if p.requires_grad}


def test_search_space_and_metrics_in_a_stock_search(tmp_path: Path) -> None:
    class Groups(Trainer):
        """The least a stock Trainer needs for groups: keep them from the model."""

        def compute_loss(self, model, inputs, return_outputs=False, **_):  # noqa: ANN001, ANN202
            groups = inputs.pop("groups")
            found = super().compute_loss(model, inputs, return_outputs)
            inputs["groups"] = groups
            return found

    space = MaskSearchSpace(lambda: tiny_vit())
    args = TrainingArguments(
        str(tmp_path),
        num_train_epochs=1,
        eval_strategy="epoch",
        save_strategy="no",
        use_cpu=True,
        report_to=[],
        remove_unused_columns=False,
        label_names=["labels", "groups"],
    )
    trainer = Groups(
        model_init=space.model_init,
        args=args,
        train_dataset=table(),
        eval_dataset=table(64, 1),
        compute_metrics=fairness_metrics(["a", "b"]),
    )
    best = trainer.hyperparameter_search(
        hp_space=space,
        compute_objective=lambda metrics: metrics["eval_min_group_auc"],
        direction="maximize",
        backend="optuna",
        n_trials=3,
        sampler=optuna.samplers.TPESampler(seed=0),
    )
    assert len(space.mask(best.hyperparameters).bits) == 9
    trainer.args.learning_rate = best.hyperparameters["learning_rate"]
    trainer.train()
    trained = {name for name, values in trainer.model.named_parameters() if values.requires_grad}
    wanted = masked(tiny_vit(), space.mask(best.hyperparameters))
    assert trained == {name for name, values in wanted.named_parameters() if values.requires_grad}
    assert trainer.evaluate()["eval_min_group_auc"] == best.objective


def test_the_search_space_of_a_stock_script_in_our_trainer(tmp_path: Path) -> None:
    """The winner is the one that `train` trains, also where a later process only takes up its study."""
    for _ in range(2):
        space = MaskSearchSpace(lambda: tiny_vit())
        args = TrainingArguments(str(tmp_path), num_train_epochs=1, eval_strategy="epoch", use_cpu=True, report_to=[])
        run = FairTrainer(args=args, model_init=space.model_init, train_dataset=table(), eval_dataset=table(64, 1))
        best = run.hyperparameter_search(space, n_trials=3, backend="optuna")
        run.train()
        trained = {name for name, values in run.model.named_parameters() if values.requires_grad}
        wanted = masked(tiny_vit(), space.mask(best.hyperparameters))
        assert trained == {name for name, values in wanted.named_parameters() if values.requires_grad}
        assert run.evaluate()["eval_min_group_auc"] == best.objective
