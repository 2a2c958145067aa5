"""Every file of `methods/` keeps the contract, and so does each stage of a method that has several."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
import torch
from datasets import Dataset
from transformers import ViTForImageClassification

from hf_fairtune import catalog
from hf_fairtune.errors import FairTuneError
from hf_fairtune.methods.facts import Facts
from hf_fairtune.methods.method import Method, Needs, method_named
from tests.conftest import table, tiny_vit

NAMES = catalog.names("methods")


def facts(method: Method, data: Dataset | None = None, seed: int = 0) -> Facts:
    """Return the facts of a small table, which stands for every view."""
    return Facts.of(tiny_vit(), dict.fromkeys(method.views, table() if data is None else data), seed=seed)


def trial() -> optuna.Trial:
    return optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0)).ask()


def drawn(name: str) -> Method:
    """Return the method by name, with what a search draws."""
    method = method_named(name)
    return method.suggest(trial(), facts(method))


def prepared(name: str, i: int = 0) -> tuple[Method, Any]:
    """Return a stage and its model; the stages before it are prepared, but not trained."""
    whole, model = drawn(name), tiny_vit()
    for stage in whole.stages()[: i + 1]:
        model = stage.prepare(model, facts(whole))
    return stage, model


STAGES = [(name, i) for name in NAMES for i in range(len(drawn(name).stages()))]
each_stage = pytest.mark.parametrize(("name", "i"), STAGES)
each_method = pytest.mark.parametrize("name", NAMES)


def batch(labels: list[int], groups: list[int]) -> dict[str, torch.Tensor]:
    """Four images."""
    pixels = torch.randn(4, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    return {"pixel_values": pixels, "labels": torch.tensor(labels), "groups": torch.tensor(groups)}


def trained(model: Any) -> set[str]:
    return {n for n, p in model.named_parameters() if p.requires_grad}


@each_method
def test_the_head_is_trained(name: str) -> None:
    parts = [trained(prepared(name, i)[1]) for i in range(len(drawn(name).stages()))]
    assert all(parts)
    assert any("classifier" in n for part in parts for n in part)


@each_method
def test_a_single_stage_leaves_the_logits_until_its_first_step(name: str) -> None:
    if drawn(name).stages() != [drawn(name)]:
        return
    pixels = batch([0] * 4, [0] * 4)["pixel_values"]
    with torch.no_grad():
        assert torch.equal(prepared(name)[1](pixel_values=pixels).logits, tiny_vit()(pixel_values=pixels).logits)


@each_stage
def test_what_takes_a_mask_trains_everything(name: str, i: int) -> None:
    method, model = prepared(name, i)
    if method.takes_mask:
        assert trained(model) == {n for n, _ in model.named_parameters()}


@each_stage
def test_two_updates_move_exactly_what_is_trained(name: str, i: int) -> None:
    method, model = prepared(name, i)
    before = {n: p.detach().clone() for n, p in model.named_parameters()}
    data = batch([0, 1, 0, 1], [0, 0, 1, 1])
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-2, weight_decay=0.1)

    class Trainer:
        def stock_step(self, model: Any, batch: dict[str, torch.Tensor]) -> torch.Tensor:
            loss = method.loss(model, batch)[0]
            loss.backward()
            return loss.detach()

    # Two, as a head that starts at zero has no gradient in its bias at first.
    for _ in range(2):
        optimizer.zero_grad()
        method.step(Trainer(), model, data)
        optimizer.step()
    assert {n for n, p in model.named_parameters() if not torch.equal(p, before[n])} == trained(model)


@each_stage
@pytest.mark.parametrize("labels", [[0, 0, 0, 1], [0, 1, 1, 1]])
@pytest.mark.parametrize("groups", [[0, 0, 0, 0], [0, 1, 0, 1], [1, 1, 1, 1]])
def test_the_loss_is_finite_when_a_batch_lacks_a_cell(name: str, i: int, labels: list[int], groups: list[int]) -> None:
    method, model = prepared(name, i)
    loss, outputs = method.loss(model, batch(labels, groups))
    loss.backward()
    assert torch.isfinite(loss)
    assert outputs.logits.shape == (4, 2)
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)


@each_method
def test_hyper_parameters_survive_json(name: str) -> None:
    method = drawn(name)
    assert method_named(name, **json.loads(json.dumps(method.hyperparameters()))) == method
    assert set(method.hyperparameters()) == {entry.name for entry in method.flags()}
    assert all(entry.metadata["help"] for entry in method.flags())


@each_method
def test_one_trial_gives_one_method(name: str) -> None:
    one, method = trial(), method_named(name)
    first, second = (method.suggest(one, facts(method)) for _ in range(2))
    assert first == second
    fixed = optuna.trial.FixedTrial(one.params, one.number)
    assert method.suggest(fixed, facts(method)) == first


@each_method
def test_presets_are_trials(name: str) -> None:
    method, study = method_named(name), optuna.create_study()
    for preset in method.presets(facts(method)):
        study.enqueue_trial(preset.params)
        asked = study.ask()
        method.suggest(asked, facts(method))
        assert asked.params == preset.params
        assert 0 <= preset.rate <= 1


@each_method
def test_a_method_that_draws_its_rows_says_so(name: str) -> None:
    assert drawn(name).rows(table()) is None or drawn(name).own_rows()


@each_method
def test_title_citation_and_needs(name: str) -> None:
    method = drawn(name)
    assert method.name == name
    assert method.title
    assert method.citation.startswith("@")
    assert method.citation.count("{") == method.citation.count("}")
    assert isinstance(method.needs, Needs)
    assert method.views["train"].augmented


@each_method
def test_stages_have_names_of_their_own(name: str) -> None:
    names = [stage.stage for stage in drawn(name).stages()]
    assert len(set(names)) == len(names) > 0
    assert len(names) > 1 or names == [name]


@each_stage
def test_state_survives_json_and_comes_back(name: str, i: int) -> None:
    method, model = prepared(name, i)
    method.loss(model, batch([0, 1, 1, 1], [0, 0, 0, 1]))[0].backward()
    state = json.loads(json.dumps(method.state()))
    other, _ = prepared(name, i)
    other.load_state(state)
    assert other.state() == method.state()


@each_method
def test_a_finished_model_is_stored_and_loaded_with_the_same_logits(name: str, tmp_path: Path) -> None:
    method, model = prepared(name, len(drawn(name).stages()) - 1)
    method.finish(model)
    plain = model.merge_and_unload() if hasattr(model, "merge_and_unload") else model
    plain.save_pretrained(tmp_path)
    pixels = batch([0] * 4, [0] * 4)["pixel_values"]
    with torch.no_grad():
        wanted = plain.eval()(pixel_values=pixels).logits
        again = ViTForImageClassification.from_pretrained(tmp_path).eval()(pixel_values=pixels).logits
    assert torch.equal(wanted, again)


@each_stage
def test_the_record_is_typed(name: str, i: int) -> None:
    method, model = prepared(name, i)
    method.loss(model, batch([0, 1, 1, 1], [0, 0, 0, 1]))
    method.finish(model)
    record = method.record()
    assert all(isinstance(value, (str, int, float, bool)) for value in record.facts.values())
    assert not any(isinstance(value, np.generic) for value in record.facts.values())
    json.dumps(record.facts)


@each_method
def test_every_knob_is_drawn_and_starts_at_its_default(name: str) -> None:
    method = method_named(name)
    tuned = method.tuned(*method.knobs())
    for preset in tuned.presets(facts(tuned)) if method.knobs() else []:
        study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
        study.enqueue_trial(preset.params)
        assert tuned.suggest(study.ask(), facts(tuned)) == method.suggest(study.ask(), facts(method))
        found = tuned.suggest(study.ask(), facts(tuned))
        assert {n for n, v in found.hyperparameters().items() if v != method.hyperparameters()[n]} == {*method.knobs()}


@each_method
def test_a_name_that_is_no_knob_is_refused(name: str) -> None:
    with pytest.raises(FairTuneError, match="no knob"):
        method_named(name).tuned("no_such")
