"""LLFT: a new head by SGD of all rows, written out; without a constraint a balanced logistic regression."""

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch.nn.functional import cross_entropy, linear

from hf_fairtune.errors import FairTuneError
from hf_fairtune.losses.cross_entropy import CrossEntropy
from hf_fairtune.losses.loss import bias_loss_named
from hf_fairtune.methods.facts import Facts
from hf_fairtune.methods.llft import Llft, new_head
from tests.conftest import table, tiny_vit

from .several import several


def finished(data: Any = None, num_labels: int = 2, **fields: Any) -> tuple[Llft, Any]:
    method, model = Llft(**fields), tiny_vit(num_labels=num_labels)
    data = table(150, group_names=("a", "b")) if data is None else data
    method.prepare(model, Facts.of(model, dict.fromkeys(method.views, data), seed=5))
    method.finish(model)
    return method, model


def features(data: Any, num_labels: int = 2) -> torch.Tensor:
    with torch.no_grad():
        x = tiny_vit(num_labels=num_labels).vit(pixel_values=data[:]["pixel_values"]).last_hidden_state[:, 0]
    return x.double()


def test_three_updates_by_hand() -> None:
    """Momentum, decay, class weights and the constraint of two groups."""
    data = table(150)
    method, model = finished(data, updates=3, constraint=0.7, head_learning_rate=0.05)
    x, y, groups = features(data), data[:]["labels"], data[:]["groups"]
    share = torch.bincount(y) / len(y)
    measure = bias_loss_named("equalized_odds_joint")
    head = [part.detach() for part in new_head(16, 2, 5)]
    speeds = [torch.zeros_like(part) for part in head]
    for _ in range(3):
        for part in head:
            part.requires_grad_(True)
        logits = linear(x, *head)
        rows = cross_entropy(logits, y, reduction="none") / (2 * share[y])
        loss = rows.mean() + 0.7 * measure(logits.softmax(1)[:, 1], y, groups == 1).value
        slopes = torch.autograd.grad(loss, head)
        head = [part.detach() for part in head]
        speeds = [0.9 * v + g + 5e-4 * p for v, g, p in zip(speeds, slopes, head, strict=True)]
        head = [p - 0.05 * v for p, v in zip(head, speeds, strict=True)]
    torch.testing.assert_close(model.classifier.weight, head[0].float(), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(model.classifier.bias, head[1].float(), rtol=1e-4, atol=1e-5)
    before = dict(tiny_vit().named_parameters())
    changed = {n for n, p in model.named_parameters() if not torch.equal(p, before[n])}
    assert changed == {"classifier.weight", "classifier.bias"}
    assert method.record().facts["bias_weight"] == 0.7


def test_without_a_constraint_it_is_scikit_learns_balanced_regression() -> None:
    """The decay of half the squared weights of two logits is that of a quarter of their difference's."""
    data = table(150)
    _, model = finished(data, constraint=0.0, updates=1500, head_learning_rate=0.8)
    x, y = features(data).numpy(), np.array(data["labels"])
    known = {"class_weight": "balanced", "fit_intercept": False, "tol": 1e-10, "max_iter": 10_000}
    inputs = np.column_stack([x, np.ones(len(x))])
    line = LogisticRegression(C=2 / (5e-4 * len(y)), **known).fit(inputs, y)
    weights, bias = (
        part.diff(dim=0).squeeze().detach().numpy() for part in (model.classifier.weight, model.classifier.bias)
    )
    np.testing.assert_allclose(x @ weights + bias, line.decision_function(inputs), atol=2e-2)


def test_the_constraint_makes_the_bias_smaller() -> None:
    found = [float(finished(constraint=weight, updates=300)[0].fitted["bias"]) for weight in (0.0, 2.0, 5.0)]
    assert found[0] > found[1] > found[2]


@pytest.mark.parametrize("findings", [False, True])
def test_a_head_of_three_fits_better_than_chance(findings: bool) -> None:
    method, _ = finished(several(120, findings), 3, updates=200)
    assert 0 < float(method.fitted["prediction_loss"]) < (np.log(2) if findings else np.log(3))


def test_bad_input() -> None:
    with pytest.raises(FairTuneError, match="`constraint` is -1; give 0 or more"):
        Llft(constraint=-1)
    with pytest.raises(FairTuneError, match="`class_weights` is 1 2, but the losses of the method 'llft'"):
        Llft(cross_entropy=CrossEntropy(class_weights=(1.0, 2.0)))
    with pytest.raises(FairTuneError, match="llft compares groups, but its rows have 1; name groups by --group"):
        finished(table(group_names=("all",)))
    with pytest.raises(FairTuneError, match="the loss of the head is NaN or infinite; lower `head_learning_rate`"):
        finished(head_learning_rate=1e300, updates=5)
