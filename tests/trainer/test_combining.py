"""Combinations through `FairTrainer.hyperparameter_search`: what `train()` makes of the trials, and what is kept."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from hf_fairtune import FairTrainer, FairTuneError
from hf_fairtune.audits.compute import scores_from_logits
from hf_fairtune.combinations.combination import combination_named
from hf_fairtune.combinations.library import Library, Step
from hf_fairtune.combinations.mean import MeanModel
from hf_fairtune.families.moved import move
from hf_fairtune.search.kept import read_weights
from hf_fairtune.trainer.stages import start_model
from tests.trainer.test_searching import searcher, trials

TRIALS = 3


def two(self: Library, most: int) -> list[Step]:
    """Take the chosen trial and another one, whatever they are worth."""
    other = 0 if self.first else 1
    self.scores_of([self.first, other])
    return [Step(self.first, 0.5, 0.4), Step(other, 0.6, 0.5)]


@pytest.fixture(scope="module", autouse=True)
def eager() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("best_mean", "best_soup"):
            patch.setattr(Library, name, two)
        yield


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], FairTrainer]:
    """A trainer whose search was combined by a rule, of one study of which every trial keeps its weights."""
    folder = tmp_path_factory.mktemp("combined")

    def combined(rule: str) -> FairTrainer:
        made = searcher(folder, num_train_epochs=1)
        made.hyperparameter_search(n_trials=TRIALS, combine=rule)
        return made

    combined("soup")
    return combined


def members(made: FairTrainer) -> list[int]:
    assert made.search is not None
    assert made.search.combination is not None
    return [member.trial for member in made.search.combination.members]


def folder(made: FairTrainer) -> Path:
    return Path(made.args.output_dir) / "trials"


def validation(made: FairTrainer) -> np.ndarray:
    return scores_from_logits(made.predict(made.eval_dataset).predictions)


def test_a_soup_is_the_mean_of_the_weights_that_members_kept(run: Callable[[str], FairTrainer]) -> None:
    made = run("soup")
    made.train()
    assert len(list(folder(made).glob("*.safetensors"))) == TRIALS
    parts = [read_weights(folder(made) / f"{number}.safetensors") for number in members(made)]
    own = start_model(made).state_dict()
    for name, values in made.model.state_dict().items():
        given = torch.stack([part.get(name, own[name]) for part in parts]).double()
        assert torch.equal(values, given.mean(0).float()), name


def test_the_kept_weights_of_a_trial_give_its_kept_scores(run: Callable[[str], FairTrainer]) -> None:
    made = run("soup")
    for number in range(TRIALS):
        model = start_model(made)
        move(model, read_weights(folder(made) / f"{number}.safetensors"))
        made.model = made.model_wrapped = model
        assert np.array_equal(validation(made), np.load(folder(made) / f"{number}.npy"))


def test_an_ensemble_is_the_mean_of_the_scores_that_members_kept(run: Callable[[str], FairTrainer]) -> None:
    made = run("ensemble")
    made.train()
    assert isinstance(made.model, MeanModel)
    assert made.search is not None
    assert made.search.combination is not None
    assert made.search.combination.models == 2
    kept = [np.load(folder(made) / f"{number}.npy") for number in members(made)]
    assert validation(made) == pytest.approx(np.mean(kept, axis=0), abs=1e-6)
    # Chosen from again, the others' weights are of no use, and gone.
    assert sorted(int(path.stem) for path in folder(made).glob("*.safetensors")) == sorted(members(made))
    with pytest.raises(FairTuneError, match=r"trial \d has no kept weights .* cannot combine it with more trials"):
        made.hyperparameter_search(n_trials=TRIALS + 1, combine="ensemble")
    assert [state for _, state, *_ in trials(Path(made.args.output_dir))].count("COMPLETE") == TRIALS


def test_without_a_combination_no_weights_are_kept(tmp_path: Path) -> None:
    made = searcher(tmp_path, num_train_epochs=1)
    made.hyperparameter_search(n_trials=1)
    assert [path.name for path in folder(made).iterdir()] == ["0.npy"]
    assert combination_named("none").combines is False
    made.compute_loss_func = lambda *_, **__: torch.zeros(())
    with pytest.raises(FairTuneError, match="`compute_loss_func` would not ask the teacher"):
        made.hyperparameter_search(n_trials=2, combine="distill")
