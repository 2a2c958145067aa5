"""LAFTR against loops over cells and over rows, and the game: what the adversary lowers, the encoder raises."""

import pytest
import torch
from torch import nn

from hf_fairtune.errors import FairTuneError
from hf_fairtune.families.head import MULTI_LABEL
from hf_fairtune.methods.adversarial import Adversary, Reversal
from hf_fairtune.methods.laftr import Laftr
from tests.conftest import tiny_vit

from .game import batch, facts, noise


@pytest.mark.parametrize(("groups", "classes"), [(2, 2), (3, 4)])
@pytest.mark.parametrize("fairness", ["equalized_odds", "statistical_parity"])
def test_the_loss_is_the_sum_of_the_cells(fairness: str, groups: int, classes: int) -> None:
    rows = batch(groups, classes, 20)
    by_label = fairness == "equalized_odds"
    logits = noise(20, classes if by_label else 1, groups)
    wanted = 0.0
    for g in range(groups):
        for y in range(classes if by_label else 1):
            cell = [
                1 - logits[i, y].softmax(0)[g].item()
                for i in range(20)
                if rows["groups"][i] == g and (rows["labels"][i] == y or not by_label)
            ]
            wanted += sum(cell) / len(cell) if cell else 0
    found = Laftr(fairness=fairness).added((logits,), rows["labels"], rows["groups"])
    assert found.item() == pytest.approx(wanted, rel=1e-6)
    if groups == 2:
        # The paper's, of a binary group: |probability of group 1 - group|.
        p = logits[torch.arange(20), rows["labels"] if by_label else 0].softmax(1)[:, 1]
        distance = (p - rows["groups"]).abs()
        cells = rows["groups"] + 2 * rows["labels"] * by_label
        assert sum(distance[cells == c].mean().item() for c in cells.unique()) == pytest.approx(wanted, rel=1e-6)


def test_the_adversary_reads_features_and_label() -> None:
    """Against two layers on the vector [features; label], in which a label is one-hot."""
    adversary, features = Adversary((5, 7, 3), 0, 1.0, labels=4), torch.randn(6, 5)
    first, first_bias, second, second_bias = adversary.parameters()
    (found,) = adversary.read(features)
    assert found.shape == (6, 4, 3)
    weights = torch.cat([first[0], first_bias.T], dim=1)
    for i in range(6):
        for y in range(4):
            whole = torch.cat([features[i], nn.functional.one_hot(torch.tensor(y), 4)])
            torch.testing.assert_close(found[i, y], second[0] @ (weights @ whole).relu() + second_bias[0])


def test_a_reversed_gradient_is_minus_its_weight() -> None:
    values = noise(3, 2)
    found = Reversal.apply(values, 0.7)
    assert torch.equal(found, values)
    (gradient,) = torch.autograd.grad(found.square().sum(), values)
    torch.testing.assert_close(gradient, -0.7 * 2 * values)


def test_the_adversary_lowers_what_the_encoder_raises() -> None:
    """A step along the gradient of the game: of the adversary alone, and of the encoder alone."""
    method, rows = Laftr(fair_weight=2.0), batch(n=32)
    start = method.prepare(tiny_vit(), facts()).state_dict()

    def after(moves: str) -> float:
        model = method.prepare(tiny_vit(), facts())
        loss, _ = method.loss(model, rows)
        added = loss - method.cross_entropy(model(rows["pixel_values"]).logits, rows["labels"])
        added.backward()
        with torch.no_grad():
            for name, p in model.named_parameters():
                if p.grad is not None and ("attached" in name) == (moves == "adversary") and moves:
                    p.sub_(1e-3 * p.grad)
        total, outputs = method.loss(model, rows)
        return (total - method.cross_entropy(outputs.logits, rows["labels"])).item()

    assert start.keys() > tiny_vit().state_dict().keys()
    assert after("adversary") < after("") < after("encoder")


def test_the_encoders_gradient_is_that_of_a_difference() -> None:
    """CE - weight * L of the encoder and L of the adversary, the two sides of the min-max."""
    rows, method = batch(), Laftr(fair_weight=0.4)
    model = method.prepare(tiny_vit(), facts())
    loss, _ = method.loss(model, rows)
    loss.backward()
    game = {name: p.grad.clone() for name, p in model.named_parameters()}
    model.zero_grad()
    adversary = model.classifier.attached
    # Unreversed: the adversary's loss as it is.
    adversary.reversal = -1.0
    both, outputs = method.loss(model, rows)
    cross_entropy = method.cross_entropy(outputs.logits, rows["labels"])
    for name, p in model.named_parameters():
        value = both - cross_entropy if "attached" in name else cross_entropy - 0.4 * (both - cross_entropy)
        (wanted,) = torch.autograd.grad(value, p, retain_graph=True)
        torch.testing.assert_close(game[name], wanted, rtol=1e-4, atol=1e-6)


def test_findings_can_have_statistical_parity() -> None:
    model = tiny_vit(num_labels=3)
    model.config.problem_type = MULTI_LABEL
    method = Laftr(fairness="statistical_parity")
    method.prepare(model, facts(2, 1))
    rows = batch() | {"labels": torch.ones(12, 3)}
    assert method.loss(model, rows)[0].isfinite()


def test_bad_input() -> None:
    with pytest.raises(FairTuneError, match="`fairness` is 'odds'; choose equalized_odds, statistical_parity"):
        Laftr(fairness="odds")  # type: ignore[arg-type]
    with pytest.raises(FairTuneError, match="`hidden` is 0; give 1 or more"):
        Laftr(hidden=0)
