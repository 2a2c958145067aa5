"""A repair killed in either step, or between them, goes on and ends as if it had not been."""

import signal
from pathlib import Path

import pytest

from hf_fairtune.cli.main import main
from hf_fairtune.document.document import Document
from hf_fairtune.methods.facts import Facts
from hf_fairtune.methods.two_step import TwoStep
from hf_fairtune.trainer.epoch_line import EpochLine
from tests.cli.conftest import run_without_card
from tests.cli.test_job import without_times
from tests.conftest import KilledError
from tests.trainer.moments import signal_in_step


@pytest.fixture(scope="module")
def short(repairing: list[str]) -> list[str]:
    """Flags of a repair that ends with scores that can be calibrated, but for its folder."""
    return [*repairing, "--head_learning_rate", "0.02"]


@pytest.fixture(scope="module")
def whole(short: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of one that was not killed, without card."""
    return run_without_card("debias", short, tmp_path_factory.mktemp("runs") / "whole")


@pytest.mark.usefixtures("cardless")
@pytest.mark.parametrize("die_at", [3, "between", 4])
def test_a_killed_repair_goes_on(
    whole: Path,
    short: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    die_at: int | str,
) -> None:
    """Between the steps, in the first and in the second epoch of the head."""
    seen = 0
    write_line, prepare = EpochLine.on_evaluate, TwoStep.prepare

    def die(self: EpochLine, *args: object, **kwargs: object) -> None:
        nonlocal seen
        write_line(self, *args, **kwargs)  # type: ignore[arg-type]
        seen += "eval_loss" in (kwargs.get("metrics") or {})  # type: ignore[operator]
        if seen == die_at:
            raise KilledError

    def die_before_the_head(self: TwoStep, model: object, facts: Facts) -> object:
        if self.steps == "head" and die_at == "between":
            raise KilledError
        return prepare(self, model, facts)

    with monkeypatch.context() as patch:
        patch.setattr(EpochLine, "on_evaluate", die)
        patch.setattr(TwoStep, "prepare", die_before_the_head)
        with pytest.raises(KilledError):
            main(["debias", *short, "--output_dir", str(tmp_path)])
    assert not (tmp_path / "fairtune.json").exists()
    (tmp_path / "head" / "checkpoint-999").mkdir(parents=True)
    (tmp_path / "head" / "checkpoint-999" / "trainer_state.json").write_text('{"half": ')
    assert main(["debias", *short, "--output_dir", str(tmp_path)]) == 0
    assert (tmp_path / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()
    assert without_times(Document.load(tmp_path)) == without_times(Document.load(whole))


@pytest.mark.usefixtures("cardless")
def test_a_stopped_repair_goes_on(whole: Path, short: list[str], tmp_path: Path) -> None:
    """In the middle of an epoch of the extractor."""
    command = ["debias", *short, "--output_dir", str(tmp_path)]
    with signal_in_step(3, signal.SIGINT):
        assert main(command) == 128 + signal.SIGINT
    assert (tmp_path / "extractor" / "checkpoint-3").is_dir()
    assert main(command) == 0
    assert (tmp_path / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()
    assert without_times(Document.load(tmp_path)) == without_times(Document.load(whole))
