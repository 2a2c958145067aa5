"""ODR: divergences against torch.distributions, each gradient where it belongs, and a linear head at the end."""

import pytest
import torch
from torch import nn
from torch.distributions import Normal, kl_divergence
from torch.nn.functional import cross_entropy, linear

from hf_fairtune.errors import FairTuneError
from hf_fairtune.methods.odr import Codes, Odr, divergence, orthogonal_priors
from tests.conftest import tiny_vit

from .game import batch, facts, noise


def moved(seed: int = 1, width: int = 16, groups: int = 2) -> Codes:
    """Codes whose every parameter is random."""
    codes, draw = Codes(width, groups, 0), torch.Generator().manual_seed(seed)
    for values in codes.parameters():
        nn.init.normal_(values, std=0.3, generator=draw)
    return codes


def test_the_divergence_is_that_of_torch() -> None:
    mean, log_variance, prior = noise(4, 6), noise(4, 6, seed=6), orthogonal_priors(6)[1]
    wanted = kl_divergence(Normal(mean, (log_variance / 2).exp()), Normal(prior.double(), 1.0)).sum(1)
    torch.testing.assert_close(divergence(mean, log_variance, prior), wanted)


@pytest.mark.parametrize("width", [2, 5, 16])
def test_the_priors_are_orthogonal(width: int) -> None:
    torch.testing.assert_close(orthogonal_priors(width) @ orthogonal_priors(width).T, torch.eye(2))


def test_the_loss_is_that_of_codes_by_hand() -> None:
    """With the draws of the same state of chance: target code first, then the sensitive one."""
    method, model, rows = Odr(entropy_weight=0.3, prior_weight=0.2), tiny_vit(), batch()
    method.prepare(model, facts())
    codes = model.classifier.attached
    codes.load_state_dict(moved().state_dict())
    torch.manual_seed(7)
    loss, outputs = method.loss(model, rows)
    torch.manual_seed(7)
    features = model.vit(rows["pixel_values"]).last_hidden_state[:, 0]
    drawn, kl = [], 0
    for k in range(2):
        mean = linear(features, codes.means[k], codes.mean_biases[k])
        spread = (linear(features, codes.spreads[k], codes.spread_biases[k]) / 2).exp()
        drawn.append(mean + spread * torch.randn(12, 16))
        kl = kl + kl_divergence(Normal(mean, spread), Normal(orthogonal_priors(16)[k], 1.0)).sum(1).mean()
    torch.testing.assert_close(outputs.logits, linear(drawn[0], model.classifier.weight, model.classifier.bias))
    p = linear(drawn[0], codes.predictor, codes.predictor_bias).softmax(1)
    wanted = cross_entropy(outputs.logits, rows["labels"]) + 0.3 * (p * p.log()).sum(1).mean() + 0.2 * kl
    wanted = wanted + cross_entropy(linear(drawn[1], codes.predictor, codes.predictor_bias), rows["groups"])
    torch.testing.assert_close(loss, wanted)


def test_each_term_moves_what_it_should() -> None:
    """Entropy leaves the predictor alone; the predictor's loss and the sensitive code leave the encoder alone."""
    codes, layer, features = moved(), nn.Linear(16, 2), torch.randn(6, 16, requires_grad=True)
    codes(layer, features, layer(features))
    assert codes.seen is not None
    divergences, own, still = codes.seen

    def moves(value: torch.Tensor) -> set[str]:
        leaves = {"features": features, **dict(codes.named_parameters())}
        found = torch.autograd.grad(value.square().sum(), list(leaves.values()), retain_graph=True, allow_unused=True)
        return {
            f"{name} {k}" if name not in ("features", "predictor", "predictor_bias") else name
            for name, gradient in zip(leaves, found, strict=True)
            if gradient is not None
            for k in (range(2) if len(gradient) == 2 else [0])
            if (gradient[k] if len(gradient) == 2 else gradient).any()
        }

    target = {"features", "means 0", "mean_biases 0", "spreads 0", "spread_biases 0"}
    sensitive = {name.replace("0", "1") for name in target - {"features"}}
    assert moves(own) == sensitive | {"predictor", "predictor_bias"}
    assert moves(still) == target
    assert moves(divergences) == target | sensitive


def test_the_mean_target_code_is_a_linear_head() -> None:
    method, model, pixels = Odr(), tiny_vit(), batch()["pixel_values"]
    method.prepare(model, facts())
    codes, features = model.classifier.attached, model.vit(pixels).last_hidden_state[:, 0]
    codes.load_state_dict(moved().state_dict())
    with torch.no_grad():
        wanted = model.classifier.weight @ (codes.means[0] @ features.T + codes.mean_biases[0].unsqueeze(1))
        wanted = wanted.T + model.classifier.bias
        before = method.loss(model, batch())[1].logits
        method.finish(model)
        after = model(pixel_values=pixels).logits
    torch.testing.assert_close(before, wanted)
    torch.testing.assert_close(after, wanted)
    assert (wanted - tiny_vit()(pixel_values=pixels).logits).abs().max() > 0.1


def test_draws_differ_in_training_alone() -> None:
    method, model = Odr(), tiny_vit()
    method.prepare(model, facts())
    one, other = (method.loss(model, batch())[1].logits for _ in range(2))
    assert not torch.equal(one, other)
    with torch.no_grad():
        one, other = (method.loss(model, batch())[1].logits for _ in range(2))
    assert torch.equal(one, other)


def test_a_head_without_bias_is_refused() -> None:
    model = tiny_vit()
    model.classifier = nn.Linear(16, 2, bias=False)
    with pytest.raises(FairTuneError, match="the head has no bias to hold that of the target code; give it one"):
        Odr().prepare(model, facts())
