"""Evaluation mode for a while: no dropout, no running statistics, and every module's own mode back."""

import pytest
import torch
from torch import nn

from hf_fairtune.families.frozen_eval import frozen_eval


def mixed() -> nn.Sequential:
    """A model whose parts are in different modes."""
    model = nn.Sequential(nn.BatchNorm1d(2), nn.Sequential(nn.Dropout(0.5), nn.Linear(2, 2)), nn.Dropout(0.5)).train()
    model[1].eval()
    return model


def test_evaluates_and_leaves_every_mode() -> None:
    model, x = mixed(), torch.randn(8, 2)
    before = [module.training for module in model.modules()]
    with frozen_eval(model):
        assert not any(module.training for module in model.modules())
        assert torch.equal(model(x), model(x))
        assert model(x).requires_grad
    assert [module.training for module in model.modules()] == before
    assert model[0].num_batches_tracked == 0


def test_leaves_every_mode_after_an_error() -> None:
    model = mixed()
    with pytest.raises(KeyboardInterrupt), frozen_eval(model):
        raise KeyboardInterrupt
    assert [module.training for module in model.modules()] == [True, True, False, False, False, True]
