"""Two processes of one run: they end where one ends, audit once, and none outlives another that is killed."""

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from hf_fairtune.cli.main import main
from hf_fairtune.trainer.epoch_line import EpochLine
from scripts.benchmarks.two_processes import compared
from tests.cli.conftest import run_without_card
from tests.processes import start, together, wait

EPOCHS = "--method full --num_train_epochs 3 --learning_rate 3e-3 --per_device_train_batch_size"


@pytest.fixture(scope="module")
def training(flags: list[str]) -> list[str]:
    """Flags of a short training, but for the folder and the images a step and process."""
    return [*flags, *EPOCHS.split()]


@pytest.fixture(scope="module")
def whole(training: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of one that two processes trained, 16 images a step and process."""
    folder = tmp_path_factory.mktemp("together") / "train"
    assert together(lambda: main_of("train", [*training, "16"], folder), folder.parent / "logs") == [0, 0]
    return folder


def main_of(command: str, flags: list[str], folder: Path) -> int:
    run_without_card(command, flags, folder)
    return 0


@pytest.mark.usefixtures("cardless")
def test_a_training_ends_where_one_process_ends(whole: Path, training: list[str], tmp_path: Path) -> None:
    """The last step of an epoch has fewer images, which both share."""
    found = compared(run_without_card("train", [*training, "32"], tmp_path / "one"), whole)
    assert found.other == []
    assert found.equal > 1000
    # Sums in another order, which Adam makes steps of where a gradient is rounding alone.
    assert found.weights < 1e-3
    assert found.numbers < 1e-3


@pytest.mark.usefixtures("cardless")
def test_none_outlives_one_that_is_killed(
    whole: Path, training: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other says why it ends, at once; begun again, both end as if nothing had been."""
    written = EpochLine.on_evaluate

    def die(self: EpochLine, args: Any, state: Any, *more: Any, **objects: Any) -> None:
        written(self, args, state, *more, **objects)
        if os.environ["RANK"] == "1" and state.epoch >= 2:
            os.kill(os.getpid(), signal.SIGKILL)

    folder, logs = tmp_path / "train", tmp_path / "logs"
    command = ["train", *training, "16", "--output_dir", str(folder)]
    with monkeypatch.context() as patch:
        patch.setattr(EpochLine, "on_evaluate", die)
        begun = time.monotonic()
        assert wait(start(lambda: main(command), logs)) == [0, -signal.SIGKILL]
        assert time.monotonic() - begun < 60
    assert (logs / "rank0.json").read_text() == "2"
    (line,) = [line for line in (logs / "rank0.log").read_text().splitlines() if line.startswith("fairtune: ")]
    assert line.startswith("fairtune: another process of this run ended (connection ")
    assert line.endswith("); the same command goes on from here.")
    assert not (folder / "fairtune.json").exists()
    assert together(lambda: main(command), tmp_path / "again") == [0, 0]
    found = compared(whole, folder)
    assert (found.other, found.weights) == ([], 0)
    assert found.numbers < 1e-12


def test_two_processes_audit_once(
    whole: Path, flags: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each scores a half of the images; the main process audits, with the numbers of one."""
    at = flags.index("--model")
    own = [*flags[:at], *flags[at + 2 : flags.index("--use_cpu")], "--n_boot", "50", "--n_permutations", "10"]
    command = ["audit", str(whole), *own, "--output_dir"]
    # The page takes most of the time.
    monkeypatch.setattr("hf_fairtune.cli.audit.write_audit", lambda document, folder, _: document.save(folder))
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    assert together(lambda: main([*command, str(tmp_path / "two")]), tmp_path / "logs") == [0, 0]
    assert (tmp_path / "logs" / "rank1.log").read_text().count("AUC") == 0
    assert main([*command, str(tmp_path / "one")]) == 0
    assert compared(tmp_path / "one", tmp_path / "two")[1:3] == (0, [])
