"""LNL against loops over rows: the predictor lowers its cross-entropy alone, the encoder raises entropy and that."""

import math

import pytest
import torch

from hf_fairtune.methods.adversarial import negative_entropy
from hf_fairtune.methods.lnl import Lnl
from tests.conftest import tiny_vit

from .game import batch, facts, noise


def test_the_loss_is_that_of_a_loop() -> None:
    rows, logits, still, wanted = batch(3), noise(12, 1, 3).detach(), noise(12, 1, 3, seed=6).detach(), 0.0
    for i in range(12):
        p, q = logits[i, 0].softmax(0), still[i, 0].softmax(0)
        entropy = -sum(float(q[g]) * math.log(float(q[g])) for g in range(3))
        wanted += (-math.log(float(p[rows["groups"][i]])) - 0.3 * entropy) / 12
    found = Lnl(entropy_weight=0.3).added((logits, still), rows["labels"], rows["groups"])
    assert found.item() == pytest.approx(wanted, rel=1e-6)


def test_entropy_is_highest_where_groups_are_alike() -> None:
    assert negative_entropy(torch.zeros(5, 4)).item() == pytest.approx(-math.log(4))
    assert negative_entropy(torch.tensor([[80.0, 0, 0]])).item() == pytest.approx(0, abs=1e-6)


def test_each_side_has_its_own_gradient() -> None:
    """The predictor that of its cross-entropy; the encoder cross-entropy + a * negative entropy - b * predictor's."""
    rows = batch()
    method = Lnl(entropy_weight=0.5, reversal_weight=0.2)
    model = method.prepare(tiny_vit(), facts())
    method.loss(model, rows)[0].backward()
    game = {name: p.grad.clone() for name, p in model.named_parameters()}
    predictor, features = model.classifier.attached, model.vit(rows["pixel_values"]).last_hidden_state[:, 0]
    first, first_bias, second, second_bias = predictor.parameters()
    logits = (features @ first[0].T + first_bias[0]).relu() @ second[0].T + second_bias[0]
    own = torch.nn.functional.cross_entropy(logits, rows["groups"])
    p = logits.softmax(1)
    outputs = model.classifier(features)
    encoder = torch.nn.functional.cross_entropy(outputs, rows["labels"])
    encoder = encoder + 0.5 * (p * p.log()).sum(1).mean() - 0.2 * own
    for name, values in model.named_parameters():
        if game[name].any():
            loss = own if "attached" in name else encoder
            (wanted,) = torch.autograd.grad(loss, values, retain_graph=True)
            torch.testing.assert_close(game[name], wanted, rtol=1e-4, atol=1e-6)
    assert all(game[name].any() for name in game if "attached" in name)
