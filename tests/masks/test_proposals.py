"""Proposals: a trial gives one mask however often and wherever it is drawn; preset masks are among them."""

import optuna
import pytest
from optuna.trial import FixedTrial

from hf_fairtune.masks.mask import Mask
from hf_fairtune.masks.proposals import PRESET_RATES, FreeBits, Proposal, Structured, infeasible
from hf_fairtune.search.space import LearningRate

PROPOSALS = [FreeBits(), Structured(free_from=4), Structured(free_from=0)]


@pytest.mark.parametrize("proposal", PROPOSALS, ids=str)
def test_drawing_is_idempotent_and_the_same_on_every_process(proposal: Proposal) -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0), direction="maximize")
    for _ in range(8):
        trial = study.ask()
        mask = proposal.draw(trial, "paper36", 4)
        assert proposal.draw(trial, "paper36", 4) == mask
        assert proposal.draw(FixedTrial(trial.params, trial.number), "paper36", 4) == mask
        trial.set_user_attr("mask", list(mask.bits))
        study.tell(trial, sum(mask.bits))


@pytest.mark.parametrize("proposal", PROPOSALS[:2], ids=str)
@pytest.mark.parametrize("preset", ["all", "linear", "attention", "layernorm", "mlp"])
@pytest.mark.parametrize("granularity", ["paper36", "split48"])
def test_a_preset_is_its_preset(proposal: Proposal, preset: str, granularity: str) -> None:
    study = optuna.create_study()
    study.enqueue_trial(proposal.params_of(preset, granularity, 5))
    assert proposal.draw(study.ask(), granularity, 5) == Mask.of(preset, 5, granularity)


def test_structured_masks_are_one_run_of_blocks() -> None:
    params = {"first_block": 1, "n_blocks": 2, "train_norm1_norm2": False, "train_attention": True, "train_mlp": True}
    mask = Structured(free_from=9).draw(FixedTrial(params, 0), "paper36", 4)
    assert mask.bits == (0, 0, 0, 0, 1, 1, 0, 1, 1, 0, 0, 0)


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_neighbours_turn_one_to_three_bits_of_the_best(direction: str) -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0), direction=direction)
    proposal = Structured(free_from=3)
    for value in (0.2, 0.9, 0.5):
        trial = study.ask()
        trial.set_user_attr("mask", list(proposal.draw(trial, "paper36", 12).bits))
        study.tell(trial, value)
    best = study.best_trial.user_attrs["mask"]
    distances = []
    for _ in range(12):
        trial = study.ask()
        mask = proposal.draw(trial, "paper36", 12)
        distances.append(sum(a != b for a, b in zip(best, mask.bits, strict=True)))
    assert set(distances) == {1, 2, 3}


def test_a_neighbour_is_new_and_keeps_the_learning_rate_of_the_best() -> None:
    """One to three flips of nine bits make 129 masks, of which none comes twice."""
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0), direction="maximize")
    proposal, rates, masks = Structured(free_from=1), LearningRate(1e-5, 1e-3), []
    for number in range(30):
        trial = study.ask()
        bits = proposal.draw(trial, "paper36", 3).bits
        found = rates(trial)["learning_rate"]
        trial.set_user_attr("mask", list(bits))
        masks.append(bits)
        # The first stays the best.
        study.tell(trial, 1.0 - number / 100)
        assert found == study.best_params["learning_rate"]
        assert rates(FixedTrial(trial.params, number))["learning_rate"] == found
    assert len(set(masks)) == 30


def test_neighbours_are_of_the_best_feasible_mask() -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0), direction="minimize")
    proposal, masks = Structured(free_from=3), []
    for value, excess in ((0.3, -0.1), (0.0, 0.1), (0.2, 0.0)):
        trial = study.ask()
        masks.append(proposal.draw(trial, "paper36", 12).bits)
        trial.set_user_attr("mask", list(masks[-1]))
        trial.set_constraint("min_auc", excess)
        study.tell(trial, value)
    assert [infeasible(trial) for trial in study.trials] == [[], ["min_auc"], []]
    found = proposal.draw(study.ask(), "paper36", 12).bits
    away = [sum(a != b for a, b in zip(found, mask, strict=True)) for mask in masks]
    assert away[2] <= 3 < min(away[:2])


def test_free_bits_are_published_names_and_types() -> None:
    trial = optuna.create_study().ask()
    FreeBits().draw(trial, "paper36", 12)
    assert list(trial.distributions) == [f"mask_{i}" for i in range(36)]
    assert all(isinstance(d, optuna.distributions.IntDistribution) for d in trial.distributions.values())


def test_what_a_trial_holds_decides_not_its_number() -> None:
    """A preset queued late stays itself, and a winner drawn under a smaller number of trials is found again."""
    proposal = Structured(free_from=0)
    fixed = FixedTrial(proposal.params_of("attention", "paper36", 4), 9)
    assert proposal.draw(fixed, "paper36", 4) == Mask.of("attention", 4)
    assert Structured(free_from=99).draw(FixedTrial({"mask": 5}, 3), "paper36", 4).bits[:4] == (1, 0, 1, 0)


def test_presets_are_what_a_granularity_can_express() -> None:
    known = FreeBits().presets("paper36", 12)
    assert [(preset.name, preset.rate) for preset in known] == list(PRESET_RATES)
    assert [preset.name for preset in FreeBits().presets("attention12", 12)] == ["attention", "linear"]
