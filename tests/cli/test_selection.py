"""`fairtune search --selection`: what is chosen, what is kept for it, and that a kill in between changes nothing."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from optuna.pruners import NopPruner

from hf_fairtune.audits.engine.delong import auc
from hf_fairtune.cli import search as command
from hf_fairtune.cli.main import main
from hf_fairtune.document.document import Document
from hf_fairtune.document.search import Search
from hf_fairtune.files.kept_json import read_json, write_json
from hf_fairtune.search import modes
from hf_fairtune.show.chosen import chosen_by
from hf_fairtune.trainer.fair import FairTrainer
from hf_fairtune.trainer.timing import Cost
from tests.cli.conftest import run_without_card
from tests.cli.test_job import without_times
from tests.conftest import KilledError

TRIALS = 4


@pytest.fixture(scope="module", autouse=True)
def unpruned() -> Iterator[None]:
    """Every trial ends, so that every rule weighs the same ones."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(modes, "MedianPruner", lambda **_: NopPruner())
        yield


@pytest.fixture(scope="module")
def quick(flags: list[str]) -> list[str]:
    """Flags of a short search, but for folder and rule."""
    more = f"--num_train_epochs 2 --trials {TRIALS} --seeds 1 --baselines none --selection"
    return [*flags, *more.split()]


@pytest.fixture(scope="module")
def folds(quick: list[str]) -> list[str]:
    """Flags of one by folds, whose baseline is chosen by them, too."""
    return [*quick, "folds", "--baselines", "linear", "--baseline_trials", "1"]


@pytest.fixture(scope="module")
def whole(folds: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of that search, without card."""
    return run_without_card("search", folds, tmp_path_factory.mktemp("chosen") / "folds")


@pytest.fixture(scope="module")
def search(quick: list[str], tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Run a search by a rule once, and return its folder."""
    folder = tmp_path_factory.mktemp("chosen")

    def run(rule: str) -> Path:
        if not (folder / rule).exists():
            assert main(["search", *quick, rule, "--output_dir", str(folder / rule)]) == 0
        return folder / rule

    return run


def search_of(folder: Path) -> Search:
    found = Document.load(folder).run
    assert found is not None
    assert found.search is not None
    return found.search


def lowest(labels: np.ndarray, scores: np.ndarray, groups: np.ndarray) -> float:
    return min(auc(labels[groups == g], scores[groups == g]) for g in np.unique(groups))


def test_trials_keep_the_scores_of_their_values(search: Callable[[str], Path]) -> None:
    folder = search("best")
    found = search_of(folder)
    splits = json.loads((folder / "run.json").read_text())
    assert splits["selection"] == "best"
    assert sorted(path.name for path in (folder / "trials").iterdir()) == [f"{n}.npy" for n in range(TRIALS)]
    values = [trial.value for trial in found.trials]
    assert found.best_trial == int(np.argmax(values))
    assert found.selection is not None
    assert [(one.trial, one.value) for one in found.selection.candidates] == list(enumerate(values))
    card = (folder / "README.md").read_text()
    assert "| chosen by | the best value |" in card
    assert "| best value |" not in card


@pytest.mark.parametrize("rule", ["lower_bound", "one_se"])
def test_a_rule_that_reads_scores(search: Callable[[str], Path], rule: str) -> None:
    """The trials are those of any other rule; what is trained is what was chosen."""
    folder, best = search(rule), search_of(search("best"))
    found, document = search_of(folder), Document.load(folder)
    assert [trial.value for trial in found.trials] == [trial.value for trial in best.trials]
    assert found.selection is not None
    assert found.selection.rule == rule
    chosen = found.chosen
    assert chosen is not None
    if rule == "lower_bound":
        bounds = {one.trial: one.bound for one in found.selection.candidates}
        assert bounds[chosen.number] == max(bounds.values())
        assert all(bounds[trial.number] < trial.value for trial in found.trials)
    else:
        top = max(trial.value for trial in found.trials)
        errors = {one.trial: one.error for one in found.selection.candidates}
        kept = [trial for trial in found.trials if top - trial.value <= errors[trial.number]]
        assert chosen.trainable_parameters == min(trial.trainable_parameters or 0 for trial in kept)
    training = document.model_named("model").training
    assert training is not None
    assert training.steps[0].learning_rate == chosen.learning_rate
    assert training.steps[0].log[-1]["eval_min_group_auc"] == chosen.value
    card = (folder / "README.md").read_text()
    assert f"| chosen trial | {chosen.number} |" in card
    assert f"| chosen by | {found.selection.title} |" in card
    assert ("| best value |" in card) == (found.better is not None)


def test_the_price_of_finalists(
    folds: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """4 of the winner's search and 1 of the baseline's, each on 3 folds in another hour."""
    asked = []

    def cost(*_: Any, **options: Any) -> Cost:
        asked.append(options["refits"])
        return Cost(0, 3600, 0, 0, finalist=3 * 3600)

    def stop(*_: Any) -> None:
        raise KilledError

    monkeypatch.setattr(command, "cost", cost)
    monkeypatch.setattr(command, "choose", stop)
    with pytest.raises(KilledError):
        main(["search", *folds, "--output_dir", str(tmp_path)])
    assert {*asked} == {3}
    line = "price: 5 trials + 15 trainings of finalists + 2 trainings of 2 epochs each: about 22 h 00 min"
    assert line in capsys.readouterr().out


@pytest.mark.usefixtures("cardless")
def test_killed_in_the_folds(
    whole: Path,
    folds: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """In the second epoch of the third fold training: the same command ends as if it had not been."""
    step, seen = FairTrainer.training_step, set[str]()

    def die(self: FairTrainer, *args: Any, **kwargs: Any) -> Any:
        place = Path(self.args.output_dir)
        if place.parent.parent.name == "folds":
            seen.add(str(place))
            if len(seen) == 3 and (self.state.epoch or 0) > 1:
                raise KilledError
        return step(self, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(FairTrainer, "training_step", die)
        with pytest.raises(KilledError):
            main(["search", *folds, "--output_dir", str(tmp_path)])
    kept = sorted((tmp_path / "trials").glob("*-*.npy"))
    assert len(kept) == 2
    written = [path.stat().st_mtime_ns for path in kept]
    assert list((tmp_path / "folds").glob("*/2-of-3/checkpoint-*"))
    assert main(["search", *folds, "--output_dir", str(tmp_path)]) == 0
    said = f"trial {search_of(tmp_path).best_trial} is chosen by {chosen_by(search_of(tmp_path))}"
    assert said.endswith(" out of fold")
    assert said in "".join(capsys.readouterr())
    assert [path.stat().st_mtime_ns for path in kept] == written
    assert without_times(Document.load(tmp_path)) == without_times(Document.load(whole))
    assert not (tmp_path / "folds").exists()


def test_folds_score_every_labelled_row_by_a_model_that_did_not_see_it(whole: Path) -> None:
    found, document = search_of(whole), Document.load(whole)
    assert found.selection is not None
    assert [one.trial for one in found.selection.candidates] == [
        trial.number for trial in sorted(found.trials, key=lambda trial: -trial.value)
    ]
    # 4 finalists, 3 folds, 2 epochs.
    assert found.selection.epochs == 24
    budget = document.model_named("model").budget
    assert budget is not None
    assert budget.epochs == 24 + sum(len(trial.values) for trial in found.trials)
    values = {one.trial: one.value for one in found.selection.candidates}
    assert values[found.best_trial or 0] == max(values.values())
    sizes = [document.data.splits[name].n for name in ("train", "validation")]
    for trial in range(TRIALS):
        parts = [np.load(path) for path in sorted((whole / "trials").glob(f"{trial}-*.npy"))]
        assert len(parts) == 3
        assert sum(map(len, parts)) == sum(int(size or 0) for size in sizes)


def test_a_trial_without_its_scores_is_named(
    search: Callable[[str], Path], quick: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A study of before the scores were kept, or one that lost a file, is not weighed in part."""
    for rule, name in (("best", "search.db"), ("best", "splits.json"), ("best", "trials")):
        source = search(rule) / name
        if source.is_dir():
            shutil.copytree(source, tmp_path / name)
        elif source.is_file():
            shutil.copy(source, tmp_path / name)
    (tmp_path / "trials" / "1.npy").unlink()
    shutil.copy(search("best") / "run.json", tmp_path / "run.json")
    write_json(tmp_path / "run.json", read_json(tmp_path / "run.json") | {"selection": "one_se"})
    assert main(["search", *quick, "one_se", "--output_dir", str(tmp_path)]) != 0
    assert "trial 1 was run without keeping its scores" in capsys.readouterr().err
    # Cut short, as a file system may leave it.
    (tmp_path / "trials" / "1.npy").write_bytes(b"\x93NUMPY")
    assert main(["search", *quick, "one_se", "--output_dir", str(tmp_path)]) != 0
    assert "1.npy` is missing or damaged" in capsys.readouterr().err
    # Those of another trial.
    shutil.copy(search("best") / "trials" / "2.npy", tmp_path / "trials" / "1.npy")
    assert main(["search", *quick, "one_se", "--output_dir", str(tmp_path)]) != 0
    assert "the scores of trial 1 give min_group_auc" in capsys.readouterr().err


def test_another_rule_is_another_run(search: Callable[[str], Path], quick: list[str], capsys: Any) -> None:
    assert main(["search", *quick, "one_se", "--output_dir", str(search("best"))]) != 0
    assert "holds another run (other selection)" in capsys.readouterr().err
    assert main(["search", *quick, "luck", "--output_dir", str(search("best"))]) != 0
