"""`fairtune audit --weight`: rows that stand for a population."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hf_fairtune.cli.main import main
from hf_fairtune.document.document import Document

pytestmark = pytest.mark.usefixtures("undrawn")

FLAGS = ["--label", "y", "--score", "p", "--group", "sex", "--n_boot", "50", "--n_permutations", "20"]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"y": rng.integers(0, 2, 400), "sex": rng.choice(["F", "M"], 400)})
    frame["p"] = rng.uniform(0, 0.6, 400).round(3) + 0.3 * frame.y
    frame["w"], frame["person"] = np.where(np.arange(400) < 7, 0, rng.integers(1, 30, 400)), np.arange(400) // 2
    frame["split"] = np.where(np.arange(400) < 200, "test", "validation")
    frame.to_csv(tmp_path / "t.csv", index=False)
    return tmp_path / "t.csv"


def audited(table: Path, *flags: str) -> Document:
    out = table.parent / "out"
    assert main(["audit", str(table), *FLAGS, "--output_dir", str(out), *flags]) == 0
    return Document.load(out)


def test_numbers_are_those_of_the_population(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = audited(table, "--weight", "w", "--split", "all", "--threshold", "0.5")
    frame = pd.read_csv(table).query("w > 0")
    found = document.audits[0].audit
    kish = round(frame.w.sum() ** 2 / (frame.w**2).sum())
    assert (document.data.weight, found.n, found.effective) == ("w", 393, kish)
    rates = found.thresholds[0].overall.rates
    assert rates["ppv"].value == pytest.approx(np.average(frame.y[frame.p >= 0.5], weights=frame.w[frame.p >= 0.5]))
    assert ("w", "0", "weightless", 7) in [(one.column, one.value, one.role, one.n) for one in document.data.readings]
    text = " ".join(capsys.readouterr().out.split())
    assert "w 0: left out, as they weigh nothing, 7" in text
    assert 'Rows are weighted by "w": shares, AUCs and gaps are of the population' in text
    assert f"393 rows are worth {kish} of equal weight." in text
    for page in ("audit.html", "share/audit.html", "share/factors.md"):
        assert "are of the population they stand for" in (table.parent / "out" / page).read_text()
    assert f"worth {5 * round(kish / 5)} of" in (table.parent / "out" / "share" / "audit.html").read_text()


def test_thresholds_are_fitted_on_weighted_rows(table: Path) -> None:
    plain, weighted = audited(table), audited(table, "--weight", "w")
    frame = pd.read_csv(table).query("split == 'validation' and w > 0")
    cuts = np.unique(frame.p)
    for document, weights in ((plain, frame.w * 0 + 1), (weighted, frame.w)):
        (cut,) = (at.value for at in document.audits[0].audit.thresholds if at.policy == "youden")

        def gain(cut: float, weights: pd.Series = weights) -> float:
            tpr, fpr = (
                np.average((frame.p >= cut)[own], weights=weights[own]) for own in (frame.y == 1, frame.y == 0)
            )
            return float(tpr - fpr)

        assert gain(cut) == pytest.approx(max(map(gain, cuts)))
    assert plain.audits[0].audit.thresholds[-1].value != weighted.audits[0].audit.thresholds[-1].value


def test_weights_and_patients_together(table: Path) -> None:
    document = audited(table, "--weight", "w", "--cluster", "person", "--split", "all")
    found = document.audits[0].audit
    assert found.clusters == pd.read_csv(table).query("w > 0").person.nunique()
    assert found.auc.bounded
    assert audited(table, "--weight", "w", "--split", "all").audits[0].audit.clusters is None


def test_no_weights_leave_no_trace(table: Path) -> None:
    document = audited(table)
    assert document.data.weight is None is document.audits[0].audit.effective
    assert "weigh" not in (table.parent / "out" / "share" / "factors.md").read_text()
    assert "effective" not in (table.parent / "out" / "share" / "groups.csv").read_text()


@pytest.mark.parametrize(
    ("cell", "flag", "line"),
    [
        ("-1", "w", "`w` is below 0 in 1 of 400 rows, the first in row 3 (-1); give --weight how many of"),
        ("many", "w", "`w` is no finite number in 1 of 400 rows (many), the first in row 3"),
        ("", "w", "`w` is no finite number in 1 of 400 rows, the first in row 3"),
        ("inf", "w", "`w` is no finite number in 1 of 400 rows (inf), the first in row 3"),
        ("1", "weight", "--weight weight names no column of the data"),
        ("1", "p", "`p` is --score and --weight; name the weights'."),
    ],
)
def test_other_weights_are_refused_in_one_line(
    table: Path, capsys: pytest.CaptureFixture[str], cell: str, flag: str, line: str
) -> None:
    frame = pd.read_csv(table, dtype=str)
    frame.loc[2, "w"] = cell
    frame.to_csv(table, index=False)
    assert main(["audit", str(table), *FLAGS, "--weight", flag]) == 2
    error = capsys.readouterr().err
    assert line in error
    assert error.count("\n") == 1
