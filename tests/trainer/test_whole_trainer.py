"""`dataloader_drop_last` is of the training alone: evaluation, prediction and audit score every row."""

from pathlib import Path

import numpy as np
import pytest

from tests.conftest import table
from tests.trainer.test_fair import trainer


@pytest.mark.parametrize("drop", [True, False])
def test_every_row_is_scored_and_the_last_batch_is_dropped_in_training_alone(tmp_path: Path, drop: bool) -> None:
    """31 rows in batches of 8 are 24 without the last batch; 48 rows in batches of 20 are 40."""
    batches = {"per_device_train_batch_size": 20, "per_device_eval_batch_size": 8}
    run = trainer(tmp_path, dataloader_drop_last=drop, num_train_epochs=1, **batches)
    assert len(run.get_train_dataloader()) == (2 if drop else 3)
    rows = table(31, 2)
    assert len(run.predict(rows).predictions) == 31
    assert len(run.predict(rows).label_ids[0]) == 31
    assert sum(len(batch["labels"]) for batch in run.get_eval_dataloader(rows)) == 31
    assert run.args.dataloader_drop_last is drop
    run.train()
    assert run.state.global_step == (2 if drop else 3)


def test_the_metrics_of_an_evaluation_are_of_every_row(tmp_path: Path) -> None:
    whole, dropping = (trainer(tmp_path, dataloader_drop_last=drop) for drop in (False, True))
    metrics = [run.evaluate(table(31, 2)) for run in (whole, dropping)]
    assert metrics[0]["eval_auc"] == metrics[1]["eval_auc"]
    assert metrics[0]["eval_loss"] == metrics[1]["eval_loss"]


def test_scores_under_bf16_do_not_tie(tmp_path: Path) -> None:
    """Logits of bfloat16 alone have 175 values for 600 images; before and after the training wraps the model."""
    run, rows = trainer(tmp_path, bf16=True, num_train_epochs=1), table(600, 1)
    for _ in ("before", "after"):
        logits = run.predict(rows).predictions
        assert len(np.unique(logits[:, 1] - logits[:, 0])) == 600
        run.train()
    assert not any(module._forward_hooks for module in run.model.modules())
