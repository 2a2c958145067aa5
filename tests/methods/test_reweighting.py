"""Reweighting against a loop over rows; plain fine-tuning on balanced data; cells that weigh the same."""

from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from hf_fairtune.errors import FairTuneError
from hf_fairtune.losses.cross_entropy import CrossEntropy
from hf_fairtune.methods.facts import Facts
from hf_fairtune.methods.method import method_named
from hf_fairtune.methods.reweighting import Reweighting, weights_of
from tests.conftest import tiny_vit

CELLS = np.array([[40, 5, 0], [10, 20, 25]])
BY: list[Any] = ["group", "label", "group_label", "independent"]


def prepared(cells: np.ndarray, **fields: Any) -> tuple[Reweighting, Any]:
    classes = cells.shape[1]
    method, model = Reweighting(**fields), tiny_vit(num_labels=max(3, classes))
    names = tuple("abcd"[: len(cells)])
    return method, method.prepare(model, Facts(names, 3 if classes == 1 else classes, cells))


def batch(classes: int = 3, n: int = 12) -> dict[str, torch.Tensor]:
    draw = torch.Generator().manual_seed(2)
    return {
        "pixel_values": torch.randn(n, 3, 16, 16, generator=draw),
        "labels": torch.randint(classes, (n,), generator=draw),
        "groups": torch.randint(2, (n,), generator=draw),
    }


@pytest.mark.parametrize("by", BY[:3])
def test_what_is_named_weighs_the_same_and_rows_weigh_one_on_average(by: Any) -> None:
    mass = CELLS * weights_of(CELLS, by)
    assert mass.sum() == pytest.approx(CELLS.sum())
    if by == "group":
        assert mass.sum(1) == pytest.approx([50, 50])
    elif by == "label":
        assert mass.sum(0) == pytest.approx([100 / 3] * 3)
    else:
        assert mass == pytest.approx(np.array([[20, 20, 0], [20, 20, 20]]))


def test_independent_weights_part_groups_from_labels() -> None:
    """And keep the shares of both, where no cell is empty."""
    cells = np.array([[40, 5, 3], [10, 20, 25]])
    mass = cells * weights_of(cells, "independent")
    assert mass.sum(1) == pytest.approx(cells.sum(1))
    assert mass.sum(0) == pytest.approx(cells.sum(0))
    assert mass / mass.sum() == pytest.approx(np.outer(cells.sum(1), cells.sum(0)) / cells.sum() ** 2)


@pytest.mark.parametrize("by", BY)
def test_the_loss_is_that_of_a_loop_over_rows(by: Any) -> None:
    method, model = prepared(CELLS, by=by, cross_entropy=CrossEntropy(class_weights=(1.0, 2.0, 0.5)))
    data = batch()
    loss, outputs = method.loss(model, data)
    weights, rows = weights_of(CELLS, by), []
    for scores, label, group in zip(outputs.logits, data["labels"].tolist(), data["groups"].tolist(), strict=True):
        own = (1.0, 2.0, 0.5)[label] * weights[group, label]
        rows.append(own * cross_entropy(scores[None], torch.tensor([label])).item())
    assert loss.item() == pytest.approx(np.mean(rows), rel=1e-5)
    with torch.no_grad():
        assert torch.equal(method.loss(model, data)[0], method.cross_entropy(outputs.logits, data["labels"]))


@pytest.mark.parametrize("by", BY)
@pytest.mark.parametrize("cells", [np.full((2, 3), 7), np.full((2, 2), 3)])
def test_balanced_data_are_plain_fine_tuning_bit_for_bit(by: Any, cells: np.ndarray) -> None:
    method, model = prepared(cells, by=by)
    plain, data = tiny_vit(num_labels=3).requires_grad_(True), batch(cells.shape[1])
    loss, wanted = method.loss(model, data)[0], method_named("full").loss(plain, data)[0]
    loss.backward()
    wanted.backward()
    assert torch.equal(loss, wanted)
    assert all(torch.equal(p.grad, q.grad) for p, q in zip(model.parameters(), plain.parameters(), strict=True))


def test_findings_weigh_by_group() -> None:
    method, model = prepared(np.array([[30], [10]]), by="group")
    data = batch()
    labels = torch.randint(2, (12, 3), generator=torch.Generator().manual_seed(0)).float()
    labels[(torch.arange(36) % 5 == 0).reshape(12, 3)] = torch.nan
    loss, outputs = method.loss(model, data | {"labels": labels})
    entries = binary_cross_entropy_with_logits(outputs.logits, labels.nan_to_num(), reduction="none")
    entries = entries * torch.tensor([40 / 60, 40 / 20])[data["groups"]].unsqueeze(1)
    assert loss.item() == pytest.approx(entries[~labels.isnan()].mean().item(), rel=1e-5)


def test_bad_input() -> None:
    with pytest.raises(FairTuneError, match="`by` is 'age'; choose group, label, group_label, independent"):
        method_named("reweighting", by="age")
    with pytest.raises(FairTuneError, match="needs a column `groups`"):
        Reweighting().prepare(tiny_vit(), Facts())
    with pytest.raises(FairTuneError, match="but a row has several labels; give group, or use `class_weights`"):
        prepared(np.array([[30], [10]]))
