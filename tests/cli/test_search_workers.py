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


def test_workers_on_ray_end_as_one_worker_does(flags: list[str], tmp_path: Path) -> None:
    """The script, on a Ray cluster of this machine alone: trials, values and winner."""
    pytest.importorskip("ray", reason="no ray: `pip install hf-fairtune[ray]`")
    script = Path(__file__).parents[2] / "scripts" / "launch" / "ray_search.py"
    more = [*flags, "--mode", "random", "--trials", "4", "--num_train_epochs", "1", "--output_dir"]
    given = [sys.executable, str(script), "--workers", "2", "--report_to", "none", "--disable_tqdm", "true"]
    done = subprocess.run([*given, *more, str(tmp_path / "ray")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    one = [*more, str(tmp_path / "one"), "--seeds", "1", "--baselines", "none"]
    with without_card():
        assert main(["search", *one]) == 0
    found, wanted = (search_of(Document.load(tmp_path / name)) for name in ("ray", "one"))
    assert [(t.number, t.state, t.params, t.value) for t in found.trials] == [
        (t.number, t.state, t.params, t.value) for t in wanted.trials
    ]
    assert found.best_trial == wanted.best_trial
    assert f"trial {found.best_trial} wins with" in done.stdout
