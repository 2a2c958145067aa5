"""`fairtune search` started twice in one folder: the trials are shared, and the winner is trained once."""

import subprocess
import sys
from pathlib import Path

import pytest

from hf_fairtune.cli.main import main
from hf_fairtune.document.document import Document
from tests.cli.conftest import without_card
from tests.cli.run_folder import search_of
from tests.search.crews import start


def test_the_second_start_shares_the_trials_and_leaves(searching: list[str], tmp_path: Path) -> None:
    """Of the baselines too; the folder of the storage is in no file."""
    run = tmp_path / "run"
    storage = f"sqlite:///{tmp_path / 'own.db'}"
    flags = ["search", *searching, "--seeds", "1", "--mode", "random", "--trials", "4", "--num_train_epochs", "1"]
    flags += ["--storage", storage, "--output_dir", str(run)]

    def work() -> None:
        with without_card():
            raise SystemExit(main(flags))

    workers = [start(work, tmp_path / f"{i}.log") for i in range(2)]
    for worker in workers:
        worker.join()
    logs = [(tmp_path / f"{i}.log").read_text() for i in range(2)]
    assert [worker.exitcode for worker in workers] == [0, 0], logs
    left = [log for log in logs if "another worker trains what won" in log]
    assert len(left) <= 1
    assert sum("training FairTune at learning rate" in log for log in logs) == 1, logs
    found = search_of(Document.load(run))
    assert [trial.number for trial in found.trials] == list(range(4))
    assert {trial.state for trial in found.trials} == {"COMPLETE"}
    for name in ("full", "linear"):
        assert len(search_of(Document.load(run / "baselines" / name)).trials) == 2
    assert found.study == "fairtune in sqlite own.db"
    assert "own.db" in (run / "run.json").read_text()
    assert str(tmp_path / "own.db") not in (run / "run.json").read_text() + (run / "fairtune.json").read_text()


def test_workers_on_ray_share_one_search(searching: list[str], tmp_path: Path) -> None:
    """On a Ray cluster of this machine alone."""
    pytest.importorskip("ray", reason="no ray: `pip install hf-fairtune[ray]`")
    run, script = tmp_path / "run", Path(__file__).parents[2] / "scripts" / "launch" / "ray_search.py"
    flags = [*searching, "--seeds", "1", "--mode", "random", "--trials", "4", "--num_train_epochs", "1"]
    flags += ["--baselines", "none", "--storage", f"sqlite:///{tmp_path / 'own.db'}", "--output_dir", str(run)]
    given = [sys.executable, str(script), "--workers", "2", "--gpus", "0", "--", *flags]
    done = subprocess.run(given, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (done.stdout + done.stderr).count("training FairTune at learning rate") == 1
    found = search_of(Document.load(run))
    assert [(trial.number, trial.state) for trial in found.trials] == [(n, "COMPLETE") for n in range(4)]
