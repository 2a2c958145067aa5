"""Methods that change which weights move: a random start, biases, low-rank adapters; each on ViT and on a CNN."""

from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from torch import nn
from transformers import TrainerCallback, ViTForImageClassification

from hf_fairtune import FairTrainer
from hf_fairtune.errors import FairTuneError
from hf_fairtune.methods.facts import Facts
from hf_fairtune.methods.method import method_named
from hf_fairtune.methods.scratch import random_copy
from tests import classifiers
from tests.conftest import table, tiny_vit
from tests.trainer.test_fair import arguments

KINDS = {"vit": classifiers.vit, "resnet": classifiers.resnet, "mobilenet": classifiers.mobilenet}
SIZES = {"vit": 16, "resnet": 32, "mobilenet": 32}


def prepared(name: str, kind: str, **flags: Any) -> Any:
    model = KINDS[kind](3)[0]
    return method_named(name, **flags).prepare(model, Facts.of(model, {}))


def stepped(model: Any, size: int) -> None:
    """Take two steps on noise."""
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-2, weight_decay=0.1)
    model.train()
    for seed in (0, 1):
        pixels = torch.randn(6, 3, size, size, generator=torch.Generator().manual_seed(seed))
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(pixel_values=pixels).logits, torch.arange(6) % 3).backward()
        optimizer.step()
    model.eval()


class Starts(TrainerCallback):
    """Keeps the weights before the first step of each training."""

    def __init__(self) -> None:
        self.found: list[dict[str, torch.Tensor]] = []

    def on_step_begin(self, args: Any, state: Any, control: Any, **objects: Any) -> None:
        if state.global_step == 0:
            self.found.append({name: values.clone() for name, values in objects["model"].state_dict().items()})


def test_scratch_starts_each_trial_and_the_training_from_the_same_random_weights(tmp_path: Path) -> None:
    starts, args = Starts(), arguments(tmp_path, num_train_epochs=1, warmup_steps=0, seed=7)
    data = {"train_dataset": table(), "eval_dataset": table(64, 1)}
    run = FairTrainer(
        args=args, model_init=lambda: tiny_vit(), method=method_named("scratch"), callbacks=[starts], **data
    )
    run.hyperparameter_search(n_trials=2)
    run.train()
    wanted = random_copy(tiny_vit(), 7).state_dict()
    assert len(starts.found) == 3
    assert all(torch.equal(found[name], values) for found in starts.found for name, values in wanted.items())
    assert not torch.equal(wanted["classifier.weight"], random_copy(tiny_vit(), 8).state_dict()["classifier.weight"])
    assert run.training_log.steps[0].facts == {"start": "random weights"}


def test_a_random_copy_leaves_chance_as_it_is() -> None:
    model, before = tiny_vit(), torch.get_rng_state()
    random_copy(model, 1)
    assert torch.equal(torch.get_rng_state(), before)


def test_scratch_needs_a_config() -> None:
    with pytest.raises(FairTuneError, match=r"builds a Linear a second time by its config, which it lacks"):
        method_named("scratch").prepare(nn.Linear(2, 2), Facts())


@pytest.mark.parametrize("kind", KINDS)
def test_bitfit_moves_biases_and_the_head_bit_for_bit(kind: str) -> None:
    model = prepared("bitfit", kind)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    stepped(model, SIZES[kind])
    moved = {name for name, p in model.named_parameters() if not torch.equal(p, before[name])}
    wanted = {name for name in before if name.endswith(".bias") or name.startswith("classifier.")}
    assert moved == wanted
    assert before.keys() - wanted


def test_bitfit_of_some_parts() -> None:
    model = prepared("bitfit", "vit", biases="attention, mlp")
    trained = {name for name, p in model.named_parameters() if p.requires_grad}
    inside = {n for n in trained if ".attention." in n or ".mlp." in n}
    assert len(inside) == 3 * (4 + 2)
    assert trained - inside == {"classifier.weight", "classifier.bias"}


@pytest.mark.parametrize(("kind", "adapted"), [("vit", "attention"), ("resnet", "convolution")])
def test_lora_is_merged_exactly_and_moves_nothing_else(kind: str, adapted: str, tmp_path: Path) -> None:
    model, method = KINDS[kind](3)[0], method_named("lora", rank=2, lora_alpha=4)
    state = {name: values.clone() for name, values in model.state_dict().items()}
    tuned = method.prepare(model, Facts.of(model, {}))
    trained = {name for name, p in tuned.named_parameters() if p.requires_grad}
    assert {name for name in trained if "lora_" not in name} == {
        f"base_model.model.{head}.modules_to_save.default.{part}"
        for head in ("classifier" if kind == "vit" else "classifier.1",)
        for part in ("weight", "bias")
    }
    assert str(method.record().facts["adapted"]).endswith(f" {adapted} layers")
    stepped(tuned, SIZES[kind])
    pixels = torch.randn(2, 3, SIZES[kind], SIZES[kind], generator=torch.Generator().manual_seed(9))
    with torch.no_grad():
        wanted = tuned(pixel_values=pixels).logits
    tuned.save_pretrained(tmp_path)
    merged = tuned.merge_and_unload()
    with torch.no_grad():
        torch.testing.assert_close(merged(pixel_values=pixels).logits, wanted, rtol=1e-4, atol=1e-5)
    plain, start = dict(merged.named_parameters()), KINDS[kind](3)[0]
    changed = {name for name, values in plain.items() if not torch.equal(values, state[name])}
    targets = len([name for name in trained if "lora_A" in name])
    assert len(changed) == targets + 2
    assert method.record().facts["adapted"] == f"{targets} {adapted} layers"
    assert all(torch.equal(values, state[name]) for name, values in merged.named_buffers())
    with torch.no_grad():
        again = PeftModel.from_pretrained(start, tmp_path).eval()(pixel_values=pixels).logits
    torch.testing.assert_close(again, wanted, rtol=1e-4, atol=1e-5)


def test_lora_handed_over(tmp_path: Path) -> None:
    """As adapter and as merged model, of equal logits."""
    run = FairTrainer(
        tiny_vit(), arguments(tmp_path), method=method_named("lora"), train_dataset=table(), eval_dataset=table(64, 1)
    )
    run.train()
    pixels = table()[:4]["pixel_values"]
    with torch.no_grad():
        wanted = run.model.eval()(pixel_values=pixels).logits
        run.model.save_pretrained(tmp_path / "adapter")
        adapted = PeftModel.from_pretrained(tiny_vit(), tmp_path / "adapter").eval()(pixel_values=pixels).logits
        run.model.merge_and_unload().save_pretrained(tmp_path / "merged")
        merged = ViTForImageClassification.from_pretrained(tmp_path / "merged").eval()(pixel_values=pixels).logits
    torch.testing.assert_close(adapted, wanted)
    torch.testing.assert_close(merged, wanted)


@pytest.mark.parametrize(
    ("name", "kind", "flags", "message"),
    [
        ("bitfit", "vit", {"biases": "attention,conv"}, "`biases` names 'conv'; choose all, or of attention"),
        ("bitfit", "resnet", {"biases": "convolution"}, "convolution of this model have no bias"),
        ("lora", "vit", {"rank": 0}, "`rank` is 0; give 1 or more"),
        ("lora", "vit", {"lora_dropout": 1.0}, "`lora_dropout` is 1; give a share from 0"),
        ("lora", "mobilenet", {}, "`mobilenet_v2` has no attention or convolution that PEFT can"),
    ],
)
def test_what_does_not_fit_is_refused(name: str, kind: str, flags: dict[str, Any], message: str) -> None:
    with pytest.raises(FairTuneError, match=message):
        prepared(name, kind, **flags)
