"""EnD against loops over pairs; its gradient by finite differences; means without pairs are 0 and counted."""

import math

import pytest
import torch

from hf_fairtune.methods.end import End
from tests.conftest import tiny_vit

from .game import batch, facts, noise


def by_hand(features: torch.Tensor, labels: list[int], groups: list[int], alpha: float, beta: float) -> float:
    own, other = [], []
    rows = features.tolist()
    for i in range(len(rows)):
        for j in range(i):
            lengths = math.hypot(*rows[i]) * math.hypot(*rows[j])
            cosine = sum(x * y for x, y in zip(rows[i], rows[j], strict=True)) / lengths
            if groups[i] == groups[j]:
                own.append(abs(cosine))
            elif labels[i] == labels[j]:
                other.append((1 - cosine) / 2)
    return alpha * (sum(own) / len(own) if own else 0) + beta * (sum(other) / len(other) if other else 0)


@pytest.mark.parametrize(("groups", "classes"), [(2, 2), (3, 4)])
@pytest.mark.parametrize(("alpha", "beta"), [(0.7, 0.3), (1.0, 0.0), (0.0, 1.0)])
def test_the_penalty_is_the_means_over_pairs(groups: int, classes: int, alpha: float, beta: float) -> None:
    rows, features = batch(groups, classes), noise(12, 5)
    found = End(alpha=alpha, beta=beta).added((features,), rows["labels"], rows["groups"])
    wanted = by_hand(features, rows["labels"].tolist(), rows["groups"].tolist(), alpha, beta)
    assert found.item() == pytest.approx(wanted, rel=1e-5)


def test_its_gradient() -> None:
    """By central differences of the loops."""
    rows, features = batch(), noise(12, 5)
    (gradient,) = torch.autograd.grad(
        End(alpha=0.7, beta=0.4).added((features,), rows["labels"], rows["groups"]), features
    )
    labels, groups = rows["labels"].tolist(), rows["groups"].tolist()
    for i, d in ((0, 0), (3, 4), (7, 2), (11, 1)):
        step = torch.zeros(12, 5, dtype=torch.float64)
        step[i, d] = 1e-6
        ends = [by_hand(features.detach() + sign * step, labels, groups, 0.7, 0.4) for sign in (1, -1)]
        assert gradient[i, d].item() == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-3, abs=1e-6)


def test_it_is_least_where_groups_lie_together_and_their_rows_apart() -> None:
    """Two rows of each group with orthogonal features, each alike to the row of its label in the other group."""
    features = torch.eye(2).repeat(2, 1)
    labels, groups = torch.tensor([0, 1, 0, 1]), torch.tensor([0, 0, 1, 1])
    assert End(alpha=1, beta=1).added((features,), labels, groups).item() == pytest.approx(0, abs=1e-6)
    assert End(alpha=1, beta=1).added((features[[0, 0, 1, 1]],), labels, groups).item() == pytest.approx(1.5)


def test_means_without_pairs_are_nothing_and_counted() -> None:
    method, model = End(), tiny_vit()
    method.prepare(model, facts())
    rows = batch(n=4)
    rows["groups"] = torch.zeros_like(rows["groups"])
    method.loss(model, rows)
    assert method.state() == {"without_pairs": 1}
    alone = {name: values[:1] for name, values in rows.items()}
    loss, outputs = method.loss(model, alone)
    assert torch.equal(loss, method.cross_entropy(outputs.logits, alone["labels"]))
    assert method.record().facts == {"alpha": 0.1, "beta": 0.1, "without_pairs": 3}
    with torch.no_grad():
        method.loss(model, alone)
    again = End()
    again.load_state(method.state())
    assert again.state() == {"without_pairs": 3}


def test_the_features_are_what_the_head_reads() -> None:
    rows, method = batch(), End(alpha=0.7, beta=0.2)
    model = method.prepare(tiny_vit(), facts())
    loss, outputs = method.loss(model, rows)
    features = model.vit(rows["pixel_values"]).last_hidden_state[:, 0]
    wanted = by_hand(features, rows["labels"].tolist(), rows["groups"].tolist(), 0.7, 0.2)
    wanted += method.cross_entropy(outputs.logits, rows["labels"]).item()
    assert loss.item() == pytest.approx(wanted, rel=1e-5)
    assert model.state_dict().keys() == tiny_vit().state_dict().keys()
