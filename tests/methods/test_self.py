"""SELF: rows held out and chosen, by hand; the head alone is tuned; nothing that the first training draws changes."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from datasets import Dataset
from scipy.stats import entropy
from transformers import TrainerCallback

from hf_fairtune.errors import FairTuneError
from hf_fairtune.methods.chosen_rows import ChosenRows
from hf_fairtune.methods.facts import Facts
from hf_fairtune.methods.logits import logits_of
from hf_fairtune.methods.method import method_named
from hf_fairtune.methods.self import Self, disagreement, held_out
from hf_fairtune.methods.view_sampler import ViewSampler
from hf_fairtune.trainer.fair import FairTrainer
from tests.conftest import table, tiny_vit
from tests.trainer.test_fair import arguments


@pytest.mark.parametrize("classes", [2, 4])
def test_the_disagreement_is_scipys_relative_entropy(classes: int) -> None:
    draw = torch.Generator().manual_seed(0)
    early, final = torch.randn(2, 7, classes, generator=draw, dtype=torch.float64) * 3
    p, q = early.softmax(1).numpy(), final.softmax(1).numpy()
    np.testing.assert_allclose(disagreement(early, final, False).numpy(), entropy(p, q, axis=1), rtol=1e-9)
    p, q = early.sigmoid().numpy(), final.sigmoid().numpy()
    wanted = entropy(np.stack([p, 1 - p]), np.stack([q, 1 - q])).sum(1)
    np.testing.assert_allclose(disagreement(early, final, True).numpy(), wanted, rtol=1e-9)
    assert not disagreement(early, early, True).any()


def test_clusters_are_held_out_whole() -> None:
    data = Dataset.from_dict({"labels": [0] * 12, "cluster": [*"aabbccddeeff"]})
    rows = held_out(data, 0.5, seed=1)
    assert len(rows) == 6
    assert {*Counter(np.array(data["cluster"])[rows].tolist()).values()} == {2}
    assert rows.tolist() == held_out(data, 0.5, seed=1).tolist()
    assert any(held_out(data, 0.5, seed=1).tolist() != held_out(data, 0.5, seed=s).tolist() for s in (2, 3))
    with pytest.raises(FairTuneError, match="`held_out` 0.01 of 6 leaves nothing on one side"):
        held_out(data, 0.01, seed=1)


def test_chosen_rows_come_in_the_order_of_the_sampler_within() -> None:
    rows = np.array([3, 5, 8])
    sampler, order = ChosenRows(rows, ViewSampler(3, 1, 0)), ViewSampler(3, 1, 0)
    for epoch in (0, 1, 2):
        sampler.set_epoch(epoch)
        order.set_epoch(epoch)
        assert list(sampler) == [int(rows[i]) for i in order]
    assert len(sampler) == 3


class Steps(TrainerCallback):
    """Keeps the weights of a step of the first training, and those at its end."""

    def __init__(self, step: int) -> None:
        self.step, self.found = step, list[dict[str, torch.Tensor]]()

    def on_step_end(self, args: Any, state: Any, control: Any, **objects: Any) -> None:
        if len(self.found) < 2 and state.global_step in (self.step, state.max_steps):
            self.found.append({name: values.clone() for name, values in objects["model"].state_dict().items()})


def trained(folder: Path, method: Any, data: Dataset, *callbacks: Any) -> FairTrainer:
    args = arguments(folder, learning_rate=1e-2, warmup_steps=0, num_train_epochs=5)
    run = FairTrainer(
        tiny_vit(1), args, method=method, train_dataset=data, eval_dataset=table(64, 1), callbacks=[*callbacks]
    )
    run.train()
    return run


def model_with(weights: dict[str, torch.Tensor]) -> Any:
    model = tiny_vit(1)
    model.load_state_dict(weights)
    return model


def test_the_head_is_tuned_on_what_early_and_final_model_say_differently(tmp_path: Path) -> None:
    """The early model is that of the 4th step of 15; of the rest the weights are those of full fine-tuning on it."""
    data, steps = table(60), Steps(4)
    run = trained(tmp_path, Self(early=0.3, points=6), data, steps)
    early, final = (model_with(weights) for weights in steps.found)
    held = held_out(data, 0.2, run.args.seed)
    assert len(held) == 12
    logits = [logits_of(model, data.select(held)) for model in (early, final)]
    p, q = (values.softmax(1).numpy() for values in logits)
    most = held[np.argsort(-entropy(p, q, axis=1))[:6]]
    model_stage, head = run.method.stages()
    head.known.logits = logits[0].tolist()  # type: ignore[attr-defined]
    head.prepare(model_with(steps.found[1]), run.facts)
    assert sorted(head.chosen) == sorted(most)  # type: ignore[attr-defined]
    assert set(head.rows(data) or ()) <= {*most.tolist()}
    labels = np.array(data["labels"])[most]
    facts = run.training_log.steps[1].facts
    assert facts == {"held_out": 12, "chosen": f"{(labels == 0).sum()} + {(labels == 1).sum()}"}
    model_stage.prepare(tiny_vit(1), run.facts)
    assert sorted(model_stage.rows(data) or ()) == sorted({*range(60)} - {*held.tolist()})
    for name, values in run.model.state_dict().items():
        assert torch.equal(values, steps.found[1][name]) == (not name.startswith("classifier."))


def test_the_early_model_is_asked_without_a_trace(tmp_path: Path) -> None:
    """Whenever it is asked, the first training ends with the same weights, dropout's draws included."""
    ends = []
    for share in (0.1, 0.9):
        steps = Steps(0)
        model = tiny_vit(1)
        for module in model.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.3
        args = arguments(tmp_path / str(share), learning_rate=1e-2, num_train_epochs=2)
        run = FairTrainer(
            model, args, method=Self(early=share), train_dataset=table(), eval_dataset=table(), callbacks=[steps]
        )
        run.train()
        ends.append(steps.found[0])
    assert all(torch.equal(values, ends[1][name]) for name, values in ends[0].items())


class Stop(TrainerCallback):
    """Stops each training after its first step."""

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        control.should_training_stop = True


def test_of_a_training_that_is_stopped_before_the_last_model_is_the_early_one(tmp_path: Path) -> None:
    run = trained(tmp_path, Self(early=0.9), table(), Stop())
    assert [step.batches for step in run.training_log.steps] == [1, 1]
    assert run.training_log.steps[1].facts["held_out"] == 10


def test_classes_are_drawn_equally_often() -> None:
    labels = np.array([0] * 57 + [1] * 3)
    data = table(60).with_format(None).remove_columns("labels").add_column("labels", labels)
    head = Self().stages()[1]
    head.chosen = np.arange(30, 60)  # type: ignore[attr-defined]
    sampler = head.rows(data)
    assert isinstance(sampler, ChosenRows)
    seen = Counter[int]()
    for epoch in range(40):
        sampler.set_epoch(epoch)
        seen.update(labels[list(sampler)].tolist())
    assert 0.45 < seen[1] / (40 * 30) < 0.55


def test_bad_input() -> None:
    for name in ("early", "held_out"):
        with pytest.raises(FairTuneError, match=f"`{name}` is 1; give a share between 0 and 1"):
            method_named("self", **{name: 1.0})
    with pytest.raises(FairTuneError, match="`points` is 0; give 1 or more"):
        Self(points=0)
    with pytest.raises(FairTuneError, match="`head_learning_rate` is -1; give 0 or more"):
        Self(head_learning_rate=-1)
    with pytest.raises(FairTuneError, match="holds training rows out, but they are a list; give a"):
        Self().stages()[0].prepare(tiny_vit(1), Facts(rows={"measured": [table()[0]]}))  # type: ignore[dict-item]
    head = Self().stages()[1]
    head.prepare(tiny_vit(1), Facts())
    with pytest.raises(FairTuneError, match="self knows no early model"):
        head.rows(table())
