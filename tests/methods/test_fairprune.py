"""FairPrune against a slow loop over rows; ratio 0 is the model; what is refused."""

from typing import Any

import pytest
import torch

from hf_fairtune.errors import FairTuneError
from hf_fairtune.families.head import MULTI_LABEL
from hf_fairtune.importance.group_fisher import group_fisher
from hf_fairtune.losses.contrast import GroupPair
from hf_fairtune.losses.cross_entropy import CrossEntropy
from hf_fairtune.methods.facts import Facts
from hf_fairtune.methods.fairprune import FairPrune, most_salient
from tests.conftest import table, tiny_vit

from .several import several


def slowly(model: Any, data: Any, group: int) -> dict[str, torch.Tensor]:
    """Return the mean of squared gradients, one row at a time."""
    rows = data[:]
    total = {name: torch.zeros_like(p) for name, p in model.named_parameters()}
    labels, members = rows["labels"], (rows["groups"] == group).nonzero().flatten().tolist()
    # The mean over findings is over those that are known in all rows.
    scale = len(labels) / (~labels.isnan()).sum() if labels.ndim == 2 else 1
    for i in members:
        model.zero_grad()
        logits, own = model(pixel_values=rows["pixel_values"][i : i + 1]).logits, labels[i : i + 1]
        known = (~own.isnan()).sum() if own.ndim == 2 else 1
        if known:
            (CrossEntropy()(logits, own) * known * scale).backward()
            for name, p in model.named_parameters():
                total[name] += p.grad.square() / len(members)
    return total


@pytest.mark.parametrize("kind", ["two", "classes", "findings"])
def test_the_saliency_is_that_of_a_loop_over_rows(kind: str) -> None:
    data = table(24) if kind == "two" else several(24, kind == "findings")
    model = tiny_vit(1, num_labels=2 if kind == "two" else 3)
    model.config.problem_type = MULTI_LABEL if kind == "findings" else None
    found = group_fisher(model, data, GroupPair(1, 0))
    for group, diagonal in zip((1, 0), found, strict=True):
        for name, wanted in slowly(model, data, group).items():
            torch.testing.assert_close(diagonal[name], wanted, rtol=1e-3, atol=1e-7, msg=name)


def pruned(ratio: float, beta: float = 0.33) -> tuple[FairPrune, Any]:
    model, method = tiny_vit(1), FairPrune(prune_ratio=ratio, prune_beta=beta)
    model = method.prepare(model, Facts.of(model, dict.fromkeys(method.views, table())))
    method.finish(model)
    return method, model


def test_without_a_ratio_it_is_the_model_bit_for_bit() -> None:
    method, model = pruned(0)
    assert all(torch.equal(p, q) for p, q in zip(model.parameters(), tiny_vit(1).parameters(), strict=True))
    assert str(method.record().facts["pruned"]).startswith("0 of ")


def test_the_least_salient_share_is_0_and_the_rest_is_as_it_was() -> None:
    method, model = pruned(0.25, beta=0.5)
    start, data = dict(tiny_vit(1).named_parameters()), table()
    facts = method.record().facts
    pair = GroupPair(*(("a", "b").index(name) for name in str(facts["compared"]).split(" against ")))
    worst, best = (slowly(tiny_vit(1), data, group) for group in (pair.worst, pair.best))
    saliency = torch.cat([(w**2 * (worst[n] - 0.5 * best[n])).flatten().detach() for n, w in start.items()])
    gone = torch.cat([(values == 0).flatten() for values in model.parameters()])
    assert int(gone.sum()) == int(0.25 * len(gone))
    assert facts["pruned"] == f"{int(gone.sum()):,} of {len(gone):,} weights"
    assert float(saliency[gone].max()) <= float(saliency[~gone].min()) + 1e-6
    for name, values in model.named_parameters():
        assert torch.equal(values[values != 0], start[name][values != 0])


def test_equal_saliency_goes_in_the_order_of_the_model() -> None:
    kept = most_salient({"a": torch.zeros(3), "b": torch.tensor([-1.0, 0.0])}, 0.6)
    assert {name: values.tolist() for name, values in kept.items()} == {
        "a": [False, False, True],
        "b": [False, True],
    }


def test_bad_input() -> None:
    with pytest.raises(FairTuneError, match="`prune_ratio` is 1.5; give a share from 0 to 1"):
        FairPrune(prune_ratio=1.5)
    with pytest.raises(FairTuneError, match="`prune_beta` is -1; give 0 or more"):
        FairPrune(prune_beta=-1)
    with pytest.raises(FairTuneError, match="compares two groups, but the data have 1"):
        FairPrune().prepare(tiny_vit(1), Facts(("all",)))
