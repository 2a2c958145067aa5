"""What the audit of a model notes about the model and its rows, and what it refuses."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from safetensors.torch import load_file, save_file

from hf_fairtune.cli.main import main
from hf_fairtune.document.document import Document
from tests.classifiers import resnet, vit
from tests.data.conftest import frame_of, write_table

FEW = ["--n_boot", "20", "--n_permutations", "9"]


@pytest.fixture
def images(tmp_path: Path) -> Path:
    frame = frame_of(24)
    return write_table(tmp_path / "images", frame.assign(y=[0, 1] * 12), "clinic.csv")


def saved(folder: Path, made: Any = vit, names: dict[int, str] | None = None) -> Path:
    model, processor = made(2)
    model.config.id2label = names or model.config.id2label
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def flags(model: Path, images: Path, *more: str) -> list[str]:
    cache = str(images.parent / "cache")
    data = ["--dataset", str(images), "--label", "y", "--group", "sex", "--data_cache", cache]
    return ["audit", str(model), *data, *FEW, *([] if "--split" in more else ["--split", "all"]), *more]


def test_what_a_user_may_not_expect(images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Classes without names, rows that nothing divides; the table of scores keeps the images' names and no split."""
    model, out = saved(tmp_path / "model"), tmp_path / "O"
    assert main(flags(model, images, "--split", "test", "--output_dir", str(out))) == 0
    printed = capsys.readouterr().err
    assert "note: the model's classes have no names: LABEL_1 is understood as y" in printed
    assert "note: all 24 rows are audited; nothing says whether the model was trained on some of them" in printed
    found = Document.load(out)
    assert (found.models[0].title, found.data.name, found.data.split_source) == ("model", "clinic.csv", None)
    table = pd.read_csv(out / "private" / "predictions.csv")
    assert "split" not in table
    assert table["image"].tolist() == pd.read_csv(images)["file_name"].tolist()
    again = ["audit", str(out / "private" / "predictions.csv"), "--label", "y", "--score", "score_LABEL_1", "--group"]
    assert main([*again, "sex", *FEW, "--output_dir", str(tmp_path / "P")]) == 0
    tables = (folder / "share" / "groups.csv" for folder in (out, tmp_path / "P"))
    assert len({table.read_bytes() for table in tables}) == 1


@pytest.mark.usefixtures("undrawn")
def test_rows_that_the_model_may_have_seen_are_a_question(
    images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither a split file beside the model nor a column of the data says which rows are of the test."""
    model, out = saved(tmp_path / "model"), tmp_path / "O"
    asked = [one for one in flags(model, images) if one not in ("--split", "all")]
    assert main(asked) == 2
    line = "Nothing says on which rows the model was trained: it has no splits.json, and the data no column `split`;"
    assert line in capsys.readouterr().err
    for answer in (["--split", "all"], ["--split", "test"]):
        assert main([*asked, *answer, "--output_dir", str(out)]) == 0
        assert "split" not in pd.read_csv(out / "private" / "predictions.csv")
    table = pd.read_csv(images)
    table.assign(split=["train"] * 12 + ["test"] * 12).to_csv(images, index=False)
    assert main([*asked, "--output_dir", str(out)]) == 0
    assert "12 rows of the split test are audited" in capsys.readouterr().err
    assert main([*asked, "--split", "all", "--output_dir", str(out)]) == 0
    assert "split" not in pd.read_csv(out / "private" / "predictions.csv")


@pytest.mark.parametrize("made", [vit, resnet])
def test_a_backbone_without_a_head_is_refused(
    made: Any, images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its scores would be those of random numbers."""
    model = saved(tmp_path / "model", made)
    weights = load_file(model / "model.safetensors")
    rest = {name: value for name, value in weights.items() if not name.startswith("classifier")}
    save_file(rest, model / "model.safetensors", metadata={"format": "pt"})
    assert main(flags(model, images)) == 2
    error = capsys.readouterr().err
    assert "lacks 2 weights of an image classifier (classifier" in error
    assert "which would be random numbers; give a model that was fine-tuned" in error


def test_the_reference_is_named_where_it_does_not_fit(
    images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, other = saved(tmp_path / "model"), saved(tmp_path / "other", names={0: "a", 1: "b"})
    assert main(flags(model, images, "--reference_model", str(other))) == 2
    assert "fairtune: --reference_model: the model's classes are a, b" in capsys.readouterr().err


@pytest.mark.parametrize(
    "wrong", [["--threshold", "best"], ["--correction", "none"], ["--confidence", "95"], ["--n_boot", "-1"]]
)
def test_flags_are_checked_before_an_image_is_scored(
    images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], wrong: list[str]
) -> None:
    assert main(flags(tmp_path / "no such model", images, *wrong)) == 2
    assert "does not exist" not in capsys.readouterr().err


def test_whoever_stops_reading_loses_no_file(tmp_path: Path) -> None:
    """As `fairtune audit ... | true` does; the exit status is that of a closed pipe, which is no gate's verdict."""
    table, out = tmp_path / "preds.csv", tmp_path / "O"
    pd.DataFrame({"y": [0, 1] * 30, "p": [0.2, 0.7, 0.6] * 20, "sex": list("FFMM") * 15}).to_csv(table, index=False)
    asked = ["audit", str(table), "--label", "y", "--score", "p", "--group", "sex", *FEW, "--output_dir", str(out)]
    reading, writing = os.pipe()
    os.close(reading)
    code = "import sys; from hf_fairtune.cli.main import main; sys.exit(main(sys.argv[1:]))"
    done = subprocess.run([sys.executable, "-c", code, *asked], stdout=writing, stderr=subprocess.PIPE, text=True)
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")
    assert (out / "audit.json").is_file()
    assert (out / "audit.html").is_file()


def test_a_model_without_images_is_refused_before_it_is_loaded(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "nowhere/nothing", "--label", "y", "--group", "sex"]) == 2
    assert "No --dataset is given; name the images for the model" in capsys.readouterr().err
