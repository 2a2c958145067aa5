"""A command has its folder to itself: a second start is refused in one line. That of a search is another worker."""

import shutil
from pathlib import Path

import pytest

from hf_fairtune.cli.main import main
from hf_fairtune.files.lock import hold
from hf_fairtune.trainer.epoch_line import EpochLine
from tests.other_process import Forked


@pytest.mark.parametrize(
    ("command", "more"),
    [
        ("train", ["--method", "full"]),
        ("debias", ["--method", "swift"]),
        ("debias", ["--method", "ladder"]),
        ("demo", []),
    ],
)
def test_a_second_start_is_refused(
    flags: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str, more: list[str]
) -> None:
    folder = tmp_path / "run"
    own = [] if command == "demo" else flags
    with Forked(lambda: hold(folder)):
        before = [*folder.iterdir()]
        assert main([command, *own, *more, "--output_dir", str(folder)]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line == (
            f"fairtune: another process is at work in `{folder}`; wait until it ends, or choose another output_dir."
        )
        assert [*folder.iterdir()] == before


@pytest.mark.usefixtures("cardless")
@pytest.mark.parametrize("comes_back", [False, True])
def test_a_folder_that_is_deleted_in_a_training(
    flags: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    comes_back: bool,
) -> None:
    """Whatever the training writes afterwards is no run's."""
    folder = tmp_path / "run"

    def delete(*_: object, **__: object) -> None:
        shutil.rmtree(folder)
        if comes_back:
            folder.mkdir()

    monkeypatch.setattr(EpochLine, "on_epoch_end", delete, raising=False)
    quick = ["--method", "full", "--num_train_epochs", "1", "--output_dir", str(folder)]
    quick += ["--save_strategy", "no"] if comes_back else []
    assert main(["train", *flags, *quick]) == 2
    *_, line = capsys.readouterr().err.splitlines()
    assert "run` was deleted while it was written to; the same command begins from the start." in line


@pytest.mark.usefixtures("cardless")
def test_a_damaged_record_is_written_again(
    flags: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As the line says: by the same command, from the last checkpoint, to the same bytes."""
    folder = tmp_path / "run"
    command = ["train", *flags, "--method", "full", "--num_train_epochs", "1", "--output_dir", str(folder)]
    assert main(command) == 0
    whole = {name: (folder / name).read_bytes() for name in ("model.safetensors", "fairtune.json", "rows.json")}
    (folder / "fairtune.json").write_bytes(whole["fairtune.json"][:1000])
    (folder / ".handover-x").mkdir()
    capsys.readouterr()
    assert main(command) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith(
        "restore it, or delete it and give the run's command again, which goes on from the last checkpoint."
    )
    (folder / "fairtune.json").unlink()
    assert main(command) == 0
    for name in ("model.safetensors", "rows.json"):
        assert (folder / name).read_bytes() == whole[name]
    assert main(command) == 0
    assert "is finished; nothing was run" in capsys.readouterr().out
    assert not (folder / ".handover-x").exists()
    (folder / "model.safetensors").write_bytes(b"")
    assert main(command) == 2
    assert "run/model.safetensors` has 0 bytes, not the" in capsys.readouterr().err
