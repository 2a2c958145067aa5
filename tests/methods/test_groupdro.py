"""GroupDRO against a loop over rows; plain fine-tuning where there is one group; weights of absent groups stay."""

import math

import numpy as np
import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from hf_fairtune.errors import FairTuneError
from hf_fairtune.methods.facts import Facts
from hf_fairtune.methods.groupdro import GroupDro
from hf_fairtune.methods.method import method_named
from tests.conftest import table, tiny_vit


def prepared(n_groups: int = 3, **fields: float) -> tuple[GroupDro, torch.nn.Module]:
    """Return the method and its model, on a table of some groups."""
    method, model = GroupDro(**fields), tiny_vit()
    data = table(group_names=tuple("abcde"[:n_groups]))
    return method, method.prepare(model, Facts.of(model, {"train": data}))


def batches(n_groups: int, n: int = 5, size: int = 8) -> list[dict[str, torch.Tensor]]:
    draw = torch.Generator().manual_seed(2)
    return [
        {
            "pixel_values": torch.randn(size, 3, 16, 16, generator=draw),
            "labels": torch.randint(2, (size,), generator=draw),
            "groups": torch.randint(n_groups, (size,), generator=draw),
        }
        for _ in range(n)
    ]


def by_hand(q: list[float], losses: list[float], groups: list[int], eta: float) -> tuple[list[float], float]:
    """Return the new weights and the loss: algorithm 1, group after group; absent groups keep their weight."""
    present = sorted(set(groups))
    mean = {g: np.mean([loss for loss, own in zip(losses, groups, strict=True) if own == g]) for g in present}
    grown = {g: q[g] * math.exp(eta * mean[g]) for g in present}
    share = sum(q[g] for g in present) / sum(grown.values())
    new = [grown[g] * share if g in grown else q[g] for g in range(len(q))]
    return new, sum(new[g] * mean[g] for g in present)


def test_weights_and_loss_are_those_of_the_algorithm() -> None:
    method, model = prepared(eta=0.5)
    q = [1 / 3] * 3
    for batch in batches(3):
        rows = cross_entropy(model(batch["pixel_values"]).logits, batch["labels"], reduction="none").tolist()
        q, wanted = by_hand(q, rows, batch["groups"].tolist(), 0.5)
        loss, _ = method.loss(model, batch)
        assert loss.item() == pytest.approx(wanted, rel=1e-5)
        assert method.weights.tolist() == pytest.approx(q, rel=1e-6)
    assert max(q) > min(q)


def test_one_group_is_plain_fine_tuning_bit_for_bit() -> None:
    method, model = prepared(1, eta=0.7)
    plain = tiny_vit().requires_grad_(True)
    for batch in batches(1):
        loss, _ = method.loss(model, batch)
        wanted, _ = method_named("full").loss(plain, batch)
        loss.backward()
        wanted.backward()
        assert torch.equal(loss, wanted)
        assert all(torch.equal(p.grad, q.grad) for p, q in zip(model.parameters(), plain.parameters(), strict=True))
    assert method.weights.tolist() == [1.0]


def test_a_group_without_rows_keeps_its_weight() -> None:
    method, model = prepared(eta=1.0)
    (batch,) = batches(2, 1)
    method.loss(model, batch)
    assert method.weights[2] == 1 / 3
    assert method.weights[0] != 1 / 3
    assert float(method.weights.sum()) == pytest.approx(1)


def test_evaluation_is_the_mean_loss_and_changes_no_weight() -> None:
    method, model = prepared(eta=1.0)
    (batch,) = batches(3, 1)
    with torch.no_grad():
        loss, outputs = method.loss(model, batch)
    assert torch.equal(loss, cross_entropy(outputs.logits, batch["labels"]))
    assert method.weights.tolist() == [1 / 3] * 3


def test_the_adjustment_favours_small_groups() -> None:
    plain, model = prepared(eta=1.0)
    adjusted, _ = prepared(eta=1.0, adjustment=5.0)
    (batch,) = batches(3, 1, 24)
    counts = np.bincount(table(group_names=("a", "b", "c"))["groups"])
    for method in (plain, adjusted):
        method.loss(model, batch)
    ratio = (adjusted.weights / plain.weights).numpy()
    wanted = np.exp(5.0 / np.sqrt(counts))
    np.testing.assert_allclose(ratio / ratio[0], wanted / wanted[0], rtol=1e-6)


def test_balanced_rows_hold_every_group_equally_often() -> None:
    groups = np.repeat([0, 1], [900, 100])
    data = table(1000).remove_columns("groups").add_column("groups", groups)
    method, _ = prepared(2, balance=True)
    sampler = method.rows(data)
    assert sampler is not None
    assert groups[list(sampler)].mean() == pytest.approx(0.5, abs=0.06)
    assert method.own_rows()
    assert prepared(2)[0].rows(data) is None


def test_groups_weigh_by_their_known_findings() -> None:
    """One whose findings are all missing keeps its weight; a batch without any has loss 0 and changes nothing."""
    method, model = GroupDro(eta=1.0), tiny_vit(num_labels=3)
    model = method.prepare(model, Facts(("a", "b", "c"), 3, np.array([[4], [4], [4]])))
    (batch,) = batches(3, 1, 12)
    labels = torch.randint(2, (12, 3), generator=torch.Generator().manual_seed(0)).float()
    labels[(torch.arange(36) % 4 == 0).reshape(12, 3)] = torch.nan
    labels[batch["groups"] == 1] = torch.nan
    batch["labels"] = labels * torch.nan
    loss, _ = method.loss(model, batch)
    loss.backward()
    assert loss == 0
    assert method.weights.tolist() == [1 / 3] * 3
    batch["labels"] = labels
    loss, outputs = method.loss(model, batch)
    entries = binary_cross_entropy_with_logits(outputs.logits, labels.nan_to_num(), reduction="none")
    mean = [entries[(batch["groups"] == g).unsqueeze(1) & ~labels.isnan()].mean().item() for g in (0, 2)]
    grown = np.exp(mean) / np.exp(mean).sum() * 2 / 3
    assert method.weights.tolist() == pytest.approx([grown[0], 1 / 3, grown[1]], rel=1e-5)
    assert loss.item() == pytest.approx(grown @ mean, rel=1e-5)


def test_bad_input() -> None:
    with pytest.raises(FairTuneError, match="`eta` is -1; give 0 or more"):
        GroupDro(eta=-1)
    with pytest.raises(FairTuneError, match="needs a column `groups`"):
        GroupDro().prepare(tiny_vit(), Facts())
