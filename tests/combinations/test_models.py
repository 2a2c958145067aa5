"""What members make: weights put back bit for bit, means of probabilities and of weights, a teacher's loss."""

from typing import Any

import pytest
import torch

from hf_fairtune import FairTuneError
from hf_fairtune.combinations.ensemble import Ensemble
from hf_fairtune.combinations.soup import Soup
from hf_fairtune.families.moved import move, moved_tensors
from hf_fairtune.masks.config import masked
from hf_fairtune.methods.method import method_named
from hf_fairtune.methods.teacher import Teacher
from tests.conftest import tiny_vit
from tests.families.backbones import backbone


def trained(mask: str, seed: int) -> Any:
    """A model under a mask whose trained parts lie elsewhere."""
    model = masked(tiny_vit(), mask).eval()
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(0.3 * torch.randn(parameter.shape, generator=draw))
    return model


def logits(model: Any, pixels: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        found: torch.Tensor = model(pixel_values=pixels).logits
    return found


@pytest.mark.parametrize("mask", ["linear", "layernorm", "attention", "all"])
def test_moved_tensors_give_the_trained_model_back(mask: str, pixels: torch.Tensor) -> None:
    model, plain = trained(mask, 0), tiny_vit()
    tensors = moved_tensors(model)
    assert sum(values.numel() for values in tensors.values()) == sum(
        p.numel() for p in model.parameters() if p.requires_grad
    )
    move(plain, tensors)
    assert torch.equal(logits(plain, pixels), logits(model, pixels))


def test_statistics_of_batch_norm_move_too() -> None:
    model, start = backbone("mobilenet_v2").requires_grad_(False), backbone("mobilenet_v2").eval()
    pixels = torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    model.train()(pixel_values=pixels)
    assert not torch.equal(logits(model.eval(), pixels), logits(start, pixels))
    move(start, moved_tensors(model))
    assert torch.equal(logits(model, pixels), logits(start, pixels))


def test_weights_of_another_model_are_refused() -> None:
    with pytest.raises(FairTuneError, match="`odd` is no tensor of the model, a ViTForImageClassification"):
        move(tiny_vit(), {"odd": torch.zeros(1)})
    with pytest.raises(FairTuneError, match="kept weights do not fit the model"):
        move(tiny_vit(), {"classifier.bias": torch.zeros(3)})


def test_an_ensemble_averages_probabilities(pixels: torch.Tensor) -> None:
    models = [trained("all", 0), trained("layernorm", 1), trained("linear", 2)]
    mean = torch.stack([logits(model, pixels).double().softmax(-1) for model in models]).mean(0)
    made = Ensemble().made(tiny_vit(), [moved_tensors(model) for model in models])
    assert not any(p.requires_grad for p in made.parameters())
    assert not made.train().start.training
    assert torch.allclose(logits(made, pixels).double().softmax(-1), mean, atol=1e-6)
    assert torch.equal(logits(made.to(torch.float64).float(), pixels), logits(made, pixels))


def test_a_soup_averages_weights_with_the_starts_where_one_did_not_move() -> None:
    start, models = tiny_vit(), [trained("layernorm", 1), trained("attention", 2)]
    parts = [moved_tensors(model) for model in models]
    own, made = start.state_dict(), Soup().made(tiny_vit(), parts).state_dict()
    assert set(own) == set(made)
    for name, values in made.items():
        given = torch.stack([part.get(name, own[name]) for part in parts]).double()
        assert torch.equal(values, given.mean(0).float()), name
    only = "vit.layers.0.layernorm_before.weight"
    assert not torch.equal(made[only], own[only])


def test_a_teacher_stands_for_the_labels_in_training_alone(pixels: torch.Tensor) -> None:
    teacher = trained("all", 0)
    batch = {"pixel_values": pixels, "labels": torch.tensor([0, 1, 0, 1]), "groups": torch.zeros(4, dtype=torch.long)}
    plain = method_named("full")
    taught, model = plain.taught(Teacher(teacher)), tiny_vit()
    loss, outputs = taught.loss(model, batch)
    soft = logits(teacher, pixels).softmax(-1)
    assert loss.item() == pytest.approx(-(soft * outputs.logits.log_softmax(-1)).sum(-1).mean().item(), rel=1e-6)
    assert loss.requires_grad
    with torch.no_grad():
        assert torch.equal(taught.loss(model, batch)[0], plain.loss(model, batch)[0])
    assert torch.equal(taught.taught(None).loss(model, batch)[0], plain.loss(model, batch)[0])
    assert taught == plain


@pytest.mark.parametrize("name", ["groupdro", "dfr", "swift"])
def test_a_method_that_would_not_ask_has_no_teacher(name: str) -> None:
    with pytest.raises(FairTuneError, match=f"the method '{name}' does not train by cross-entropy alone"):
        method_named(name).taught(Teacher(tiny_vit()))
