"""Every file of `methods/` keeps the contract."""

import json
from typing import Any

import optuna
import pytest
import torch

from hf_fairtune import catalog
from hf_fairtune.methods.method import Method, method_named
from tests.conftest import tiny_vit

NAMES = catalog.names("methods")


def ready(name: str) -> Method:
    """Return the method by name, its mask drawn if it has one."""
    method = method_named(name)
    return method.suggest(optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0)).ask(), 3)


def batch(labels: list[int]) -> dict[str, torch.Tensor]:
    """Four images, all of one group."""
    pixels = torch.randn(4, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    return {"pixel_values": pixels, "labels": torch.tensor(labels), "groups": torch.zeros(4, dtype=torch.long)}


@pytest.mark.parametrize("name", NAMES)
def test_head_and_something_is_trained(name: str) -> None:
    model = ready(name).prepare(tiny_vit())
    trained = [n for n, p in model.named_parameters() if p.requires_grad]
    assert any("classifier" in n for n in trained)


@pytest.mark.parametrize("name", NAMES)
def test_a_step_moves_exactly_what_is_trained(name: str) -> None:
    method = ready(name)
    model: Any = method.prepare(tiny_vit())
    trained = {n for n, p in model.named_parameters() if p.requires_grad}
    before = {n: p.detach().clone() for n, p in model.named_parameters()}
    data = batch([0, 1, 0, 1])
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-2, weight_decay=0.1)
    method.loss(model(pixel_values=data["pixel_values"]), data).backward()
    optimizer.step()
    assert {n for n, p in model.named_parameters() if not torch.equal(p, before[n])} == trained


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("labels", [[0, 0, 0, 0], [0, 1, 1, 1]])
def test_the_loss_is_finite_when_a_batch_lacks_a_group_or_class(name: str, labels: list[int]) -> None:
    method = ready(name)
    model: Any = method.prepare(tiny_vit())
    loss = method.loss(model(pixel_values=batch(labels)["pixel_values"]), batch(labels))
    loss.backward()
    assert torch.isfinite(loss)
    assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())


@pytest.mark.parametrize("name", NAMES)
def test_name_citation_and_json(name: str) -> None:
    method = ready(name)
    assert method.name == name
    assert method.citation
    again = method_named(name, **json.loads(json.dumps(method.to_dict())))
    assert again.to_dict() == method.to_dict()


@pytest.mark.parametrize("name", NAMES)
def test_one_trial_gives_one_method(name: str) -> None:
    trial = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0)).ask()
    assert method_named(name).suggest(trial, 3) == method_named(name).suggest(trial, 3)
