"""A model without numbers is one line, before a trial is spent; a loss without one is the recipe's."""

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import ViTForImageClassification

from hf_fairtune import FairTrainer, FairTuneError
from hf_fairtune.methods.fairtune import FairTune
from hf_fairtune.trainer.divergence import DivergedError
from tests.conftest import table, tiny_vit
from tests.trainer.test_fair import arguments, trainer
from tests.trainer.test_searching import trials


def search(folder: Path, model_init: Any) -> None:
    run = FairTrainer(
        model_init=model_init,
        args=arguments(folder),
        method=FairTune(),
        train_dataset=table(),
        eval_dataset=table(64, 1),
    )
    run.hyperparameter_search(n_trials=2)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers(tmp_path: Path, value: float) -> None:
    def broken() -> ViTForImageClassification:
        model = tiny_vit()
        model.vit.layers[1].mlp.fc1.weight.data[0, 0] = value
        return model

    with pytest.raises(FairTuneError, match=r"values in `vit\.layers\.1\.mlp\.fc1\.weight` that are NaN or infinite"):
        search(tmp_path, broken)
    assert not list(tmp_path.glob("search.db"))


def test_scores_that_are_no_numbers_end_the_search_with_the_first_batch(tmp_path: Path) -> None:
    def broken() -> ViTForImageClassification:
        model = tiny_vit()
        model.vit.layernorm.weight.data[:] = model.classifier.weight.data[:] = 1e38
        return model

    with pytest.raises(FairTuneError, match="scores of the first images that are NaN or infinite, before any step"):
        search(tmp_path, broken)
    # None was spent.
    assert {state for _, state, *_ in trials(tmp_path)} == {"WAITING"}


def test_a_loss_that_is_no_number_is_the_recipes(tmp_path: Path) -> None:
    def loss(outputs: Any, labels: torch.Tensor, num_items_in_batch: Any = None) -> torch.Tensor:
        return outputs.logits.sum() * float("nan")

    with pytest.raises(DivergedError, match="the training loss is NaN or infinite"):
        trainer(tmp_path, compute_loss_func=loss).train()
