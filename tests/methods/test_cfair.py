"""CFair against loops: each label's adversary, and a balanced error in which every group weighs the same."""

import numpy as np
import pytest
import torch

from hf_fairtune.methods.adversarial import Adversary
from hf_fairtune.methods.cfair import CFair, balanced
from tests.conftest import tiny_vit

from .game import batch, facts, noise

CELLS = [[30, 3], [10, 9], [0, 12]]


def prepared(**fields: float) -> CFair:
    method = CFair(**fields)
    method.prepare(tiny_vit(), facts(3, 2, CELLS))
    return method


def test_the_loss_is_the_sum_over_labels() -> None:
    rows, logits, wanted = batch(3, 2, 30), noise(30, 2, 3), 0.0
    for y in range(2):
        own = [i for i in range(30) if rows["labels"][i] == y]
        present = sum(row[y] > 0 for row in CELLS)
        terms = []
        for i in own:
            g = int(rows["groups"][i])
            weight = sum(row[y] for row in CELLS) / (present * CELLS[g][y]) if CELLS[g][y] else 1
            terms.append(-weight * logits[i, y].log_softmax(0)[g].item())
        wanted += sum(terms) / len(own)
    found = prepared().added((logits,), rows["labels"], rows["groups"])
    assert found.item() == pytest.approx(wanted, rel=1e-6)


def test_over_the_training_data_it_is_the_mean_of_the_groups() -> None:
    """Of rows with a label as the data have them, each group's mean loss counts the same."""
    cells = np.array([[6, 2], [3, 8]])
    rows = [(g, y) for g in range(2) for y in range(2) for _ in range(cells[g, y])]
    groups, labels = (torch.tensor(column) for column in zip(*rows, strict=True))
    method, logits = CFair(), noise(len(rows), 2, 2)
    method.prepare(tiny_vit(), facts(2, 2, cells.tolist()))
    terms = torch.stack([-logits[i, y].log_softmax(0)[g] for i, (g, y) in enumerate(rows)])
    means = [terms[(groups == g) & (labels == y)].mean() for g in range(2) for y in range(2)]
    torch.testing.assert_close(method.added((logits,), labels, groups), torch.stack(means).sum() / 2)


def test_each_label_has_an_adversary_of_its_own() -> None:
    """Rows of a label move none but that label's; each is two layers."""
    method, model, rows = CFair(), tiny_vit(num_labels=3), batch(2, 3)
    method.prepare(model, facts(2, 3))
    adversary = model.classifier.attached
    first, first_bias, second, second_bias = adversary.parameters()
    features = torch.randn(4, 16)
    (found,) = adversary.read(features)
    for y in range(3):
        wanted = (features @ first[y].T + first_bias[y]).relu() @ second[y].T + second_bias[y]
        torch.testing.assert_close(found[:, y], wanted)
    rows["labels"] = torch.ones_like(rows["labels"])
    method.loss(model, rows)[0].backward()
    for values in adversary.parameters():
        assert [bool(part.any()) for part in values.grad] == [False, True, False]


def test_weights_are_one_on_balanced_data() -> None:
    assert (balanced(np.full((3, 2), 7)) == 1).all()


def test_a_reversed_gradient_has_the_weight() -> None:
    found = [torch.autograd.grad(Adversary((4, 5, 2), 0, w, 2).read(x := noise(3, 4))[0].sum(), x)[0] for w in (1, 3)]
    torch.testing.assert_close(found[1], 3 * found[0])
