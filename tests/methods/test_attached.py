"""What is attached to a head: plain without weight, kept by checkpoints, gone at the end; where it is refused."""

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch import nn
from transformers import ViTForImageClassification

from hf_fairtune import FairTrainer
from hf_fairtune.errors import FairTuneError
from hf_fairtune.families.head import MULTI_LABEL, find_head
from hf_fairtune.families.precision import float32_head
from hf_fairtune.methods.adversarial import Adversary
from hf_fairtune.methods.attached import attached_to
from hf_fairtune.methods.facts import Facts
from hf_fairtune.methods.full import Full
from hf_fairtune.methods.method import method_named
from hf_fairtune.trainer.checkpoints import load_weights
from tests import classifiers
from tests.conftest import KilledError, table, tiny_vit
from tests.trainer.test_fair import arguments

from .game import batch, ends, equal, facts

# The weights that make each plain, and weights that leave no trace in float32.
PLAIN: dict[str, dict[str, float]] = {
    "laftr": {"fair_weight": 0},
    "cfair": {"fair_weight": 0},
    "lnl": {"entropy_weight": 0, "reversal_weight": 0},
    "end": {"alpha": 0, "beta": 0},
    "odr": {"entropy_weight": 0, "prior_weight": 0},
}
NAMES = [*PLAIN, "domainind"]


def test_without_weight_it_is_full_fine_tuning_bit_for_bit(tmp_path: Path) -> None:
    full, *others = ends(tmp_path, Full(), *(method_named(name, **PLAIN[name]) for name in PLAIN))
    assert [equal(full, other) for other in others] == [True] * len(PLAIN)


def test_almost_without_weight_too(tmp_path: Path) -> None:
    """So an adversary draws nothing of the training's own chance; its gradients alone would change the clipping."""
    methods = [method_named(name, **dict.fromkeys(PLAIN[name], 1e-30)) for name in ("laftr", "cfair", "lnl", "end")]
    full, *others = ends(tmp_path, Full(), *methods, max_grad_norm=0)
    assert [equal(full, other) for other in others] == [True] * len(methods)


@pytest.mark.parametrize("name", NAMES)
def test_preparing_again_changes_nothing(name: str) -> None:
    """Also where another method left something: it is as if it had been finished."""
    method, model = method_named(name), tiny_vit()
    wanted = {n: v.clone() for n, v in method.prepare(model, facts(seed=4)).state_dict().items()}
    assert equal(method.prepare(model, facts(seed=4)).state_dict(), wanted)
    for other in NAMES:
        method_named(other).prepare(model, facts(seed=4))
        assert sum(isinstance(one, type(attached_to(model))) for one in model.modules()) == 1
    assert equal(method.prepare(model, facts(seed=4)).state_dict(), wanted)
    method.finish(model)
    assert equal(model.state_dict(), tiny_vit().state_dict())
    assert not model.classifier._forward_hooks


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["vit", "resnet", "mobilenet"])
def test_it_trains_several_families_and_their_checkpoints_hold_it(name: str, kind: str, tmp_path: Path) -> None:
    """A copy of the model is a training of its own; saved and loaded, the attached module is as it was."""
    model, size = getattr(classifiers, kind)(2)[0], 16 if kind == "vit" else 32
    method, pixels = method_named(name), torch.randn(8, 3, size, size)
    rows = batch(n=8) | {"pixel_values": pixels}
    method.prepare(model, facts())
    other = copy.deepcopy(model)
    for one in (model, other):
        torch.manual_seed(0)
        optimizer = torch.optim.Adam(one.parameters(), lr=1e-2)
        method.loss(one, rows)[0].backward()
        optimizer.step()
    assert equal(model.state_dict(), other.state_dict())
    assert all(p.grad is not None for p in model.parameters())
    model.save_pretrained(tmp_path)
    again = method.prepare(getattr(classifiers, kind)(2)[0], facts(seed=1))
    load_weights(again, tmp_path)
    assert equal(again.state_dict(), model.state_dict())
    with torch.no_grad():
        before = model(pixel_values=pixels).logits
        method.finish(model)
        torch.testing.assert_close(model(pixel_values=pixels).logits, before, rtol=1e-5, atol=1e-6)
    assert model.state_dict().keys() == getattr(classifiers, kind)(2)[0].state_dict().keys()


@pytest.mark.parametrize("name", ["laftr", "domainind", "odr"])
def test_killed_in_an_epoch_and_resumed(name: str, tmp_path: Path) -> None:
    class Killed(FairTrainer):
        def training_step(self, *args: Any, **kwargs: Any) -> torch.Tensor:
            if self.state.global_step == 4:
                raise KilledError
            return super().training_step(*args, **kwargs)

    def trainer(folder: Path, kind: type[FairTrainer]) -> FairTrainer:
        data = {"train_dataset": table(), "eval_dataset": table(64, 1)}
        args = arguments(folder, learning_rate=1e-2, warmup_steps=0, average_last=1)
        return kind(model_init=lambda: tiny_vit(), args=args, method=method_named(name), **data)

    whole = trainer(tmp_path / "whole", FairTrainer)
    whole.train()
    with pytest.raises(KilledError):
        trainer(tmp_path / "killed", Killed).train()
    again = trainer(tmp_path / "killed", FairTrainer)
    again.train(resume_from_checkpoint=True)
    assert equal(whole.model.state_dict(), again.model.state_dict())
    again.model.save_pretrained(tmp_path / "saved")
    loaded, pixels = ViTForImageClassification.from_pretrained(tmp_path / "saved").eval(), batch()["pixel_values"]
    with torch.no_grad():
        assert torch.equal(loaded(pixel_values=pixels).logits, again.model.eval()(pixel_values=pixels).logits)


@pytest.mark.parametrize("name", NAMES)
def test_scores_in_half_precision_are_those_of_the_finished_model(name: str) -> None:
    method, model = method_named(name), tiny_vit().bfloat16()
    method.prepare(model, facts())
    method.loss(model, batch() | {"pixel_values": batch()["pixel_values"].bfloat16()})[0].backward()
    logits = []
    for _ in range(2):
        with torch.no_grad(), float32_head(model):
            logits.append(model(pixel_values=batch()["pixel_values"].bfloat16()).logits)
        method.finish(model)
    assert logits[0].dtype == torch.float32
    torch.testing.assert_close(logits[0], logits[1], rtol=0, atol=1e-2)


def test_the_adversarys_weights_are_the_seeds() -> None:
    """The same whatever was drawn before, and the state of chance stays."""
    state = torch.get_rng_state()
    one, other, third = (Adversary((8, 4, 2), seed, 1.0).state_dict() for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), state)
    assert equal(one, other)
    assert not any(torch.equal(one[name], third[name]) for name in one)


def test_the_head_is_found_as_before() -> None:
    """Also where the groups are as many as the classes."""
    model = tiny_vit()
    model.oddly_named, model.classifier = model.classifier, nn.Identity()
    model.forward = lambda pixel_values: type(  # type: ignore[method-assign,assignment]
        "Outputs", (), {"logits": model.oddly_named(model.vit(pixel_values).last_hidden_state[:, 0])}
    )
    method_named("cfair").prepare(model, facts())
    assert find_head(model) == "oddly_named"


@pytest.mark.parametrize("name", NAMES)
def test_a_peft_model_is_refused(name: str) -> None:
    model = get_peft_model(tiny_vit(), LoraConfig(target_modules=["q_proj"], modules_to_save=["classifier"]))
    with pytest.raises(FairTuneError, match="the model is a PEFT model, whose checkpoints hold only its adapter"):
        method_named(name).prepare(model, facts())


@pytest.mark.parametrize("name", PLAIN)
def test_one_group_is_refused(name: str) -> None:
    with pytest.raises(FairTuneError, match=f"{name} compares groups, but the training data have 1; name groups by"):
        method_named(name).prepare(tiny_vit(), facts(1))
    with pytest.raises(FairTuneError, match=f"{name} compares groups, but the training data have 0; name groups by"):
        method_named(name).prepare(tiny_vit(), Facts())


@pytest.mark.parametrize("name", PLAIN)
def test_a_negative_weight_is_refused(name: str) -> None:
    first = next(iter(PLAIN[name]))
    with pytest.raises(FairTuneError, match=f"`{first}` is -1; give 0 or more"):
        method_named(name, **{first: -1.0})


@pytest.mark.parametrize("name", ["laftr", "cfair", "end"])
def test_findings_are_refused_where_labels_are_compared(name: str) -> None:
    model = tiny_vit(num_labels=3)
    model.config.problem_type = MULTI_LABEL
    with pytest.raises(FairTuneError, match=f"{name} compares rows with the same label, but here a row has several"):
        method_named(name).prepare(model, facts())


class Convolved(nn.Module):
    """A head that is a 1x1 convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.classifier = nn.Conv2d(3, 2, 1)


class Mapped(nn.Module):
    """A head that reads every pixel, and whose logits are then averaged."""

    def __init__(self) -> None:
        super().__init__()
        self.classifier = nn.Linear(3, 2)

    def forward(self, pixel_values: torch.Tensor) -> Any:
        return type("Outputs", (), {"logits": self.classifier(pixel_values.flatten(2).mT).mean(1)})


@pytest.mark.parametrize("name", NAMES)
def test_other_heads_are_refused(name: str) -> None:
    with pytest.raises(FairTuneError, match="head `classifier` is a Conv2d, but the method reads what a linear layer"):
        method_named(name).prepare(Convolved(), facts())
    method = method_named(name)
    model = method.prepare(Mapped(), facts())
    with pytest.raises(FairTuneError, match="the head reads 2 dimensions of an image, but the method wants one"):
        method.loss(model, batch())


@pytest.mark.parametrize("name", NAMES)
def test_a_model_that_was_not_prepared_is_refused(name: str) -> None:
    method = method_named(name)
    method.prepare(tiny_vit(), facts())
    with pytest.raises(FairTuneError, match=f"{name} does not see what the head reads; call `prepare"):
        method.loss(tiny_vit(), batch())
