"""A training that goes on in mid-epoch draws the rows of that epoch, on one process and on several."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from accelerate.data_loader import BatchSamplerShard, DataLoaderShard, skip_first_batches
from torch.utils.data import BatchSampler
from transformers import TrainerState

from hf_fairtune.data.balanced_sampler import BalancedSampler
from hf_fairtune.methods.full import Full
from hf_fairtune.methods.groupdro import GroupDro
from hf_fairtune.trainer.epoch_of_rows import EpochOfRows
from tests.trainer.test_fair import trainer


@pytest.mark.parametrize("processes", [1, 2])
def test_the_sampler_has_the_epoch_that_a_training_goes_on_in(processes: int) -> None:
    """In the Trainer's order: the callback, the loader without the first batch, and its epoch."""
    sampler, whole = (BalancedSampler(np.arange(32) % 4, 0) for _ in range(2))
    batches: Any = BatchSampler(sampler, 4, False)
    if processes > 1:
        batches = BatchSamplerShard(batches, processes, 0)
    loader = DataLoaderShard(list(range(32)), batch_sampler=batches)
    EpochOfRows().on_epoch_begin(None, TrainerState(epoch=3.25), None, train_dataloader=loader)
    rest = skip_first_batches(loader, 1)
    rest.set_epoch(3)
    whole.set_epoch(3)
    own = [list(whole)[first : first + 4] for first in range(0, 32, 4)][::processes]
    assert [[int(row) for row in batch] for batch in rest] == own[1:]


@pytest.mark.parametrize("options", [{"method": GroupDro(balance=True)}, {"method": Full(), "sampler": "group"}])
def test_a_trainer_tells_it(tmp_path: Path, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[int] = []
    begin = EpochOfRows.on_epoch_begin

    def see(self: EpochOfRows, args: Any, state: TrainerState, control: Any, **objects: Any) -> None:
        begin(self, args, state, control, **objects)
        told.append(objects["train_dataloader"].batch_sampler.sampler.epoch)

    monkeypatch.setattr(EpochOfRows, "on_epoch_begin", see)
    trainer(tmp_path, num_train_epochs=3, save_strategy="no", eval_strategy="no", **options).train()
    assert told == [0, 1, 2]
