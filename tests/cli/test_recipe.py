"""A run by a recipe says so, in its document and on its card, and a recipe of other values is another run."""

from pathlib import Path

import pytest

from hf_fairtune.cli import train
from hf_fairtune.cli.flags import parse
from hf_fairtune.cli.job import Job
from hf_fairtune.document.run import RecipeFacts
from hf_fairtune.errors import FairTuneError
from tests.cli.run_folder import run_of, training_of


def test_the_document_and_the_card_name_it_and_what_departs(biased: Path) -> None:
    values = {"method": "full", "num_train_epochs": "5", "learning_rate": "3e-3"}
    assert run_of(biased).recipe == RecipeFacts("biased.yaml", values, {"num_train_epochs": 3.0})
    training = training_of(biased)
    assert (training.method.name, training.steps[0].epochs, training.steps[0].learning_rate) == ("full", 3.0, 3e-3)
    card = (biased / "README.md").read_text()
    assert "| recipe | biased.yaml |\n| departs from it | num train epochs 3 (there 5) |" in card
    assert str(biased.parent) not in card


def test_another_content_is_another_run(biased: Path, flags: list[str], tmp_path: Path) -> None:
    def finished(content: str) -> bool:
        own = tmp_path / "biased.yaml"
        own.write_text(content)
        more = ["--recipe", str(own), "--num_train_epochs", "3", "--output_dir", str(biased)]
        return Job(*parse(train, [*flags, *more]), {"command": "train"}).finished()

    # Its place does not count.
    assert finished("method: full\nnum_train_epochs: 5\nlearning_rate: 3e-3\n")
    with pytest.raises(FairTuneError, match=r"holds another run \(other recipe\)"):
        finished("method: full\nnum_train_epochs: 6\nlearning_rate: 3e-3\n")
