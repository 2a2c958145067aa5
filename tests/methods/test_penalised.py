"""Fine-tuning under a penalty: the sum it minimises, plain where that is 0, its gradient, what it counts."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from hf_fairtune import catalog
from hf_fairtune.errors import FairTuneError
from hf_fairtune.losses.balanced import balanced_cross_entropy
from hf_fairtune.losses.cross_entropy import CrossEntropy
from hf_fairtune.losses.loss import bias_loss_named
from hf_fairtune.methods.facts import Facts, View
from hf_fairtune.methods.method import method_named
from hf_fairtune.methods.penalised import Penalised
from tests.conftest import tiny_vit

from .several import several


class Line(nn.Module):
    """Logits that are linear in the mean pixels."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(classes, 3, generator=torch.Generator().manual_seed(0)).double())

    def forward(self, pixel_values: torch.Tensor) -> Any:
        return type("Outputs", (), {"logits": pixel_values.mean((2, 3)) @ self.weight.T})


def prepared(name: str, model: nn.Module, n_groups: int = 2, classes: int = 2, **fields: Any) -> Penalised:
    method = method_named(name, **fields)
    assert isinstance(method, Penalised)
    method.prepare(model, Facts(tuple("abcd"[:n_groups]), classes, np.full((n_groups, classes), 9)))
    return method


def batch(n_groups: int = 2, classes: int = 2, n: int = 16) -> dict[str, torch.Tensor]:
    draw = torch.Generator().manual_seed(4)
    rows = torch.arange(n)
    pixels = torch.randn(n, 3, 16, 16, generator=draw) + rows[:, None, None, None] % 5 / 5
    return {"pixel_values": pixels, "labels": rows % classes, "groups": rows // classes % n_groups}


@pytest.mark.parametrize("bias", catalog.names("losses"))
def test_a_penalty_of_nothing_is_plain_fine_tuning_bit_for_bit(bias: str) -> None:
    model, plain = tiny_vit(), tiny_vit().requires_grad_(True)
    options = {"cross_entropy": CrossEntropy(0.1, (1.0, 3.0))}
    method = method_named("full", **options)
    loss = prepared("penalty", model, bias_loss=bias, penalty=0.0, **options).loss(model, batch())[0]
    wanted = method.loss(plain, batch())[0]
    loss.backward()
    wanted.backward()
    assert torch.equal(loss, wanted)
    assert all(torch.equal(p.grad, q.grad) for p, q in zip(model.parameters(), plain.parameters(), strict=True))


@pytest.mark.parametrize(("n_groups", "classes"), [(2, 2), (3, 3)])
@pytest.mark.parametrize("bias", catalog.names("losses"))
def test_the_loss_and_its_gradient(bias: str, n_groups: int, classes: int) -> None:
    """By finite differences, and against means over groups and classes by hand."""
    model, data = Line(classes), batch(n_groups, classes, 36)
    data["pixel_values"] = data["pixel_values"].double()
    method = prepared("penalty", model, n_groups, classes, bias_loss=bias, penalty=0.7)
    loss, outputs = method.loss(model, data)
    p, found, measure = outputs.logits.softmax(1), [], bias_loss_named(bias)
    for c in range(1, 2) if classes == 2 else range(classes):
        for g in range(1, 2) if n_groups == 2 else range(n_groups):
            found.append(measure(p[:, c], (data["labels"] == c).long(), data["groups"] == g).value.item())
    wanted = nn.functional.cross_entropy(outputs.logits, data["labels"]).item() + 0.7 * np.mean(found)
    assert loss.item() == pytest.approx(wanted, rel=1e-5)
    assert min(found) > 1e-6

    def of(weight: torch.Tensor) -> torch.Tensor:
        logits = data["pixel_values"].mean((2, 3)) @ weight.T
        fixed = type("Fixed", (nn.Module,), {"forward": lambda _, **__: type("O", (), {"logits": logits})})()
        value: torch.Tensor = method.loss(fixed, data)[0]
        return value

    (gradient,) = torch.autograd.grad(of(model.weight), model.weight)
    step, slopes = 1e-2, []
    for place in np.ndindex(*model.weight.shape):
        moved = torch.zeros_like(model.weight)
        moved[place] = step
        slopes.append((of(model.weight + moved) - of(model.weight - moved)).item() / (2 * step))
    np.testing.assert_allclose(gradient.flatten().numpy(), slopes, atol=2e-3)


@pytest.mark.parametrize("name", ["fdr", "reg"])
@pytest.mark.parametrize("alpha", [0.1, 1.0])
def test_swifts_comparisons_minimise_its_sum(name: str, alpha: float) -> None:
    model, data = tiny_vit(), batch()
    loss, outputs = prepared(name, model, alpha=alpha).loss(model, data)
    bias = bias_loss_named("equalized_odds")(outputs.logits.softmax(1)[:, 1], data["labels"], data["groups"] == 1)
    wanted = alpha * balanced_cross_entropy(outputs.logits, data["labels"]) + (1 - alpha) * bias.value
    torch.testing.assert_close(loss, wanted)
    assert bias.value > 1e-4
    assert method_named(name).views["train"] == View("fit" if name == "fdr" else "train", augmented=True)


def test_the_prediction_loss_alone_is_full_ft_rw_bit_for_bit() -> None:
    model, other = tiny_vit(), tiny_vit().requires_grad_(True)
    loss = prepared("fdr", model, alpha=1.0).loss(model, batch())[0]
    wanted = method_named("rw").loss(other, batch())[0]
    loss.backward()
    wanted.backward()
    assert torch.equal(loss, wanted)
    assert all(torch.equal(p.grad, q.grad) for p, q in zip(model.parameters(), other.parameters(), strict=True))


def test_a_comparison_without_a_cell_is_nothing_and_counted() -> None:
    """In training alone; the count survives a checkpoint."""
    model, data = tiny_vit(), batch()
    method = prepared("penalty", model, penalty=5.0)
    data["groups"] = torch.where(data["labels"] == 1, 0, data["groups"])
    method.loss(model, data)
    assert method.record().facts == {"prediction_weight": 1.0, "bias_weight": 5.0, "empty_cells": 1}
    data["groups"] = torch.zeros_like(data["groups"])
    loss, outputs = method.loss(model, data)
    assert torch.equal(loss, nn.functional.cross_entropy(outputs.logits, data["labels"]))
    assert method.state() == {"empty_cells": 3}
    with torch.no_grad():
        method.loss(model, data)
    again = prepared("penalty", model)
    again.load_state(method.state())
    assert again.state() == {"empty_cells": 3}


def test_findings_are_compared_where_they_are_known() -> None:
    model, data = tiny_vit(num_labels=3), several(60, findings=True)
    method = method_named("penalty", bias_loss="statistical_parity")
    method.prepare(model, Facts.of(model, {"train": data}))
    rows = data[:]
    loss, outputs = method.loss(model, rows)
    p, gaps = outputs.logits.sigmoid(), []
    for c in range(3):
        known = ~rows["labels"][:, c].isnan()
        one, other = (p[known & (rows["groups"] == g), c].mean() for g in (0, 1))
        gaps.append((one - other).abs())
    torch.testing.assert_close(loss, CrossEntropy()(outputs.logits, rows["labels"]) + torch.stack(gaps).mean())


def test_bad_input() -> None:
    with pytest.raises(FairTuneError, match=r"the losses of penalty have the weights \(1.0, -1.0\); give 0 or more"):
        method_named("penalty", penalty=-1.0)
    with pytest.raises(FairTuneError, match="`odds` is not one of the losses"):
        method_named("penalty", bias_loss="odds")
    with pytest.raises(FairTuneError, match="`alpha` is 2; give a weight from 0 to 1"):
        method_named("fdr", alpha=2.0)
    with pytest.raises(FairTuneError, match="`label_smoothing_factor` is 0.1, but the losses of the method 'reg'"):
        method_named("reg", cross_entropy=CrossEntropy(0.1))
    with pytest.raises(FairTuneError, match="penalty compares groups, but the training data have 1; name groups"):
        prepared("penalty", tiny_vit(), 1)
    with pytest.raises(FairTuneError, match="penalty knows no groups yet"):
        method_named("penalty").loss(tiny_vit(), batch())
