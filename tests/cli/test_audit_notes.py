"""What the audit notes about its input, and what it refuses."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from hf_fairtune.cli.main import main
from hf_fairtune.document.document import Document
from hf_fairtune.show.compared import power
from hf_fairtune.show.table import plain

pytestmark = pytest.mark.usefixtures("undrawn")

FEW = ["--n_boot", "20", "--n_permutations", "9"]
FLAGS = ["--label", "y", "--score", "p", "--group", "sex"]


def predictions() -> pd.DataFrame:
    draw = np.random.default_rng(0)
    labels = np.arange(200) % 2
    return pd.DataFrame(
        {
            "y": labels,
            "p": np.clip(labels * 0.3 + draw.uniform(0, 0.7, 200), 0, 1),
            "sex": draw.choice(["F", "M"], 200),
        }
    )


def cuts(folder: Path) -> list[float]:
    """The thresholds of an audit."""
    return [threshold.value for threshold in Document.load(folder).audits[0].audit.thresholds]


def noted(frame: pd.DataFrame, folder: Path, capsys: pytest.CaptureFixture[str], *flags: str) -> tuple[int, str, str]:
    """Audit the table; the status, the first line of standard error, and standard output."""
    frame.to_csv(folder / "preds.csv", index=False)
    capsys.readouterr()
    status = main(["audit", str(folder / "preds.csv"), *FLAGS, *FEW, *flags])
    printed = capsys.readouterr()
    return status, printed.err.partition("\n")[0], printed.out


def test_nothing_where_nothing_is_unexpected(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert noted(predictions(), tmp_path, capsys)[:2] == (0, "")


def test_log_odds_are_cut_at_zero(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame = predictions().eval("p = 8 * p - 4")
    status, note, _ = noted(frame, tmp_path, capsys, "--output_dir", str(tmp_path / "O"))
    assert status == 0
    assert note.startswith("note: scores lie in -")
    assert note.endswith("so they are no probabilities: no calibration and no net benefit")
    assert cuts(tmp_path / "O") == [0]


def test_percentages_are_not_taken_for_log_odds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    percent = predictions().eval("p = 100 * p")
    status, line, _ = noted(percent, tmp_path, capsys)
    assert status == 2
    assert "neither probabilities (0 to 1) nor log-odds (around 0): divide percentages by 100, or name a cut" in line
    flags = ["--threshold", "50", "--output_dir", str(tmp_path / "O")]
    assert noted(percent, tmp_path, capsys, *flags)[0] == 0
    assert cuts(tmp_path / "O") == [50]


def test_a_cut_beyond_all_probabilities(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, line, _ = noted(predictions(), tmp_path, capsys, "--threshold", "1.5")
    assert status == 2
    assert "--threshold 1.5 lies outside the scores, which are 0 to 1" in line


def test_rows_of_a_split(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    divided = predictions().assign(split=["test"] * 120 + ["validation"] * 80)
    assert noted(divided, tmp_path, capsys)[1] == (
        "note: 120 rows of the split test are audited; thresholds are fitted on 80 others"
    )


def test_scores_that_are_all_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    note = noted(predictions().assign(p=0.3), tmp_path, capsys)[1]
    assert note == "note: every row has the score 0.3 for y: the model does not rank the patients"


def test_groups_that_differ_in_case(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mixed = predictions().assign(sex=["F", "f", "M", "M"] * 50)
    note = noted(mixed, tmp_path, capsys)[1]
    assert note == "note: groups of sex differ in case only, and stay groups of their own: F, f"


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (
            ["--grop", "x"],
            "`--grop` is no flag of this command; did you mean `--group`?; see `fairtune audit --help`.",
        ),
        (["--zzzzzz"], "`--zzzzzz` is no flag of this command; see `fairtune audit --help`."),
    ],
)
def test_unknown_flags(tmp_path: Path, capsys: pytest.CaptureFixture[str], flags: list[str], line: str) -> None:
    assert noted(predictions(), tmp_path, capsys, *flags)[:2] == (2, f"fairtune: {line}")


def test_an_audit_is_replaced_and_other_files_are_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = tmp_path / "O"
    for _ in range(2):
        assert noted(predictions(), tmp_path, capsys, "--output_dir", str(place))[0] == 0
    (place / "audit.json").unlink()
    page = (place / "audit.html").read_bytes()
    status, line, _ = noted(predictions(), tmp_path, capsys, "--output_dir", str(place))
    assert (status, (place / "audit.html").read_bytes()) == (2, page)
    assert "holds audit.html but no audit.json; choose another --output_dir" in line
    (tmp_path / "file").touch()
    status, line, _ = noted(predictions(), tmp_path, capsys, "--output_dir", str(tmp_path / "file"))
    assert status == 2
    assert "file` cannot be made" in line


def test_scores_of_the_other_class(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    note = noted(predictions().eval("p = 1 - p"), tmp_path, capsys)[1]
    assert note.startswith("note: the AUC for y is 0.")
    assert note.endswith("worse than a coin: are these the scores of the other class?")


def test_what_a_comparison_can_show_is_noted_before_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame = predictions()
    frame["q"] = frame["p"].rank() / 300 + np.random.default_rng(1).uniform(0, 0.1, 200)
    folder = tmp_path / "O"
    status, note, _ = noted(
        frame, tmp_path, capsys, "--reference", "q", "--output_dir", str(folder), "--margin", "0.1"
    )
    assert status == 0
    comparison = Document.load(folder).audits[1].comparison
    assert comparison is not None
    assert comparison.power is not None
    assert note == f"note: comparison by sex: {plain(power(comparison.power, 0.1))}"
    assert f"at AUC {roc_auc_score(frame['y'], frame['q']):.2f}" in note
