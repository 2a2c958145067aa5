"""`--exclude`, and unknown groups: left out of objective and verdicts, and kept in training and tables."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from transformers import ViTImageProcessor

from hf_fairtune.cli.main import main
from hf_fairtune.data.arguments import DataArguments
from hf_fairtune.data.fair_dataset import load_fair_dataset
from hf_fairtune.document.document import Document
from hf_fairtune.errors import FairTuneError


@pytest.fixture
def with_unknown(lesions: Path, tmp_path: Path) -> Path:
    """The lesions as one table; the skin of some rows, all benign, is unknown."""
    parts = [pd.read_csv(file).assign(split=file.parent.name) for file in sorted(lesions.glob("*/metadata.csv"))]
    table = pd.concat(parts, ignore_index=True)
    table["file_name"] = [
        str(lesions / split / name) for split, name in zip(table["split"], table["file_name"], strict=True)
    ]
    benign = np.flatnonzero(table["label"] == "benign")
    table.loc[benign[::6], "skin"] = "U"
    table.to_csv(tmp_path / "t.csv", index=False)
    return tmp_path / "t.csv"


def asked(table: Path, *exclude: str) -> DataArguments:
    return DataArguments(
        str(table),
        "label",
        ["malignant"],
        group=["skin"],
        exclude=list(exclude),
        image_size=16,
        data_cache=str(table.parent),
    )


def test_an_unknown_group_is_left_out_and_may_have_one_class(with_unknown: Path) -> None:
    processor = ViTImageProcessor(size={"height": 16, "width": 16})
    with pytest.raises(FairTuneError, match="Group `U` has one class in the train split .*--exclude"):
        load_fair_dataset(replace(asked(with_unknown), include=["U"]), processor)
    data = load_fair_dataset(asked(with_unknown), processor)
    assert data.left_out("validation") == ["U"]
    assert "U" in data.group_names
    external = data.with_external()
    chosen = {external.group_names[code] for code in external.columns("external")["groups"]}
    assert chosen == {"light", "dark"}
    assert len(external["external"]) > 0


@pytest.mark.parametrize(
    ("exclude", "line"),
    [(["X"], "--exclude X is no group; the groups are U, dark, light"), (["dark"], "Without U, dark fewer than two")],
)
def test_what_cannot_be_left_out_is_one_line(with_unknown: Path, exclude: list[str], line: str) -> None:
    with pytest.raises(FairTuneError, match=line):
        load_fair_dataset(asked(with_unknown, *exclude), ViTImageProcessor(size={"height": 16, "width": 16}))


def test_training_selects_and_audits_without_it(with_unknown: Path, base: Path, tmp_path: Path) -> None:
    flags = f"train --method full --dataset {with_unknown} --label label --positive malignant --group skin"
    more = f"--model {base} --image_size 16 --use_cpu --num_train_epochs 1 --output_dir {tmp_path / 'out'}"
    assert main([*flags.split(), *more.split(), "--data_cache", str(tmp_path)]) == 0
    document = Document.load(tmp_path / "out")
    (entry,) = [e for e in document.select("model", "test") if e.attribute == "skin"]
    assert entry.audit.excluded == ["U"]
    kept = [row.auc.value for row in entry.audit.groups if row.group != "U"]
    assert entry.audit.min_group_auc.value == pytest.approx(min(kept))
    assert (document.settings.exclude, document.settings.include) == ([], [])
    logged = json.loads((tmp_path / "out" / "fairtune.json").read_text())["models"][0]["training"]["steps"][0]["log"]
    by_group = [logged[-1][f"eval_auc_{name}"] for name in ("light", "dark")]
    assert logged[-1]["eval_min_group_auc"] == pytest.approx(min(by_group))
