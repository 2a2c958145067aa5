"""Every file of `methods/` keeps the contract, and so does each step of a method that has steps."""

import json
from typing import Any

import optuna
import pytest
import torch

from hf_fairtune import catalog
from hf_fairtune.methods.method import Method, method_named
from tests.conftest import table, tiny_vit

NAMES = catalog.names("methods")


def drawn(name: str) -> Method:
    """Return the method by name, its mask drawn if it searches one."""
    return method_named(name).suggest(optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0)).ask(), 3)


def steps(name: str) -> list[Method]:
    """Return what is trained one after another: the method, or its steps, measured on a small table."""
    method = drawn(name)
    return method.measure(tiny_vit(), table()).stages() if method.stages() else [method]


STEPS = [(name, i) for name in NAMES for i in range(max(1, len(drawn(name).stages())))]
each_step = pytest.mark.parametrize(("name", "i"), STEPS)


def batch(labels: list[int], groups: list[int]) -> dict[str, torch.Tensor]:
    """Four images."""
    pixels = torch.randn(4, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    return {"pixel_values": pixels, "labels": torch.tensor(labels), "groups": torch.tensor(groups)}


@pytest.mark.parametrize("name", NAMES)
def test_head_and_something_is_trained(name: str) -> None:
    model = tiny_vit()
    trained: set[str] = set()
    for step in steps(name):
        model = step.prepare(model)
        trained |= {n for n, p in model.named_parameters() if p.requires_grad}
    assert any("classifier" in n for n in trained)
    assert name in ("fairtune",) or any("classifier" not in n for n in trained)


@each_step
def test_two_updates_move_exactly_what_is_trained(name: str, i: int) -> None:
    method = steps(name)[i]
    model: Any = method.prepare(tiny_vit())
    trained = {n for n, p in model.named_parameters() if p.requires_grad}
    before = {n: p.detach().clone() for n, p in model.named_parameters()}
    data = batch([0, 1, 0, 1], [0, 0, 1, 1])
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-2, weight_decay=0.1)
    # Two, as a head that starts at zero has no gradient in its bias at first.
    for _ in range(2):
        optimizer.zero_grad()
        method.loss(model(pixel_values=data["pixel_values"]), data).backward()
        optimizer.step()
    assert {n for n, p in model.named_parameters() if not torch.equal(p, before[n])} == trained


@each_step
@pytest.mark.parametrize("labels", [[0, 0, 0, 1], [0, 1, 1, 1]])
@pytest.mark.parametrize("groups", [[0, 0, 0, 0], [0, 1, 0, 1]])
def test_the_loss_is_finite_when_a_batch_lacks_a_cell(name: str, i: int, labels: list[int], groups: list[int]) -> None:
    method = steps(name)[i]
    model: Any = method.prepare(tiny_vit())
    loss = method.loss(model(pixel_values=batch(labels, groups)["pixel_values"]), batch(labels, groups))
    loss.backward()
    assert torch.isfinite(loss)
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)


@pytest.mark.parametrize("name", NAMES)
def test_name_citation_and_json(name: str) -> None:
    method = drawn(name)
    assert method.name == name
    assert method.citation
    again = method_named(name, **json.loads(json.dumps(method.to_dict())))
    assert again.to_dict() == method.to_dict()


@pytest.mark.parametrize("name", NAMES)
def test_one_trial_gives_one_method(name: str) -> None:
    trial = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0)).ask()
    assert method_named(name).suggest(trial, 3) == method_named(name).suggest(trial, 3)


@pytest.mark.parametrize("name", NAMES)
def test_steps_have_names_of_their_own(name: str) -> None:
    found = [step.step for step in drawn(name).stages()]
    assert len(set(found)) == len(found)
    assert drawn(name).stages() or drawn(name).step == name
