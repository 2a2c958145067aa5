"""BatchNorm and dropout held in evaluation mode in a stock Trainer."""

from pathlib import Path

import pytest
import torch
from torch import nn
from transformers import Trainer, TrainerCallback

from hf_fairtune.errors import FairTuneError
from hf_fairtune.masks.eval_mode import EvalModeCallback
from tests.masks.training import Small, start, trainer_of


class Modes(TrainerCallback):
    """Notes in which mode each module was in its last forward pass."""

    def __init__(self, model: nn.Module) -> None:
        self.seen: dict[str, bool] = {}
        for name, module in model.named_modules():
            module.register_forward_hook(lambda m, *_, name=name: self.seen.update({name: m.training}))


def run(model: nn.Module, folder: Path, *callbacks: TrainerCallback) -> tuple[Trainer, dict[str, bool]]:
    modes = Modes(model)
    trainer = trainer_of(model, folder, *callbacks, max_steps=3)
    trainer.train()
    return trainer, modes.seen


def buffers(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: buffer.clone() for name, buffer in model.named_buffers()}


@pytest.mark.parametrize("batch_norm", [True, False])
@pytest.mark.parametrize("dropout", [True, False])
def test_what_is_held_is_in_eval_mode_and_nothing_else(tmp_path: Path, batch_norm: bool, dropout: bool) -> None:
    model = Small()
    before, weights = buffers(model), start(model)
    _, seen = run(model, tmp_path, EvalModeCallback(batch_norm=batch_norm, dropout=dropout))
    assert seen == {"": True, "conv": True, "head": True, "norm": not batch_norm, "drop": not dropout}
    after = buffers(model)
    assert all(torch.equal(before[name], after[name]) == batch_norm for name in before)
    assert not torch.equal(weights["norm.weight"], model.norm.weight)


def test_within_is_a_submodule(tmp_path: Path) -> None:
    model = Small()
    model.head = nn.Sequential(nn.BatchNorm1d(4), model.head)
    _, seen = run(model, tmp_path, EvalModeCallback(within="head"))
    assert (seen["norm"], seen["head.0"]) == (True, False)


def test_an_unknown_room_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FairTuneError, match="`within` is 'extractor', which the model lacks"):
        run(Small(), tmp_path, EvalModeCallback(within="extractor"))


def test_nothing_stays_hooked(tmp_path: Path) -> None:
    """After training the statistics move again, and the callback serves a second training."""
    model = Small()
    trainer, _ = run(model, tmp_path, EvalModeCallback())
    assert not model.norm._forward_pre_hooks
    before = buffers(model)
    trainer.train()
    assert torch.equal(before["norm.running_mean"], model.norm.running_mean)
    model.train()(pixel_values=torch.randn(4, 3, 6, 6), labels=torch.tensor([0, 1, 0, 1]))
    assert not torch.equal(before["norm.running_mean"], model.norm.running_mean)


def test_stochastic_depth_is_dropout(tmp_path: Path) -> None:
    class TinyDropPath(nn.Identity):
        """Named as in timm and transformers."""

    model = Small()
    model.drop = TinyDropPath()
    _, seen = run(model, tmp_path, EvalModeCallback(dropout=True))
    assert seen["drop"] is False
