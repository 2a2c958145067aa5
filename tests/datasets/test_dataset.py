"""The contract of a data set, over every file of the room."""

from pathlib import Path

import pytest

from hf_fairtune import catalog
from hf_fairtune.cli.flags import Parser
from hf_fairtune.cli.main import main
from hf_fairtune.data.arguments import DataArguments
from hf_fairtune.datasets.dataset import PreparedDataset, dataset_named
from hf_fairtune.errors import FairTuneError


def prepare(folder: Path, download: Path | None) -> Path:
    return folder / (download.name if download else "generated")


def made(official: str | None) -> PreparedDataset:
    return PreparedDataset("A.", prepare, "y", ("1", "2"), ("sex", "age:60"), cluster="patient", official=official)


@pytest.mark.parametrize("name", catalog.names("datasets"))
def test_every_data_set_says_what_it_is(name: str) -> None:
    found = dataset_named(name)
    assert found.title.endswith(".")
    assert "\n" not in found.title
    assert found.label
    assert found.positive
    assert found.groups


def test_flags_are_read_as_meant() -> None:
    (read,) = Parser(DataArguments).parse_args_into_dataclasses(made(None).flags(Path("t.csv")))
    assert (read.dataset, read.label, read.positive) == ("t.csv", ["y"], ["1", "2"])
    assert (read.group, read.cluster) == (["sex", "age:60"], "patient")


def test_an_official_download_is_asked_for(tmp_path: Path) -> None:
    found = made("https://example.org")
    with pytest.raises(FairTuneError, match=r"https://example.org.*no folder is given.*--download"):
        found.write(tmp_path)
    with pytest.raises(FairTuneError, match="absent` is no folder"):
        found.write(tmp_path, tmp_path / "absent")
    assert found.write(Path("a"), tmp_path) == Path("a") / tmp_path.name
    assert made(None).write(Path("a")) == Path("a/generated")


def test_lesions_are_prepared_by_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prepare"]) == 0
    assert "lesions  Generated skin lesions" in capsys.readouterr().out
    assert main(["prepare", "lesions", "--output_dir", str(tmp_path / "a b")]) == 0
    said = capsys.readouterr().out
    assert (
        f"--dataset '{tmp_path / 'a b'}' --label label --positive malignant --group skin --cluster patient_id" in said
    )
    assert len(list((tmp_path / "a b").glob("*/metadata.csv"))) == 3


def test_an_unknown_data_set_lists_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prepare", "imagenet"]) == 2
    assert "choose from lesions" in capsys.readouterr().err
