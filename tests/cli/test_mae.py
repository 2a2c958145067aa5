"""`--model` may be a masked autoencoder where a head is trained, and says what it takes of it."""

from pathlib import Path

import pytest
from transformers import AutoModelForImageClassification

from hf_fairtune.cli.main import main
from hf_fairtune.loading import say_keys
from tests.families.autoencoder import autoencoder_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return autoencoder_folder(tmp_path / "mae")


@pytest.mark.usefixtures("capsys")
def test_training_from_an_autoencoder(
    flags: list[str],
    folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    at = flags.index("--model") + 1
    run = [*flags[:at], str(folder), *flags[at + 1 :], "--num_train_epochs", "1", "--output_dir", str(tmp_path / "o")]
    say_keys.cache_clear()
    assert main(["train", *run, "--mask", "attention"]) == 0
    printed = capsys.readouterr().out
    assert printed.count("tensors are the autoencoder's") == 1
    assert (
        "note: 38 tensors are the autoencoder's; 40 of its decoder are left; new are classifier.bias, class" in printed
    )
    assert AutoModelForImageClassification.from_pretrained(tmp_path / "o").config.model_type == "vit"
    assert main(["debias", *run[:-1], str(tmp_path / "p")]) == 2
    (line,) = capsys.readouterr().err.splitlines()[-1:]
    assert line.startswith(f"fairtune: `{folder}` is no image classifier: Unrecognized configuration class")
