"""Paths that the system refuses, damaged models and impossible numbers: one line each, and nothing is left."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from hf_fairtune.cli.main import main, path_refusal
from hf_fairtune.surroundings import disk_is_full
from tests.cli.test_bad_input import replaced
from tests.spoiling import SPOILINGS, emptied, truncated, zeroed

LONG = "a" * 300


def refused(command: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Return the one line that a command is refused by."""
    assert main(command) == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("fairtune: ")]
    return line


@pytest.fixture(scope="module")
def frame(lesions: Path) -> pd.DataFrame:
    parts = [pd.read_csv(path).assign(folder=path.parent) for path in sorted(lesions.glob("*/metadata.csv"))]
    found = pd.concat(parts, ignore_index=True)
    return found.assign(image=[str(folder / name) for folder, name in zip(found.folder, found.file_name, strict=True)])


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        (f"/{LONG}.png", "File name too long"),
        ("/a" * 3000, "File name too long"),
        ("{folder}/loop.png", "Too many levels of symbolic links"),
        ("{folder}/table.parquet/a.png", "Not a directory"),
        ("/a\0b.png", "embedded null byte"),
    ],
    ids=["name", "path", "loop", "file", "nul"],
)
@pytest.mark.parametrize("command", ["train", "audit"])
def test_image_paths_that_the_system_refuses(
    flags: list[str], frame: pd.DataFrame, tmp_path: Path, command: str, path: str, reason: str,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    (tmp_path / "loop.png").symlink_to("loop.png")
    table = frame.drop(columns=["folder", "file_name"])
    table.loc[[3, 5], "image"] = path.format(folder=tmp_path)
    table.to_parquet(tmp_path / "table.parquet")
    own = replaced(flags, "--dataset", str(tmp_path / "table.parquet"))
    if command == "audit":
        own = [*own[: own.index("--use_cpu")], "--split", "all"]
    line = refused([command, *own, "--output_dir", str(tmp_path / "o")], capsys)
    assert f"2 of 300 image files cannot be read ({reason}" in line
    assert len(line) < 450
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize("spoil", [one for one in SPOILINGS if not one.__name__.startswith("flipped")])
def test_a_damaged_model(
    flags: list[str], base: Path, tmp_path: Path, spoil: Callable[[Path], None], capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(base, tmp_path / "model")
    spoil(tmp_path / "model" / "model.safetensors")
    own = replaced(flags, "--model", str(tmp_path / "model"))
    line = refused(["train", *own, "--output_dir", str(tmp_path / "o")], capsys)
    assert "is no image classifier: " in line
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize("name", ["config.json", "preprocessor_config.json"])
@pytest.mark.parametrize("spoil", [truncated, emptied, zeroed])
def test_a_damaged_configuration(
    flags: list[str], base: Path, tmp_path: Path, name: str, spoil: Callable[[Path], None],
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    shutil.copytree(base, tmp_path / "model")
    spoil(tmp_path / "model" / name)
    own = replaced(flags, "--model", str(tmp_path / "model"))
    assert "`--model " in refused(["train", *own, "--output_dir", str(tmp_path / "o")], capsys)


def test_weights_of_other_shapes(
    flags: list[str], base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(base, tmp_path / "model")
    config = tmp_path / "model" / "config.json"
    config.write_text(config.read_text().replace('"hidden_size": 16', '"hidden_size": 18'))
    own = replaced(flags, "--model", str(tmp_path / "model"))
    own = [*own[: own.index("--use_cpu")], "--split", "all"]
    assert "is no image classifier: " in refused(["audit", *own, "--output_dir", str(tmp_path / "o")], capsys)


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("per_device_train_batch_size", "0", "1 or more"),
        ("per_device_train_batch_size", "-3", "1 or more"),
        ("per_device_eval_batch_size", "0", "1 or more"),
        ("gradient_accumulation_steps", "0", "1 or more"),
        ("num_train_epochs", "-1", "a finite number above 0"),
        ("num_train_epochs", "0", "a finite number above 0"),
        ("num_train_epochs", "nan", "a finite number above 0"),
        ("num_train_epochs", "inf", "a finite number above 0"),
        ("seed", "-1", "a whole number from 0 to 4294967295"),
        ("dataloader_num_workers", "-1", "0 or more"),
        ("adam_beta1", "2", "a number from 0 to below 1"),
        ("label_smoothing_factor", "3", "a number from 0 to 1"),
        ("max_grad_norm", "nan", "a finite number, 0 or more"),
    ],
)
def test_numbers_that_no_training_can_have(
    flags: list[str], tmp_path: Path, name: str, value: str, wanted: str, capsys: pytest.CaptureFixture[str]
) -> None:
    line = refused(["train", *flags, f"--{name}", value, "--output_dir", str(tmp_path / "o")], capsys)
    assert line == f"fairtune: `{name}` is {value}; give {wanted}."
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize(("place", "reason"), [(LONG, "cannot be used (File name too long)"), ("loop", "leads back")])
def test_output_folders_that_the_system_refuses(
    flags: list[str], tmp_path: Path, place: str, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "loop").symlink_to("loop")
    assert reason in refused(["train", *flags, "--output_dir", str(tmp_path / place)], capsys)


def test_only_paths_are_refused() -> None:
    """An error of the system without a path, or another error, is one of ours, and shows where."""
    assert path_refusal(PermissionError(13, "Permission denied", "/a")) == (
        "`/a` cannot be used (Permission denied); correct the path, or its permissions."
    )
    for error in (OSError("no"), OSError(5, "Input/output error"), ValueError("no"), RuntimeError("no")):
        assert path_refusal(error) is None
    assert disk_is_full(OSError(122, "Disk quota exceeded"))
