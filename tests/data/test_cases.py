"""Tables in layouts that people have, each with the value that its author meant."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from hf_fairtune.audits.audit import Audit
from hf_fairtune.cli.main import main
from hf_fairtune.data.arguments import DataArguments
from hf_fairtune.data.class_scores import ClassScores
from hf_fairtune.data.image_rows import read_rows
from hf_fairtune.data.source import load_source
from hf_fairtune.data.table_file import read_table
from hf_fairtune.data.targets import binary_targets
from hf_fairtune.document.document import Document
from hf_fairtune.errors import FairTuneError
from hf_fairtune.publish import publish

pytestmark = pytest.mark.usefixtures("undrawn")

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


def test_argmax_uses_the_scores_of_classes_without_rows(tmp_path: Path) -> None:
    """A row whose highest score is of class c is predicted neither a nor b."""
    draw = np.random.default_rng(0)
    scores = draw.dirichlet([1, 1, 1], 200)
    frame = pd.DataFrame(scores, columns=["p_a", "p_b", "p_c"])
    frame["dx"], frame["sex"] = draw.choice(["a", "b"], 200), draw.choice(["F", "M"], 200)
    frame.to_csv(tmp_path / "t.csv", index=False)
    flags = "--label dx --score p_a p_b p_c --group sex --threshold argmax --n_boot 0 --n_permutations 0"
    assert main(["audit", str(tmp_path / "t.csv"), *flags.split(), "--output_dir", str(tmp_path / "out")]) == 0
    document = Document.load(tmp_path / "out")
    for place, name in enumerate("ab"):
        found = document.find("model", "all", name, None)
        assert found is not None
        positives = (frame["dx"] == name).to_numpy()
        hit = scores.argmax(axis=1)[positives] == place
        assert found.audit.thresholds[0].overall.rates["tpr"].value == pytest.approx(hit.mean())


def test_a_model_of_several_positives_is_read_by_the_same_flags() -> None:
    """Our training names class 1 by all its values."""
    scores = ClassScores(np.array([[0.9, 0.1], [0.2, 0.8]]), ["other", "mel or bcc"], "the model", True, False)
    targets = binary_targets(pd.Series(["nv", "mel", "bcc"], name="dx"), ["mel", "bcc"])
    assert targets.scores_of(scores)[:, 0].tolist() == [0.1, 0.8]


@pytest.mark.parametrize(("policy", "positives", "rows"), [("positive", 3, 6), ("negative", 2, 6), ("drop", 2, 5)])
def test_uncertain_labels_count_as_they_are_said_to(tmp_path: Path, policy: str, positives: int, rows: int) -> None:
    table = "y,p,sex\n1,0.9,F\n0,0.2,F\n-1,0.6,F\n1,0.8,M\n0,0.3,M\n0,0.1,M\n"
    (tmp_path / "t.csv").write_text(table)
    flags = ["audit", str(tmp_path / "t.csv"), "--label", "y", "--score", "p", "--group", "sex"]
    assert main(flags) == 2
    quick = ["--n_boot", "0", "--n_permutations", "0", "--output_dir", str(tmp_path / "out")]
    assert main([*flags, "--uncertain", policy, *quick]) == 0
    document = Document.load(tmp_path / "out")
    assert (whole(document).n, whole(document).positives) == (rows, positives)
    role = "dropped" if policy == "drop" else policy
    assert (role, 1) in [(one.role, one.n) for one in document.data.readings if one.value == "-1"]


def test_uncertain_labels_are_a_question_in_training(tmp_path: Path) -> None:
    frame = pd.DataFrame({"image": [f"{i}.png" for i in range(60)], "y": [1, 0, -1] * 20, "sex": list("FM") * 30})
    for name in frame["image"]:
        Image.new("RGB", (8, 8)).save(tmp_path / name)
    frame.to_csv(tmp_path / "t.csv", index=False)
    source = load_source(str(tmp_path / "t.csv"))
    arguments = DataArguments(str(tmp_path / "t.csv"), "y", group=["sex"])
    with pytest.raises(FairTuneError, match="`y` is -1 in 20 of 60 rows beside 0 and 1.*--uncertain"):
        read_rows(source, arguments, "train")
    rows = read_rows(source.certain(["y"], [], "drop"), arguments, "train")
    assert len(rows.images) == len(rows.table.labels) == 40
    assert [(one.value, one.role, one.n) for one in rows.table.readings][0] == ("-1", "dropped", 20)


def test_an_id_finds_its_image(tmp_path: Path) -> None:
    for name in ("ISIC_1.jpg", "ISIC_2.png"):
        Image.new("RGB", (8, 8)).save(tmp_path / name)
    pd.DataFrame({"image_id": ["ISIC_1", " ISIC_2 "], "y": [0, 1]}).to_csv(tmp_path / "t.csv", index=False)
    source = load_source(str(tmp_path / "t.csv"))
    assert [Path(image["image"]["path"]).name for image in source.images] == ["ISIC_1.jpg", "ISIC_2.png"]
    assert [(one.role, one.n) for one in source.readings] == [("trimmed_path", 1)]


@pytest.mark.parametrize("scores", [[0, 1, 1, 0, 1, 0], [1.0, 0.0, 1.0, 0.0, 0.0, 1.0]])
def test_decisions_are_noted(tmp_path: Path, scores: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    frame = pd.DataFrame({"y": [0, 1, 1, 0, 1, 0], "p": scores, "sex": list("FFFMMM")})
    frame.to_csv(tmp_path / "t.csv", index=False)
    flags = "--label y --score p --group sex --n_boot 0 --n_permutations 0"
    assert main(["audit", str(tmp_path / "t.csv"), *flags.split()]) == 0
    assert "are decisions, 0 or 1, not probabilities" in capsys.readouterr().err


def test_a_published_table_names_values_without_counts(tmp_path: Path) -> None:
    flags = ["--label", "three_partition_label", "--positive", "malignant", "--score", "p"]
    document = audited(tmp_path, "fitzpatrick_minus_one.csv", *flags, "--group", "fitzpatrick_scale:3")
    shared = publish(document)
    assert [one.value for one in shared.data.readings] == [one.value for one in document.data.readings]
    assert {one.n for one in shared.data.readings} == {None}
