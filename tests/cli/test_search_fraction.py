"""`fairtune search --search_fraction`: cells said beforehand, told by document and card, no other in the folder."""

from pathlib import Path

import pytest

from hf_fairtune.cli.main import main
from hf_fairtune.document.document import Document
from tests.cli.run_folder import search_of, training_in


def test_trials_on_a_share_of_the_rows(flags: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "run"
    short = ["--num_train_epochs", "1", "--trials", "1", "--baselines", "none", "--seeds", "1"]
    command = ["search", *flags, *short, "--output_dir", str(run)]
    assert main([*command, "--search_fraction", "0.3"]) == 0
    printed = capsys.readouterr().out
    lines = printed.splitlines()
    place = lines.index("trials train on 35 of 120 images, the same in each:")
    assert lines[place + 1 : place + 3] == [
        "  group dark: 3 without and 2 with the finding; fewer than 10 tell a trial little",
        "  group light: 18 without and 12 with the finding",
    ]
    assert place < next(i for i, line in enumerate(lines) if line.startswith("price: "))
    document = Document.load(run)
    assert search_of(document).fraction == 0.3
    # 120 rows in batches of 32: the winner took them all.
    assert training_in(document, "model").steps[0].batches == 4
    said = "| rows of a trial | 30 % of the training rows, of every group and label; the trainings took all |"
    assert said in (run / "README.md").read_text()
    assert main(command) == 2
    assert "holds another run (other search_fraction)" in capsys.readouterr().err


@pytest.mark.parametrize("fraction", ["0", "1.5", "nan"])
def test_a_share_outside_of_its_range(
    flags: list[str], tmp_path: Path, fraction: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["search", *flags, "--search_fraction", fraction, "--output_dir", str(tmp_path / "o")]) == 2
    assert f"`--search_fraction` is {fraction}; give a share above 0, at most 1." in capsys.readouterr().err
