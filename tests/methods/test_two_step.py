"""Repairs in two steps: which weights move, what starts at zero, what each step minimises."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from datasets import Dataset
from sklearn.metrics import roc_auc_score
from transformers import TrainerCallback

from hf_fairtune.errors import FairTuneError
from hf_fairtune.importance.fisher import fisher_importance
from hf_fairtune.losses.contrast import GroupPair
from hf_fairtune.losses.cross_entropy import CrossEntropy
from hf_fairtune.losses.loss import bias_loss_named, margin, weighted_bce
from hf_fairtune.masks.reinitialise import reinitialise
from hf_fairtune.masks.repair_mask import RepairMask
from hf_fairtune.masks.soft_mask import soft_mask
from hf_fairtune.masks.soft_mask_callback import SoftMaskCallback
from hf_fairtune.methods.facts import Facts
from hf_fairtune.methods.method import method_named
from hf_fairtune.methods.two_step import TwoStep
from tests.conftest import table, tiny_vit

HEAD = ("classifier.weight", "classifier.bias")


def steps(name: str = "swift", data: Dataset | None = None, seed: int = 0, **fields: Any) -> list[TwoStep]:
    """Return the steps, what they share measured on a table."""
    found = [step for step in method_named(name, **fields).stages() if isinstance(step, TwoStep)]
    replace(found[0]).prepare(tiny_vit(), Facts(("young", "old"), rows={"measured": data or table()}, seed=seed))
    return found


def masks_of(*arguments: Any, **fields: Any) -> RepairMask:
    """Return the masks that were measured."""
    mask = steps(*arguments, **fields)[0].measured.mask
    assert mask is not None
    return mask


def batch() -> dict[str, torch.Tensor]:
    return {"labels": torch.tensor([0, 1, 0, 1, 1]), "groups": torch.tensor([0, 0, 1, 1, 1])}


class Outputs:
    """What a model returns."""

    logits = torch.tensor([[0.3, -0.2], [0.1, 0.9], [-0.5, 0.4], [0.2, 0.1], [0.0, 0.7]])


def model() -> type[Outputs]:
    """Stand for a model: the call gives the outputs."""
    return Outputs


@pytest.mark.parametrize("name", ["swift", "bmft"])
def test_the_extractor_is_trained_first_and_the_head_alone_after(name: str) -> None:
    model = tiny_vit()
    for step, head in zip(steps(name), (False, True), strict=True):
        model = step.prepare(model, Facts())
        assert {n for n, p in model.named_parameters() if p.requires_grad} == {
            n for n, _ in model.named_parameters() if (n in HEAD) == head
        }


@pytest.mark.parametrize(
    ("name", "weights"), [("swift", [(0.1, 0.9), (0.9, 1 - 0.9)]), ("bmft", [(0.0, 1.0), (1.0, 0.1)])]
)
def test_each_step_minimises_its_own_sum(name: str, weights: list[tuple[float, float]]) -> None:
    for step, (prediction, bias) in zip(steps(name), weights, strict=True):
        z = margin(Outputs.logits)
        term = bias_loss_named("equalized_odds")(z.sigmoid(), batch()["labels"], batch()["groups"] == 1).value
        expected = prediction * weighted_bce(z, batch()["labels"]) + bias * term
        torch.testing.assert_close(step.loss(model, batch())[0], expected)


def test_a_batch_without_a_cell_is_counted_in_training_only() -> None:
    step = steps()[0]
    lone = {"labels": torch.tensor([0, 1, 0, 1, 1]), "groups": torch.zeros(5, dtype=torch.long)}
    with torch.no_grad():
        step.loss(model, lone)
    assert step.record().facts["empty_cells"] == 0
    step.loss(model, lone)
    step.loss(model, batch())[0]
    assert step.record().facts["empty_cells"] == 2


@pytest.mark.parametrize(
    ("asked", "said"), [((0.1,), "`label_smoothing_factor` is 0.1"), ((0.0, (0.7, 2)), "`class_weights` is 0.7 2")]
)
def test_options_of_the_cross_entropy_are_refused(asked: Any, said: str) -> None:
    with pytest.raises(FairTuneError, match=f"{said}, but the losses of the method 'swift' have no such option"):
        method_named("swift", cross_entropy=CrossEntropy(*asked))


@pytest.mark.parametrize(("steps_", "names"), [("extractor", ["extractor"]), ("head", ["head"])])
def test_one_step_alone(steps_: str, names: list[str]) -> None:
    assert [step.stage for step in steps(steps=steps_)] == names


def test_only_step_one_is_masked_and_never_the_head() -> None:
    def masks(callbacks: list[TrainerCallback]) -> list[SoftMaskCallback]:
        return [callback for callback in callbacks if isinstance(callback, SoftMaskCallback)]

    first, second = steps()
    (callback,) = masks(first.callbacks())
    assert set(callback.mask) == {n for n, _ in tiny_vit().named_parameters()} - set(HEAD)
    assert not masks(second.callbacks())
    assert not masks(steps(mask="none")[0].callbacks())


def test_the_masks_are_what_they_are_called() -> None:
    def values(kind: str, **fields: Any) -> torch.Tensor:
        mask = masks_of(mask=kind, **fields).step
        return torch.cat([v.flatten() for n, v in mask.items() if n not in HEAD])

    soft, hard, random = values("soft"), values("hard", rate=80.0), values("random", seed=1)
    assert 0 < soft.mean() < 1
    assert set(hard.tolist()) == {0.0, 1.0}
    assert hard.mean() == pytest.approx(0.2, abs=0.01)
    assert random.mean() == pytest.approx(0.5, abs=0.02)
    assert torch.equal(random, values("random", seed=1))
    assert not torch.equal(random, values("random", seed=2))
    with pytest.raises(FairTuneError, match="choose soft, hard, random or none"):
        method_named("swift", mask="magic")


def test_an_unmeasured_repair_says_so() -> None:
    with pytest.raises(FairTuneError, match="not measured yet"):
        method_named("swift").loss(model, batch())


def test_the_head_starts_at_zero_where_it_matters_most_for_bias() -> None:
    soft = {"classifier.weight": torch.linspace(0, 1, 32).reshape(2, 16), "classifier.bias": torch.tensor([0.2, 0.2])}
    old = tiny_vit()
    for kind, quantile, zeroed in (("mean", 0.5, 16), ("quantile", 0.75, 9), ("full", 0.5, 34), ("none", 0.5, 0)):
        model = tiny_vit()
        assert reinitialise(model, HEAD, soft, kind, quantile) == (zeroed, 34)
        weight, before = model.classifier.weight, old.classifier.weight
        gone = {"mean": soft["classifier.weight"] > 0.5, "none": torch.zeros(2, 16, dtype=torch.bool)}.get(kind)
        if gone is not None:
            assert torch.equal(weight == 0, gone)
            assert torch.equal(weight[~gone], before[~gone])
        assert (model.classifier.bias == 0).all() == (kind == "full")
    with pytest.raises(FairTuneError, match="choose mean, quantile, full or none"):
        method_named("swift", reinit="some")
    with pytest.raises(FairTuneError, match="from 0 to 1"):
        method_named("swift", reinit_quantile=1.5)


def test_the_record() -> None:
    first, second = steps()
    soft = first.record().soft_mask
    assert soft is not None
    assert (soft.kind, soft.rows) == ("soft", 48)
    assert first.record().facts["compared"] in ("old against young", "young against old")
    assert "reinitialised" not in second.record().facts
    second.prepare(tiny_vit(), Facts())
    facts = second.record().facts
    assert 0 < facts["reinitialised"] < facts["head_weights"] == 34


def test_the_same_hyper_parameters_are_the_same_method() -> None:
    assert steps()[0] == replace(method_named("swift"), steps="extractor")
    assert replace(method_named("swift"), steps="head") != method_named("swift")


def regrouped(data: Dataset) -> Dataset:
    """Give rows other groups within their label, so that every group x label cell keeps its size."""
    labels, groups = np.array(data["labels"]), np.array(data["groups"])
    for label in (0, 1):
        inside = np.flatnonzero(labels == label)
        groups[inside] = np.random.default_rng(1).permutation(groups[inside])
    return data.remove_columns("groups").add_column("groups", groups).with_format("torch")


@pytest.mark.parametrize("name", ["swift", "bmft"])
def test_the_mask_knows_who_is_in_which_group(name: str) -> None:
    first, second = (masks_of(name, data) for data in (table(), regrouped(table())))
    one, other = (torch.cat([v.flatten() for v in m.step.values()]) for m in (first, second))
    assert (one - other).abs().mean() > 0.05


def test_a_sorted_table_gives_the_mask_of_batches_that_hold_every_cell() -> None:
    data = table(96)
    order = np.lexsort((data["groups"], data["labels"])).tolist()
    options: dict[str, Any] = {"importance": "batch", "data": data.select(order)}
    assert masks_of(**options, importance_batch_size=32).facts.empty_cells == 0
    with pytest.raises(FairTuneError, match="mask is 0 everywhere outside the head"):
        masks_of(**options, importance_batch_size=1)


def test_masks_and_rates_that_move_nothing_are_refused() -> None:
    with pytest.raises(FairTuneError, match="the hard mask is 0 everywhere outside the head"):
        steps(mask="hard", rate=100.0)
    with pytest.raises(FairTuneError, match="`head_learning_rate` is -1; give 0 or more"):
        method_named("swift", head_learning_rate=-1.0)


def test_half_precision_is_refused_before_it_is_measured() -> None:
    facts = Facts(("young", "old"), rows={})
    for name, mask in (("swift", "soft"), ("bmft", "random")):
        step = method_named(name, mask=mask).stages()[0]
        with pytest.raises(FairTuneError, match="is bfloat16, whose rounding swallows"):
            step.prepare(tiny_vit().bfloat16(), facts)


def test_only_the_pair_is_measured_and_trained_on() -> None:
    """Of three groups, as if the table had no other."""
    data = table(90, group_names=("a", "b", "c"))
    step = method_named("swift", contrast="pair_data").stages()[0]
    assert isinstance(step, TwoStep)
    step.prepare(tiny_vit(), Facts(("a", "b", "c"), rows={"measured": data}, seed=4))
    known, groups = step.measured.mask, np.array(data["groups"])
    assert known is not None
    assert isinstance(known.contrast, GroupPair)
    margins = tiny_vit()(pixel_values=data[:]["pixel_values"]).logits.detach().diff(dim=1)[:, 0]
    aucs = [roc_auc_score(np.array(data["labels"])[groups == g], margins[groups == g]) for g in range(3)]
    assert (known.contrast.worst, known.contrast.best) == (np.argmin(aucs), np.argmax(aucs))
    kept = np.flatnonzero(groups != 3 - known.contrast.worst - known.contrast.best)
    assert known.facts.rows == len(kept) < 90
    alone = fisher_importance(tiny_vit(), data.select(kept), contrast=known.contrast, form="whole")
    for name, mask in soft_mask(alone).items():
        torch.testing.assert_close(known.soft[name], mask, rtol=1e-3, atol=2e-3)
    sampler: Any = step.rows(data)
    first, again = list(sampler), list(sampler)
    sampler.set_epoch(1)
    assert sorted(first) == sorted(sampler) == kept.tolist()
    assert first == again != list(sampler)
    assert len(sampler) == len(kept)
    assert steps()[0].rows(data) is None
