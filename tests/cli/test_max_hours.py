"""`fairtune search --max_hours`: a shorter search with equal budgets, said on the card; a price leaves no trace."""

import time
from pathlib import Path
from typing import Any

import pytest

from hf_fairtune.cli import search as command
from hf_fairtune.cli.main import main
from hf_fairtune.cli.spending import Spending
from hf_fairtune.document.document import Document
from hf_fairtune.document.search import Search
from hf_fairtune.search.hours import Clock
from hf_fairtune.trainer.fair import FairTrainer
from hf_fairtune.trainer.timing import Cost
from tests.cli.test_job import without_times

PRICED = "price: 4 trials + 2 trainings of 1 epoch each: about "


@pytest.fixture(scope="module", autouse=True)
def unpriced() -> None:
    """Time what is priced, as a run outside of the tests does."""


@pytest.fixture
def short(flags: list[str]) -> list[str]:
    """Flags of a search of two trials an epoch long, and of two of a baseline."""
    more = "--num_train_epochs 1 --trials 2 --baselines full --seeds 1 --learning_rate_low 1e-4"
    return [*flags, *more.split()]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """An evaluation in a training takes an hour by the clock, and a trial and a training cost one."""
    now = [0.0]
    evaluate = FairTrainer._evaluate

    def slow(self: FairTrainer, *args: Any, **kwargs: Any) -> dict[str, float]:
        now[0] += 3600
        return evaluate(self, *args, **kwargs)

    def spending(trainer: FairTrainer, search: command.SearchArguments, clock: Clock) -> Spending:
        an_hour = Cost(0, 3600, 0, 0)
        limit = 3600 * (search.max_hours or 1e9)
        return Spending(clock, limit, search.trials, search.trials, search.seeds, [an_hour], {"full": an_hour})

    monkeypatch.setattr(FairTrainer, "_evaluate", slow)
    monkeypatch.setattr(command, "spending", spending)
    monkeypatch.setattr(time, "monotonic", lambda: now[0])


def search_of(folder: Path) -> Search:
    run = Document.load(folder).run
    assert run is not None
    assert run.search is not None
    return run.search


def test_the_best_so_far_is_handed_over(
    short: list[str], tmp_path: Path, clock: None, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each of n trials takes an hour, beside each the baseline's, and there are two trainings: 2 n + 2 <= 9 hours."""
    run, trials = tmp_path / "run", ["--trials", "8"]
    hours = [*short, *trials, "--max_hours", "9", "--output_dir", str(run)]
    assert main(["search", *hours]) == 0
    printed = capsys.readouterr().out
    assert "3 of 8 trials ran; what is left of 9 h is for the trainings" in printed
    own, baseline = search_of(run), search_of(run / "baselines" / "full")
    assert (own.n_trials, own.n_finished, own.max_hours, own.out_of_hours) == (8, 3, 9, True)
    # Equal budgets: no more than the winner finished.
    assert (baseline.n_trials, baseline.n_finished, baseline.out_of_hours) == (3, 3, False)
    assert Clock(run).before == pytest.approx(8 * 3600)
    card = (run / "README.md").read_text()
    assert "8 asked for; 3 complete; the limit of 9 hours ended the search |" in card
    assert "| FairTune | 3 of 8 | 3 |" in card
    assert "| Full fine-tuning | 3 | 3 |" in card
    assert "The run's limit of hours ended the search; a baseline had as many trials as the winner finished." in card
    shared = search_of(run / "share")
    assert (shared.max_hours, shared.out_of_hours, shared.n_trials) == (9, True, 8)
    # It is finished, though fewer trials ran than were asked for.
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    assert main(["search", *hours]) == 0
    assert main(["search", *hours, "--max_hours", "50"]) == 0
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before
    assert "is finished; nothing was run" in capsys.readouterr().out
    assert main(["search", *hours, "--trials", "9"]) == 2
    assert "ended with 3 trials and its test split is scored; for 9 trials choose" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("hours", "line"),
    [
        ("0", "`--max_hours` is 0; give a finite number above 0."),
        ("nan", "`--max_hours` is nan; give a finite number above 0."),
        (
            "3",
            "`--max_hours` is 3, but one trial and what must follow take up to 5 h 00 min; give 5, or fewer --seeds",
        ),
    ],
)
def test_hours_that_cannot_work(
    short: list[str], tmp_path: Path, clock: None, hours: str, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["search", *short, "--max_hours", hours, "--output_dir", str(tmp_path / "o")]) == 2
    assert line in capsys.readouterr().err


@pytest.mark.usefixtures("cardless")
def test_a_priced_search_is_the_one_without(
    short: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Weights, trials and audits, bit for bit."""
    folders = tmp_path / "priced", tmp_path / "plain"
    assert main(["search", *short, "--output_dir", str(folders[0])]) == 0
    assert PRICED in capsys.readouterr().out
    an_hour = Cost(0, 3600, 0, 0)
    monkeypatch.setattr(command, "cost", lambda *_, **__: an_hour)
    assert main(["search", *short, "--output_dir", str(folders[1])]) == 0
    assert f"{PRICED}6 h 00 min (± 25 %)" in capsys.readouterr().out
    documents = [without_times(Document.load(folder)) for folder in folders]
    assert documents[0] == documents[1]
    weights = [(folder / "model.safetensors").read_bytes() for folder in folders]
    assert weights[0] == weights[1]
    assert not list(folders[0].glob(".*"))


@pytest.mark.usefixtures("cardless")
def test_a_training_has_a_price(flags: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    more = ["--method", "full", "--num_train_epochs", "1", "--output_dir", str(tmp_path)]
    assert main(["train", *flags, *more]) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("price: ")]
    assert line.startswith("price: 1 training of 1 epoch: about ")
    assert " GB of memory; " in line


@pytest.mark.usefixtures("cardless")
def test_a_repair_has_a_price(repairing: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["debias", *repairing, "--num_train_epochs", "1", "--output_dir", str(tmp_path)]) == 0
    assert "price: 1 training of 1 epoch: about " in capsys.readouterr().out
