"""Group-aware SAM against its equation; SAM with one group and plain with no radius; which group is the worst off."""

from typing import Any

import pytest
import torch
from torch import nn

from hf_fairtune.errors import FairTuneError
from hf_fairtune.methods.facts import Facts
from hf_fairtune.methods.groupsam import GroupSam
from hf_fairtune.methods.method import Method
from hf_fairtune.methods.sam import Sam
from tests.conftest import table, tiny_vit

Batch = dict[str, torch.Tensor]


class Stock:
    """Forward, loss and backward."""

    def __init__(self, method: Method) -> None:
        self.method, self.passes = method, 0

    def stock_step(self, model: Any, batch: Batch) -> torch.Tensor:
        self.passes += 1
        loss = self.method.loss(model, batch)[0]
        loss.backward()
        return loss.detach()


def prepared(names: tuple[str, ...] = ("a", "b"), **flags: Any) -> tuple[GroupSam, Any]:
    method, model = GroupSam(**flags), tiny_vit(1).double()
    method.prepare(model, Facts(names))
    return method, model


def batch(groups: list[int], seed: int = 0) -> Batch:
    pixels = torch.randn(6, 3, 16, 16, generator=torch.Generator().manual_seed(seed)).double()
    return {"pixel_values": pixels, "labels": torch.arange(6) % 2, "groups": torch.tensor(groups)}


def gradient(model: nn.Module) -> torch.Tensor:
    return torch.cat([p.grad.flatten() for p in model.parameters()])


def summed(model: Any, data: Batch, rows: torch.Tensor) -> torch.Tensor:
    """Return the gradient of some rows' losses, one by one, over the number of all rows."""
    model.zero_grad()
    for i in rows.nonzero().flatten().tolist():
        logits = model(pixel_values=data["pixel_values"][i : i + 1]).logits
        (nn.functional.cross_entropy(logits, data["labels"][i : i + 1]) / len(rows)).backward()
    return gradient(model)


def mean_loss(model: Any, data: Batch, rows: torch.Tensor) -> float:
    logits = model(pixel_values=data["pixel_values"]).logits
    return float(nn.functional.cross_entropy(logits[rows], data["labels"][rows]).detach())


def test_the_gradient_is_that_of_the_others_here_and_of_the_worst_where_it_climbs() -> None:
    method, model = prepared(rho=0.3)
    data = batch([0, 0, 1, 1, 1, 0])
    before = [p.detach().clone() for p in model.parameters()]
    stock = Stock(method)
    loss = method.step(stock, model, data)
    found = gradient(model)
    assert stock.passes == 3
    assert all(torch.equal(p, w) for p, w in zip(model.parameters(), before, strict=True))
    by_group = [mean_loss(model, data, data["groups"] == group) for group in (0, 1)]
    worst = data["groups"] == by_group.index(max(by_group))
    others, direction = summed(model, data, ~worst), summed(model, data, worst)
    step, place = 0.3 * direction / direction.norm(), 0
    with torch.no_grad():
        for p in model.parameters():
            p.add_(step[place : place + p.numel()].view_as(p))
            place += p.numel()
    torch.testing.assert_close(found, others + summed(model, data, worst), rtol=1e-5, atol=1e-7)
    assert float(loss) == pytest.approx(sum(by_group) / 2)


def test_the_worst_has_the_highest_running_mean() -> None:
    method, model = prepared(("a", "b", "c"), memory=0.75)
    wanted, worst = dict[int, float](), [0, 0, 0]
    for seed, groups in enumerate(([0, 0, 0, 1, 1, 1], [2] * 6, [0, 0, 2, 2, 2, 2], [1, 1, 1, 1, 1, 1])):
        data = batch(groups, seed)
        for group in set(groups):
            loss = mean_loss(model, data, data["groups"] == group)
            wanted[group] = 0.75 * wanted[group] + 0.25 * loss if group in wanted else loss
        worst[max(wanted, key=lambda group: wanted[group])] += 1
        model.zero_grad()
        method.step(Stock(method), model, data)
        assert all(p.grad.isfinite().all() for p in model.parameters())
    assert method.losses.tolist() == pytest.approx([wanted[group] for group in range(3)], rel=1e-5)
    assert method.record().facts == {f"batches_of_{name}": n for name, n in zip("abc", worst, strict=True)}
    assert len({*worst}) > 1


def test_of_one_group_it_is_sam_bit_for_bit() -> None:
    method, model = prepared(("all",), rho=0.2)
    other = tiny_vit(1).double()
    data = batch([0] * 6)
    losses = [method.step(Stock(method), model, data), Sam(rho=0.2).step(Stock(Sam(rho=0.2)), other, data)]
    assert torch.equal(*losses)
    assert torch.equal(gradient(model), gradient(other))


def test_without_a_radius_it_is_plain_bit_for_bit() -> None:
    method, model = prepared(rho=0.0)
    other, data = tiny_vit(1).double(), batch([0, 1, 0, 1, 1, 1])
    stock = Stock(method)
    method.step(stock, model, data)
    Stock(Method()).stock_step(other, data)
    assert stock.passes == 1
    assert torch.equal(gradient(model), gradient(other))


def test_running_statistics_see_a_batch_once() -> None:
    torch.manual_seed(0)

    class Normed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm, self.head = nn.BatchNorm2d(3).double(), nn.Linear(3, 2).double()

        def forward(self, pixel_values: torch.Tensor) -> Any:
            return type("Outputs", (), {"logits": self.head(self.norm(pixel_values).square().mean((2, 3)))})

    method, model, data = GroupSam(), Normed(), batch([0, 1, 0, 1, 0, 1])
    method.prepare(model, Facts(("a", "b")))
    method.step(Stock(method), model, data)
    torch.testing.assert_close(model.norm.running_mean, 0.1 * data["pixel_values"].mean((0, 2, 3)))
    assert model.norm.momentum == 0.1


def test_bad_input() -> None:
    with pytest.raises(FairTuneError, match="`rho` is -1; give 0 or more"):
        GroupSam(rho=-1)
    with pytest.raises(FairTuneError, match="`memory` is 1; give a share from 0 to below 1"):
        GroupSam(memory=1)
    with pytest.raises(FairTuneError, match="groupsam needs a column `groups`"):
        GroupSam().prepare(tiny_vit(1), Facts.of(tiny_vit(1), {"train": table().remove_columns("groups")}))
