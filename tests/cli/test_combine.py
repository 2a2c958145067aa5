"""`fairtune search --combine distill`: the student beside the winner alone, killed in between, and what is refused."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hf_fairtune.cli.main import main
from hf_fairtune.combinations.library import Library, Step
from hf_fairtune.document.document import Document
from hf_fairtune.outgoing import publishable
from hf_fairtune.trainer.fair import FairTrainer
from tests.cli.test_job import without_times
from tests.conftest import KilledError


@pytest.fixture(scope="module")
def quick(flags: list[str]) -> list[str]:
    """Flags of a short search that combines, but for its folder."""
    more = "--num_train_epochs 1 --trials 3 --seeds 1 --baselines single linear --baseline_trials 1 --combine distill"
    return [*flags, *more.split(), "--output_dir"]


def two(self: Library, most: int) -> list[Step]:
    """Take the chosen trial and the one before or after it, whatever they are worth."""
    other = self.first - 1 if self.first else 1
    return [Step(self.first, 0.5, 0.4), Step(other, 0.6, 0.5)][: min(most, len(self.scored.scores))]


@pytest.fixture(scope="module", autouse=True)
def eager() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Library, "best_mean", two)
        yield


@pytest.fixture(scope="module")
def whole(quick: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("combined") / "run"
    assert main(["search", *quick, str(folder)]) == 0
    return folder


def test_the_student_stands_beside_the_winner_alone(whole: Path) -> None:
    document = Document.load(whole)
    assert document.run is not None
    search = document.run.search
    assert search is not None
    assert search.combination is not None
    members = [member.trial for member in search.combination.members]
    assert members[0] == search.best_trial
    assert len(members) == 2
    assert sorted(int(path.stem) for path in (whole / "trials").glob("*.safetensors")) == sorted(members)
    student, alone = document.model_named("model"), document.model_named("single")
    assert student.training is not None
    assert alone.training is not None
    assert student.training.mask == alone.training.mask
    assert student.training.steps[0].learning_rate == alone.training.steps[0].learning_rate
    # The winner alone is the trial again; the student is not.
    assert search.chosen is not None
    assert alone.training.steps[0].log[-1]["eval_min_group_auc"] == search.chosen.value
    assert student.training.steps[0].log[-1]["eval_log_loss"] != alone.training.steps[0].log[-1]["eval_log_loss"]
    assert document.model_named("single").budget == student.budget
    card = (whole / "README.md").read_text()
    assert f"of trials {', '.join(map(str, members))}; together on validation" in card
    assert "FairTune, the chosen trial alone" in card
    assert (whole / "baselines" / "single" / "model.safetensors").is_file()


def test_killed_in_the_students_training(whole: Path, quick: list[str], tmp_path: Path) -> None:
    """With the others' weights gone: the same command ends as if it had not been."""
    step = FairTrainer.training_step

    def die(self: FairTrainer, *args: Any, **kwargs: Any) -> Any:
        if self.method.teacher is not None:
            raise KilledError
        return step(self, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FairTrainer, "training_step", die)
        with pytest.raises(KilledError):
            main(["search", *quick, str(tmp_path)])
    assert len(list((tmp_path / "trials").glob("*.npy"))) == 3
    assert main(["search", *quick, str(tmp_path)]) == 0
    assert without_times(Document.load(tmp_path)) == without_times(Document.load(whole))


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (
            "--combine none --baselines single",
            "`--baselines single` is the winner without what",
        ),
        ("--combine distill --baselines groupdro", "the method 'groupdro' does not train by cross-entropy alone"),
        ("--combine distill --method groupdro", "the method 'groupdro' does not train by cross-entropy alone"),
        ("--combine luck", "invalid choice: 'luck'"),
    ],
)
def test_refused(flags: list[str], more: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    argv = ["search", *flags, *more.split(), "--trials", "1", "--output_dir", str(tmp_path / "out")]
    argv += [] if "--baselines" in more else ["--baselines", "none"]
    assert main(argv) != 0
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out" / "trials").exists()


def test_an_ensemble_is_trained_again_with_each_seed(
    flags: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = "--num_train_epochs 1 --trials 2 --seeds 3 --baselines none --combine ensemble --output_dir"
    assert main(["search", *flags, *more.split(), str(tmp_path)]) == 0
    printed = capsys.readouterr()
    assert "the members of FairTune are the kept trials; nothing is trained with seed 3\n" in printed.out
    assert "at learning rate" not in printed.out
    document, members = Document.load(tmp_path), {"0.safetensors", "1.safetensors"}
    assert document.run is not None
    assert document.run.search is not None
    assert document.run.search.combination is not None
    assert document.run.search.combination.models == 2
    order = [member.trial for member in document.run.search.combination.members]
    assert [line for line in printed.err.splitlines() if line.startswith("members: ")] == [
        f"members: training {place} of 2 · trial {trial} · seed {seed}"
        for seed in (4, 5)
        for place, trial in enumerate(order, 1)
    ]
    own = document.model_named("model")
    assert own.seeds == [3, 4, 5]
    assert own.training is not None
    assert {step.name for step in own.training.steps} == {"trial 0", "trial 1"}
    for seed in (4, 5):
        assert {path.name for path in (tmp_path / "seeds" / str(seed) / "trials").iterdir()} == members
    card = (tmp_path / "README.md").read_text()
    assert "It is 2 models, each stock-loadable, whose probabilities are averaged" in card
    assert (tmp_path / "average.py").read_text() in card
    assert {path.name for path in (tmp_path / "members").iterdir()} == {"0", "1"}
    publishable(tmp_path)
    assert main(["report", "--run", str(tmp_path)]) == 0
    assert (tmp_path / "README.md").read_text() == card
