"""Bad input to `fairtune debias`: one clear line, exit status 2, no traceback, and a folder left free."""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from transformers import AutoImageProcessor, AutoModelForImageClassification

from hf_fairtune import catalog
from hf_fairtune.cli.main import main
from hf_fairtune.data.arguments import DataArguments
from hf_fairtune.data.fair_dataset import load_fair_dataset

Refused = Callable[..., str]


@pytest.fixture
def refused(repairing: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Refused:
    """Run a command that must be refused before anything is trained, and return its line."""

    def run(*more: str, command: str = "debias") -> str:
        # A training has no seeds to repeat it with.
        at = repairing.index("--seeds")
        flags = repairing if command == "debias" else [*repairing[:at], *repairing[at + 2 :]]
        assert main([command, *flags, *more, "--output_dir", str(tmp_path / "o")]) == 2
        printed, error = capsys.readouterr()
        assert "scoring" not in printed
        assert "Traceback" not in error
        (line,) = [line for line in error.splitlines() if line.startswith("fairtune: ")]
        # The right flags may follow in the same folder.
        assert not (tmp_path / "o").exists()
        return line

    return run


CASES = [
    ("--method magic", f"`magic` is not one of the methods; choose from {', '.join(catalog.names('methods'))}"),
    ("--method fairtune", "`mask` is empty; search one with `fairtune search`, or give --mask attention"),
    ("--mask magic", "`mask` is 'magic'; choose soft, hard, random or none"),
    ("--mask hard --rate 200", "`rate` is 200; pass a percentile from 0 to 100"),
    ("--bias_loss magic", "`magic` is not one of the losses; choose from equal_opportunity, equalized_odds"),
    ("--contrast magic", "argument --contrast: invalid choice: 'magic'"),
    ("--reinit quantile --reinit_quantile 2", "`reinit_quantile` is 2; give the share of the head to keep"),
    ("--alpha_extractor 7", "`alpha_extractor` is 7; give a weight from 0 to 1"),
    ("--alpha_head nan", "`alpha_head` is nan; give a weight from 0 to 1"),
    ("--method bmft --bias_weight -1", "`bias_weight` is -1; give 0 or more"),
    ("--label_smoothing_factor 0.1", "`label_smoothing_factor` is 0.1, but the losses of the method 'swift'"),
    ("--class_weights balanced", ", but the losses of the method 'swift' have no such option; leave it out"),
    ("--class_weights 1 x", "`class_weights` is 1 x; give balanced, or a number above 0 for each class"),
    ("--method full --class_weights 1 2 3", "`class_weights` has 3 numbers, the labels 2 classes; give one each"),
    (
        "--method reg --external_fraction 0.5",
        "`--method reg` trains on the training split as it is; leave out external",
    ),
    ("--chunk_size 0", "`chunk_size` is 0; pass 1 or more"),
    ("--method dfr --draws 0", "`draws` is 0; give 1 or more"),
    ("--external_fraction 0", "fraction of the external set is 0; give a share above 0, at most 1"),
    ("--head nowhere", "`head` is 'nowhere', which is no module of the model; pass one of `classifier`"),
    ("--alpha 1", "--alpha"),
    ("--test other", "--test other is not NAME=PATH; write e.g. --test clinic_b=data/clinic_b"),
    ("--test =x", "--test =x is not NAME=PATH"),
    ("--test test=x", "`test` is that of a split of the main data"),
    ("--test a=x a=y", "Two test sets have the name `a`"),
    ("--test a=nowhere.csv", "Test set `a`: `nowhere.csv` does not exist"),
]


@pytest.mark.parametrize(("more", "message"), CASES, ids=[case[0] for case in CASES])
def test_one_line(refused: Refused, more: str, message: str) -> None:
    assert message in refused(*more.split())


def test_a_test_set_of_known_patients(refused: Refused, lesions: Path) -> None:
    line = refused("--test", f"again={lesions}")
    assert "Test set `again` shares" in line
    assert "clusters with the training or validation data (P0" in line


def undivided(lesions: Path, path: Path) -> list[str]:
    """Write the lesions as one table that does not say how to divide them, and return the flags that name it."""
    table = pd.read_csv(lesion_table(lesions, path, "label != ''"))
    table.drop(columns="split").to_csv(path, index=False)
    return ["--dataset", str(path)]


def test_a_test_split_that_the_model_has_seen(refused: Refused, biased: Path, lesions: Path, tmp_path: Path) -> None:
    """Made from another seed than the model's; and that division must not decide the next one."""
    flags = undivided(lesions, tmp_path / "lesions.csv")
    model = tmp_path / "model"
    shutil.copytree(biased, model, ignore=shutil.ignore_patterns("rows*.json", "splits.json"))
    table = DataArguments(flags[1], "label", ["malignant"], ["skin"], "patient_id")
    load_fair_dataset(table, AutoImageProcessor.from_pretrained(biased), seed=0, splits_file=model / "splits.json")
    line = refused(*flags, "--model", str(model))
    assert "test rows in its training or validation" in line
    assert "--seed 0" in line
    assert not (tmp_path / "o" / "splits.json").exists()


def lesion_table(lesions: Path, path: Path, keep: str) -> str:
    """Write the lesions for which a query holds as one table."""
    splits = ("train", "validation", "test")
    parts = [pd.read_csv(lesions / split / "metadata.csv").assign(split=split) for split in splits]
    table = pd.concat(parts)
    table["file_name"] = [str(lesions / s / name) for s, name in zip(table["split"], table["file_name"], strict=True)]
    table.query(keep).to_csv(path, index=False)
    return str(path)


@pytest.mark.parametrize(
    ("keep", "message"),
    [
        (
            "split != 'train' or skin == 'light' or label == 'benign'",
            "Group `dark` has one class in the train split (0 `malignant`, ",
        ),
        ("split != 'train' or skin == 'light'", "Group `dark` has no row in the train split"),
        ("skin == 'light'", "`skin` puts all 192 rows in one group (light)"),
    ],
)
def test_groups_that_cannot_be_balanced(
    refused: Refused, lesions: Path, tmp_path: Path, keep: str, message: str
) -> None:
    assert message in refused("--dataset", lesion_table(lesions, tmp_path / "lesions.csv", keep))


def test_five_classes(refused: Refused, base: Path) -> None:
    assert "the model has 5 classes but two are wanted" in refused("--model", str(base))


def test_classes_of_other_names(refused: Refused, biased: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(biased, other)
    config = (other / "config.json").read_text()
    (other / "config.json").write_text(config.replace('"malignant"', '"melanoma"'))
    line = refused("--model", str(other))
    assert "the model's classes are benign, melanoma, but the positive label is 'malignant'" in line


@torch.no_grad()
def changed(biased: Path, folder: Path, change: Callable[[Any], Any]) -> Path:
    """Store the model with other weights."""
    shutil.copytree(biased, folder, ignore=shutil.ignore_patterns("manifest.json", "fairtune.json", "run.json"))
    model = AutoModelForImageClassification.from_pretrained(biased)
    change(model)
    model.save_pretrained(folder)
    return folder


def test_weights_that_are_no_numbers(refused: Refused, biased: Path, tmp_path: Path) -> None:
    broken = changed(biased, tmp_path / "broken", lambda model: model.vit.layernorm.weight[:1].fill_(torch.nan))
    assert "has NaN or infinite weights in `vit.layernorm.weight`" in refused("--model", str(broken))


def test_importances_that_are_no_numbers(
    repairing: list[str], biased: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Logits may be finite and squares of their gradients not."""
    broken = changed(biased, tmp_path / "broken", lambda model: model.classifier.weight.mul_(1e25))
    assert main(["debias", *repairing, "--model", str(broken), "--output_dir", str(tmp_path / "o")]) == 2
    error = capsys.readouterr().err
    assert error.startswith("fairtune: The importance of `")
    assert "is NaN or infinite" in error
    assert len(error.splitlines()) == 1
    assert not (tmp_path / "o" / "fairtune.json").exists()


@pytest.mark.parametrize("command", ["train", "search"])
def test_a_repair_is_no_training(refused: Refused, command: str) -> None:
    line = refused("--method", "swift", command=command)
    assert "`--method swift` repairs a trained model; use `fairtune debias`" in line


def test_maps_without_captum(refused: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "captum.attr", None)
    assert "maps need captum, which is not installed; `pip install hf-fairtune[maps]`" in refused("--maps")
