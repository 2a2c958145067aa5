"""SAM against its equations: the gradient at the climbed weights; weights, statistics and accumulation kept."""

from typing import Any

import pytest
import torch
from torch import nn

from hf_fairtune.errors import FairTuneError
from hf_fairtune.methods.sam import Sam
from tests.conftest import tiny_vit


class Stock:
    """Forward, loss and backward."""

    def __init__(self, method: Sam) -> None:
        self.method, self.passes = method, 0

    def stock_step(self, model: Any, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        self.passes += 1
        loss = self.method.loss(model, batch)[0]
        loss.backward()
        return loss.detach()


def batch(seed: int = 0) -> dict[str, torch.Tensor]:
    pixels = torch.randn(6, 3, 16, 16, generator=torch.Generator().manual_seed(seed))
    return {"pixel_values": pixels, "labels": torch.arange(6) % 2, "groups": torch.zeros(6, dtype=torch.long)}


def gradients(model: nn.Module) -> list[torch.Tensor]:
    return [p.grad.clone() for p in model.parameters()]


def plain(model: nn.Module, data: dict[str, torch.Tensor]) -> list[torch.Tensor]:
    """Return the gradient at the weights as they are."""
    model.zero_grad()
    Stock(Sam()).stock_step(model, data)
    return gradients(model)


def test_the_gradient_is_that_of_the_climbed_weights() -> None:
    model, method = tiny_vit().double(), Sam(rho=0.3)
    data = {**batch(), "pixel_values": batch()["pixel_values"].double()}
    before = [p.detach().clone() for p in model.parameters()]
    stock = Stock(method)
    method.step(stock, model, data)
    found = gradients(model)
    assert stock.passes == 2
    assert all(torch.equal(p, w) for p, w in zip(model.parameters(), before, strict=True))
    at_w = plain(model, data)
    norm = sum(float((g**2).sum()) for g in at_w) ** 0.5
    with torch.no_grad():
        for parameter, gradient in zip(model.parameters(), at_w, strict=True):
            parameter.add_(0.3 * gradient / norm)
    for got, wanted in zip(found, plain(model, data), strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-5, atol=1e-7)


def test_without_a_radius_it_is_plain_bit_for_bit() -> None:
    model, method = tiny_vit(), Sam(rho=0)
    stock = Stock(method)
    loss = method.step(stock, model, batch())
    assert stock.passes == 1
    assert all(torch.equal(a, b) for a, b in zip(gradients(model), plain(tiny_vit(), batch()), strict=True))
    assert torch.equal(loss, method.loss(model, batch())[0].detach())


def test_gradients_of_earlier_batches_are_added_to() -> None:
    model, method = tiny_vit().double(), Sam(rho=0.1)
    data = [{**batch(i), "pixel_values": batch(i)["pixel_values"].double()} for i in (0, 1)]
    parts = []
    for one in data:
        model.zero_grad()
        method.step(Stock(method), model, one)
        parts.append(gradients(model))
    model.zero_grad()
    for one in data:
        method.step(Stock(method), model, one)
    for got, first, second in zip(gradients(model), *parts, strict=True):
        torch.testing.assert_close(got, first + second, rtol=1e-5, atol=1e-7)


def test_running_statistics_see_a_batch_once() -> None:
    torch.manual_seed(0)

    class Normed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm, self.head = nn.BatchNorm2d(3), nn.Linear(3, 2)

        def forward(self, pixel_values: torch.Tensor) -> Any:
            return type("Outputs", (), {"logits": self.head(self.norm(pixel_values).square().mean((2, 3)))})

    model, method = Normed(), Sam()
    method.step(Stock(method), model, batch())
    pixels = batch()["pixel_values"]
    torch.testing.assert_close(model.norm.running_mean, 0.1 * pixels.mean((0, 2, 3)))
    assert model.norm.momentum == 0.1


def test_bad_input() -> None:
    with pytest.raises(FairTuneError, match="`rho` is -1; give 0 or more"):
        Sam(rho=-1)
