"""Tables in layouts that people have, each with the value that its author meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from hf_fairtune.audits.audit import Audit
from hf_fairtune.cli.main import main
from hf_fairtune.data.table_file import read_table
from hf_fairtune.document.document import Document
from hf_fairtune.errors import FairTuneError

CASES = Path(__file__).parent.parent / "cases"


def audited(tmp_path: Path, file: str, *flags: str) -> Document:
    """Audit a case without resampling, and return the document."""
    quick = ["--n_boot", "0", "--n_permutations", "0", "--output_dir", str(tmp_path / "out")]
    assert main(["audit", str(CASES / file), *flags, *quick]) == 0
    return Document.load(tmp_path / "out")


def whole(document: Document) -> Audit:
    return next(entry.audit for entry in document.audits if entry.attribute is None)


def groups(document: Document, attribute: str) -> dict[str, tuple[int, float]]:
    """Rows and AUC of every group, to three digits."""
    found = document.find("model", document.audits[0].split, document.data.targets[0].name, attribute)
    assert found is not None
    return {row.group: (row.n, round(row.auc.value, 3)) for row in found.audit.groups}


def test_a_cell_lists_several_findings(tmp_path: Path) -> None:
    flags = [
        "--label",
        "Finding Labels",
        "--positive",
        "Cardiomegaly",
        "--score",
        "score",
        "--group",
        "Patient Gender",
    ]
    document = audited(tmp_path, "nih_pipe_labels.csv", *flags)
    assert (whole(document).positives, round(whole(document).auc.value, 3)) == (65, 0.923)
    assert groups(document, "Patient Gender") == {"F": (112, 0.933), "M": (128, 0.908)}
    read = {one.value: one.role for one in document.data.readings}
    assert read["Cardiomegaly|Emphysema"] == "positive"
    assert read["Effusion|Infiltration"] == "negative"


def test_a_code_below_a_cut_is_unknown(tmp_path: Path) -> None:
    flags = ["--label", "three_partition_label", "--positive", "malignant", "--score", "p"]
    document = audited(tmp_path, "fitzpatrick_minus_one.csv", *flags, "--group", "fitzpatrick_scale:3")
    found = groups(document, "fitzpatrick_scale:3")
    assert (found["<=3"], found[">3"], found["unknown"][0]) == ((127, 0.949), (67, 0.943), 46)
    sides = [(one.value, one.role, one.n) for one in document.data.readings if one.column == "fitzpatrick_scale"]
    assert sides == [("1 to 3", "group", 127), ("4 to 6", "group", 67), ("-1", "unknown", 46)]


def test_na_is_a_value_among_words_and_a_blank_is_missing(tmp_path: Path) -> None:
    found = groups(audited(tmp_path, "race_na.csv", "--label", "y", "--score", "p", "--group", "race"), "race")
    assert found["NA"] == (34, 0.479)
    assert found["missing"][0] == 10


def test_na_among_numbers_is_missing(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text("age,site\n61,NA\nNA,A\n,N/A\n40,None\n")
    found = read_table(file)
    assert found.frame["age"].isna().tolist() == [False, True, True, False]
    assert found.frame["site"].tolist() == ["NA", "A", "N/A", "None"]
    assert [(one.column, one.value, one.role, one.n) for one in found.readings] == [("age", "NA", "missing", 1)]


def test_validate_is_validation(tmp_path: Path) -> None:
    flags = ["--label", "Edema", "--score", "p", "--group", "gender"]
    document = audited(tmp_path, "split_validate.csv", *flags)
    assert (document.audits[0].split, whole(document).n, round(whole(document).auc.value, 3)) == ("test", 173, 0.7)


def test_a_blank_split_is_a_question(capsys: pytest.CaptureFixture[str]) -> None:
    flags = ["--label", "Edema", "--score", "p", "--group", "gender"]
    assert main(["audit", str(CASES / "split_one_blank.csv"), *flags]) == 2
    assert "`split` does not say the split of 1 of 900 rows ((empty))" in capsys.readouterr().err


def test_semicolons_and_a_comma_in_a_name(tmp_path: Path) -> None:
    flags = ["--label", "y", "--score", "p", "--group", "sex"]
    document = audited(tmp_path, "redcap_semicolon.csv", *flags, "--group", "Age, years:60")
    assert groups(document, "Age, years:60").keys() == {"<=60", ">60"}
    zipped = audited(tmp_path, "predictions.csv.gz", *flags)
    assert groups(zipped, "sex") == groups(document, "sex")


def test_a_damaged_workbook_is_one_line() -> None:
    with pytest.raises(FairTuneError, match="predictions.xlsx` could not be read"):
        read_table(CASES / "predictions.xlsx")


def test_the_score_of_the_predicted_class_is_noted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flags = ["--label", "diagnosis", "--positive", "malignant", "--group", "sex"]
    document = audited(tmp_path, "top1_confidence.csv", *flags, "--score", "score")
    assert round(whole(document).auc.value, 3) == 0.497
    assert "no score is below 0.5, as where each is that of the predicted class" in capsys.readouterr().err
    right = audited(tmp_path, "top1_confidence.csv", *flags, "--score", "true_p")
    assert round(whole(right).auc.value, 3) == 0.875
    assert "no score is below" not in capsys.readouterr().err
