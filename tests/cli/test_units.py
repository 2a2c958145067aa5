"""`fairtune units`: a table of the bits of a model, and a file to edit that a search takes."""

from importlib.util import find_spec
from pathlib import Path

import pytest

from hf_fairtune.cli.main import main
from tests.families.backbones import backbone


def test_units_of_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    backbone("resnet").save_pretrained(tmp_path / "model")
    assert main(["units", str(tmp_path / "model"), "--output", str(tmp_path / "units.yaml")]) == 0
    printed = capsys.readouterr().out
    assert "resnet: 5 units of `stages`" in printed
    assert "head (always trained)" in printed
    assert "an adapter that stock PEFT loads" in printed
    assert main(["units", str(tmp_path / "model"), "--output", str(tmp_path / "units.yaml")]) == 2
    assert "is there already; give another --output" in capsys.readouterr().err
    assert main(["units", str(tmp_path / "model"), "--units", str(tmp_path / "units.yaml")]) == 0
    again = capsys.readouterr().out
    assert again.splitlines()[1:] == [line for line in printed.splitlines()[1:] if "wrote" not in line and line]


def test_what_is_no_classifier_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["units", str(tmp_path)]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()[-1:]
    assert line.startswith(f"fairtune: `--model {tmp_path}` is no image classifier")


@pytest.mark.parametrize(("kind", "title"), [("deit", "deit: 36 units"), ("levit", "levit: ")])
def test_a_config_that_names_no_class(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str, title: str
) -> None:
    """A model type of several classes: its usual one."""
    (tmp_path / "config.json").write_text(f'{{"model_type": "{kind}"}}')
    assert main(["units", str(tmp_path)]) == 0
    assert capsys.readouterr().out.startswith(title)


@pytest.mark.skipif(find_spec("timm") is not None, reason="says that timm is missing")
def test_a_missing_library_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "timm_wrapper", "architecture": "resnet18"}')
    assert main(["units", str(tmp_path)]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert "requires the timm library" in line
