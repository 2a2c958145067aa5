"""DiffPrune: influences against finite differences, the search of the best share by hand, and what is kept."""

from typing import Any

import pytest
import torch
from datasets import Dataset
from torch import nn

from hf_fairtune.errors import FairTuneError
from hf_fairtune.families.head import MULTI_LABEL
from hf_fairtune.families.parts import parts_of
from hf_fairtune.families.units import unit_layers
from hf_fairtune.losses.cross_entropy import CrossEntropy
from hf_fairtune.methods.diffprune import DiffPrune, influences
from hf_fairtune.methods.facts import Facts
from hf_fairtune.methods.logits import logits_of
from hf_fairtune.methods.signed_bias import Judge, probabilities
from tests.conftest import table, tiny_vit

from .biased import biased, marked
from .several import several


def model_of(kind: str) -> Any:
    model = tiny_vit(1, num_labels=2 if kind == "two" else 3).double()
    model.config.problem_type = MULTI_LABEL if kind == "findings" else None
    return model


def data_of(kind: str) -> Dataset:
    """Return rows whose pixels are float64."""

    def double(batch: dict[str, Any]) -> dict[str, Any]:
        pixels = torch.as_tensor(batch["pixel_values"], dtype=torch.float64)
        return {**{name: torch.as_tensor(values) for name, values in batch.items()}, "pixel_values": pixels}

    return (table(12) if kind == "two" else several(12, kind == "findings")).with_transform(double)


@pytest.mark.parametrize(("kind", "sides"), [("two", (1,)), ("classes", (0, 1)), ("findings", (1,))])
def test_the_influence_is_the_slope_by_a_factor_on_the_unit(kind: str, sides: tuple[int, ...]) -> None:
    model, data = model_of(kind), data_of(kind)
    judge = Judge.of(data, sides, "equal_opportunity")
    signs = torch.tensor([[1.0, -1.0, 1.0][: 1 if kind == "two" else 3]] * len(sides)).double()
    layers = unit_layers(model, parts_of(model))
    found = influences(model, layers, judge, signs)

    def bias() -> float:
        scores = probabilities(logits_of(model, data), judge.labels)
        return float((signs * (judge.weights(scores.shape[1]) * scores).sum(1)).mean())

    place = 0
    for one in layers:
        for unit in range(one.count):
            step = []
            for factor in (1 + 1e-5, 1 - 1e-5):
                factors = torch.ones(one.count, dtype=torch.float64)
                factors[unit] = factor
                hook = one.layer.register_forward_pre_hook(lambda _, a, one=one, f=factors: (one.scaled(a[0], f),))
                step.append(bias())
                hook.remove()
            assert float(found[place]) == pytest.approx((step[0] - step[1]) / 2e-5, rel=1e-3, abs=1e-6)
            place += 1
    assert place == len(found)


def finished(**flags: Any) -> tuple[DiffPrune, Any, Judge]:
    method, model = DiffPrune(bias="equal_opportunity", **flags), biased()
    views = {"train": marked(96), "measured": marked(96), "validation": marked(128, 1, 0.6)}
    facts = Facts.of(model, views)
    method.prepare(model, facts)
    method.finish(model)
    return method, model, Judge.of(views["validation"], (1,), "equal_opportunity")


def test_the_best_share_above_the_floor_is_kept() -> None:
    """All steps again, by pruning one unit after the other in the order of influence."""
    method, model, judge = finished(floor=0.6, prune_share=0.05, prune_steps=6)
    other = biased()
    layers, before = unit_layers(other, parts_of(other)), judge(other)
    units = [(one, i) for one in layers for i in range(one.count)]
    measured, gone, best = Judge.of(marked(96), (1,), "equal_opportunity"), set[int](), (before.size, {*()})
    for _ in range(6):
        slopes = influences(other, layers, measured, before.bias.sign()).tolist()
        alive = sorted((i for i in range(len(units)) if i not in gone), key=lambda i: -slopes[i])
        for i in alive[: round(0.05 * len(units))]:
            units[i][0].prune(torch.tensor([units[i][1]]))
            gone.add(i)
        verdict = judge(other)
        if verdict.balanced_accuracy >= 0.6 and verdict.size < best[0]:
            best = verdict.size, set(gone)
        if verdict.balanced_accuracy <= 0.52:
            break
    facts = method.record().facts
    assert facts["pruned"] == f"{len(best[1])} of {len(units)} units"
    assert facts["bias"] == pytest.approx(best[0])
    assert facts["bias_before"] == pytest.approx(before.size)
    assert best[1]
    assert best[0] < before.size
    assert judge(model).size == pytest.approx(best[0])
    assert judge(model).balanced_accuracy == pytest.approx(facts["balanced_accuracy"])
    assert judge(model).balanced_accuracy >= 0.6
    wanted = biased()
    fresh = [(one, i) for one in unit_layers(wanted, parts_of(wanted)) for i in range(one.count)]
    for place in best[1]:
        fresh[place][0].prune(torch.tensor([fresh[place][1]]))
    assert all(torch.equal(p, q) for p, q in zip(model.parameters(), wanted.parameters(), strict=True))


@pytest.mark.parametrize("flags", [{"prune_steps": 0, "floor": 0.5}, {"floor": 1.0}])
def test_without_a_better_model_it_stays_bit_for_bit(flags: dict[str, Any]) -> None:
    method, model, _ = finished(**flags)
    assert all(torch.equal(p, q) for p, q in zip(model.parameters(), biased().parameters(), strict=True))
    facts = method.record().facts
    assert str(facts["pruned"]).startswith("0 of ")
    assert facts["bias"] == facts["bias_before"]
    assert facts["floor_reached"] == (flags["floor"] == 0.5)


def test_bad_input() -> None:
    with pytest.raises(FairTuneError, match="`floor` is 1.5; give a number from 0 to 1"):
        DiffPrune(floor=1.5)
    with pytest.raises(FairTuneError, match="`prune_share` is -1; give a number from 0 to 1"):
        DiffPrune(prune_share=-1)
    with pytest.raises(FairTuneError, match="`prune_steps` is -1; give 0 or more"):
        DiffPrune(prune_steps=-1)
    with pytest.raises(FairTuneError, match="`bias` is 'odds'; choose statistical_parity or equal_opportunity"):
        DiffPrune(bias="odds")  # type: ignore[arg-type]
    with pytest.raises(FairTuneError, match="have no such option"):
        DiffPrune(cross_entropy=CrossEntropy(0.1))
    model = nn.Sequential(nn.Flatten(), nn.Linear(768, 2))
    with pytest.raises(FairTuneError, match="finds no attention heads and no channels within blocks"):
        DiffPrune().prepare(model, Facts.of(model, {"train": table()}))
