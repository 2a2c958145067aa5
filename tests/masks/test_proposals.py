"""Proposals: a trial gives one mask however often and wherever it is drawn; preset masks are among them."""

import random

import optuna
import pytest
from optuna.trial import FixedTrial

from hf_fairtune.masks.mask import Mask
from hf_fairtune.masks.proposals import (
    KEPT_RATE,
    PRESET,
    PRESET_RATES,
    FreeBits,
    NearBest,
    Proposal,
    best_before,
    changed,
    infeasible,
)
from hf_fairtune.masks.space import regular
from hf_fairtune.search.space import LearningRate

FOUR = regular("paper36", 4)
PROPOSALS = [FreeBits(), NearBest()]


@pytest.mark.parametrize("proposal", PROPOSALS, ids=str)
def test_drawing_is_idempotent_and_the_same_on_every_process(proposal: Proposal) -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0), direction="maximize")
    for _ in range(8):
        trial = study.ask()
        mask = proposal.draw(trial, FOUR)
        assert proposal.draw(trial, FOUR) == mask
        assert proposal.draw(FixedTrial(trial.params, trial.number), FOUR) == mask
        trial.set_user_attr("mask", list(mask.bits))
        study.tell(trial, sum(mask.bits))


@pytest.mark.parametrize("proposal", PROPOSALS, ids=str)
@pytest.mark.parametrize("preset", ["all", "linear", "attention", "layernorm", "mlp"])
@pytest.mark.parametrize("granularity", ["paper36", "split48"])
def test_a_preset_is_its_preset(proposal: Proposal, preset: str, granularity: str) -> None:
    study = optuna.create_study()
    study.enqueue_trial(proposal.params_of(preset, regular(granularity, 5)), user_attrs={PRESET: preset})
    assert proposal.draw(study.ask(), regular(granularity, 5)) == Mask.of(preset, regular(granularity, 5))


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_a_trial_is_near_the_best_new_and_the_same_again(direction: str) -> None:
    """Its rate is that of the best about every other time, else near it; a killed search draws what it drew."""
    study, again = (
        optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0), direction=direction) for _ in range(2)
    )
    proposal, rates, masks = NearBest(seed=3), LearningRate(1e-5, 1e-3), []
    kept = 0
    for number in range(30):
        trial, other = study.ask(), again.ask()
        bits = proposal.draw(trial, FOUR).bits
        rate = rates(trial)["learning_rate"]
        assert proposal.draw(other, FOUR).bits == bits
        assert rates(other)["learning_rate"] == rate
        if number:
            best = study.best_params["learning_rate"]
            assert 0.1 < rate / best < 10
            kept += rate == best
        assert rates(FixedTrial(trial.params, number))["learning_rate"] == rate
        masks.append(bits)
        for one, own in ((study, trial), (again, other)):
            own.set_user_attr("mask", list(bits))
            # The first stays the best.
            value = 1.0 - number / 100
            one.tell(own, value if direction == "maximize" else -value)
    assert len(set(masks)) == 30
    assert 8 <= kept <= 22


@pytest.mark.parametrize("n_blocks", [1, 3, 12])
def test_a_change_is_of_a_kind_or_of_a_run_or_of_few_bits(n_blocks: int) -> None:
    bits = Mask.of("attention", regular("paper36", n_blocks)).bits
    seen = set()
    for seed in range(300):
        found = changed(bits, regular("paper36", n_blocks), random.Random(seed))
        places = [place for place, (a, b) in enumerate(zip(bits, found, strict=True)) if a != b]
        blocks, kinds = {place // 3 for place in places}, {place % 3 for place in places}
        if len(kinds) == 1 and len(blocks) == n_blocks:
            seen.add("kind")
        elif blocks and blocks == set(range(min(blocks), max(blocks) + 1)) and len(blocks) <= n_blocks // 2:
            seen.add("run")
        else:
            assert len(places) <= max(len(bits) // 4, len(kinds) * (n_blocks // 2 or 1))
            seen.add("bits")
    assert seen >= {"kind", "bits"}
    assert "run" in seen or n_blocks == 1


def test_a_rate_near_the_best_stays_in_the_range() -> None:
    study = optuna.create_study()
    for kept, wanted in ((1e-9, 1e-5), (1.0, 1e-3), (1e-4, 1e-4)):
        trial = study.ask()
        trial.set_user_attr(KEPT_RATE, kept)
        assert LearningRate(1e-5, 1e-3)(trial)["learning_rate"] == wanted


def test_the_best_is_feasible_and_earlier() -> None:
    study = optuna.create_study(direction="minimize")
    for value, excess in ((0.3, -0.1), (0.0, 0.1), (0.2, 0.0), (0.1, 0.0)):
        trial = study.ask()
        assert best_before(trial) is None or trial.number > 0
        trial.set_user_attr("mask", [0, 1, 0])
        trial.set_constraint("min_auc", excess)
        study.tell(trial, value)
    assert [infeasible(trial) for trial in study.trials] == [[], ["min_auc"], [], []]
    found = best_before(study.ask())
    assert found is not None
    assert found.number == 3


def test_free_bits_are_published_names_and_types() -> None:
    trial = optuna.create_study().ask()
    FreeBits().draw(trial, regular("paper36", 12))
    assert list(trial.distributions) == [f"mask_{i}" for i in range(36)]
    assert all(isinstance(d, optuna.distributions.IntDistribution) for d in trial.distributions.values())


def test_a_preset_stays_itself_however_late_it_comes() -> None:
    study, proposal = optuna.create_study(), NearBest()
    first = study.ask()
    first.set_user_attr("mask", [1] * 12)
    study.tell(first, 0.5)
    study.enqueue_trial(proposal.params_of("attention", FOUR), user_attrs={PRESET: "attention"})
    assert proposal.draw(study.ask(), FOUR) == Mask.of("attention", FOUR)
    assert proposal.draw(study.ask(), FOUR) != Mask.of("attention", FOUR)
    assert proposal.draw(FixedTrial({"mask": 5}, 3), FOUR).bits[:4] == (1, 0, 1, 0)


def test_presets_are_what_a_granularity_can_express() -> None:
    known = FreeBits().presets(regular("paper36", 12))
    assert [(preset.name, preset.rate) for preset in known] == [
        one for one in PRESET_RATES if one[0] not in ("norm", "convolution")
    ]
    assert [preset.name for preset in FreeBits().presets(regular("attention12", 12))] == ["attention", "linear"]
