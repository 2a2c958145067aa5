"""`fairtune search`: the folder it leaves, for whom it loads, and that running it again changes nothing."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import jsonschema
import numpy as np
import pytest
import torch
from PIL import Image
from transformers import AutoImageProcessor, AutoModelForImageClassification, pipeline

from hf_fairtune.cli.main import main
from hf_fairtune.data.arguments import DataArguments
from hf_fairtune.data.fair_dataset import load_fair_dataset
from hf_fairtune.document.document import Document
from tests.cli.run_folder import search_of, training_in


@pytest.fixture(scope="module")
def document(finished: Path) -> Document:
    return Document.load(finished)


def test_the_document_follows_its_schema(finished: Path, document: Document) -> None:
    jsonschema.validate(json.loads((finished / "fairtune.json").read_text()), Document.json_schema())
    assert [trial.number for trial in search_of(document).trials] == list(range(7))
    assert {model.id: model.title for model in document.models} == {
        "model": "FairTune",
        "full": "Full fine-tuning",
        "linear": "Linear readout",
    }
    assert [(e.model, e.attribute, e.reference) for e in document.audits] == [
        ("full", None, None),
        ("full", "skin", None),
        ("linear", None, None),
        ("linear", "skin", None),
        ("model", None, None),
        ("model", "skin", "full"),
    ]


def test_the_card_names_method_and_paper(finished: Path, document: Document) -> None:
    method = training_in(document, "model").method
    card = (finished / "README.md").read_text()
    assert (method.name, method.title) == ("fairtune", "FairTune")
    assert method.citation in card
    assert "Full fine-tuning" in card


def test_the_winner_travels_whole(document: Document) -> None:
    """Mask and learning rate are those of the best trial, and the retrained winner has its value."""
    search, training = search_of(document), training_in(document, "model")
    assert search.best_trial is not None
    best = search.trials[search.best_trial]
    assert training.mask is not None
    assert (training.mask.bits, training.steps[0].learning_rate) == (best.mask, best.learning_rate)
    assert training.method.hyperparameters["mask"] == "".join(map(str, best.mask))
    assert len(best.mask) == 9
    assert training.steps[0].log[-1]["eval_min_group_auc"] == best.value
    assert best.value == max(trial.value for trial in search.trials if trial.state == "COMPLETE")


LOAD = """
import sys; sys.modules["hf_fairtune"] = None
import json, torch
from peft import PeftModel
from transformers import AutoModelForImageClassification
folder, base = sys.argv[1:]
pixels = torch.randn(3, 3, 16, 16, generator=torch.Generator().manual_seed(0))
merged = AutoModelForImageClassification.from_pretrained(folder).eval()
plain = AutoModelForImageClassification.from_pretrained(base, num_labels=2, ignore_mismatched_sizes=True)
tuned = PeftModel.from_pretrained(plain, folder + "/adapter").eval()
with torch.no_grad():
    one, two = merged(pixels).logits, tuned(pixel_values=pixels, interpolate_pos_encoding=True).logits
assert torch.equal(one, two), (one, two)
print(json.dumps(merged.config.id2label))
"""


def test_stock_transformers_and_peft_load_it_without_this_package(finished: Path, base: Path) -> None:
    """Merged model and adapter on the base give the same logits, bit for bit, at our image size."""
    command = [sys.executable, "-W", "ignore", "-c", LOAD, str(finished), str(base)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == {"0": "benign", "1": "malignant"}


def test_a_stock_pipeline_gives_the_scores_of_the_model(finished: Path, lesions: Path, base: Path) -> None:
    """From the image file to the probability, without our data room."""
    table = DataArguments(str(lesions), "label", ["malignant"], ["skin"], image_size=16)
    data = load_fair_dataset(table, AutoImageProcessor.from_pretrained(base))
    model = AutoModelForImageClassification.from_pretrained(finished).eval()
    batch = data["test"][:8]
    with torch.no_grad():
        ours = model(batch["pixel_values"]).logits.softmax(-1)[:, 1]
    classify = pipeline("image-classification", str(finished), device="cpu")
    files = sorted((lesions / "test").glob("*.png"))[:8]
    theirs = [{r["label"]: r["score"] for r in classify(Image.open(f))}["malignant"] for f in files]
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_again_changes_nothing(finished: Path, searching: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    before = {p: p.read_bytes() for p in finished.rglob("*") if p.is_file()}
    assert main(["search", *searching, "--output_dir", str(finished)]) == 0
    assert {p: p.read_bytes() for p in finished.rglob("*") if p.is_file()} == before
    assert str(finished / "README.md") in capsys.readouterr().out


def test_another_run_is_refused(finished: Path, searching: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    before = (finished / "fairtune.json").read_bytes()
    assert main(["search", *searching, "--output_dir", str(finished), "--objective", "auc"]) == 2
    assert "holds another run (other objective); choose another output_dir" in capsys.readouterr().err
    assert (finished / "fairtune.json").read_bytes() == before


def test_more_trials_after_the_test_are_refused(
    finished: Path, searching: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["search", *searching, "--trials", "9", "--output_dir", str(finished)]) == 2
    assert "ended with 7 trials and its test split is scored; for 9 trials choose" in capsys.readouterr().err
    assert main(["search", *searching, "--weight_decay", "0.5", "--output_dir", str(finished)]) == 2
    assert "holds another run (other weight_decay)" in capsys.readouterr().err


def test_the_audit_of_the_folder_is_the_documents(
    finished: Path, flags: list[str], tmp_path: Path, document: Document, capsys: pytest.CaptureFixture[str]
) -> None:
    """Another process, from the merged weights and the image files, finds every number again."""
    kept = [flag for flag in flags if flag != "--use_cpu"]
    # Without the run's seed: the folder knows its own test patients.
    for name in ("--model", "--per_device_train_batch_size", "--image_size", "--seed"):
        at = kept.index(name)
        del kept[at : at + 2]
    assert main(["audit", str(finished), *kept, "--output_dir", str(tmp_path)]) == 0
    ours = Document.load(tmp_path).find("model", "test", "malignant", "skin")
    kept_entry = document.find("model", "test", "malignant", "skin")
    assert ours is not None
    assert kept_entry is not None
    points = [[(g.group, g.n, g.positives, g.auc.value) for g in e.audit.groups] for e in (ours, kept_entry)]
    assert points[0] == points[1]
    assert ours.audit.min_group_auc.value == kept_entry.audit.min_group_auc.value
    cuts = [[threshold.value for threshold in entry.audit.thresholds] for entry in (ours, kept_entry)]
    assert cuts[0] == pytest.approx(cuts[1])
    assert "light" in capsys.readouterr().out


def test_report_writes_the_same_card(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {p.name: p.read_bytes() for p in [finished / "README.md", *finished.glob("figures/*")]}
    assert main(["report", str(finished)]) == 0
    assert {p.name: p.read_bytes() for p in [finished / "README.md", *finished.glob("figures/*")]} == before
    assert len(before) >= 3
    assert "Full fine-tuning" in capsys.readouterr().out


def test_a_contact_given_later_is_on_the_card_and_in_what_is_shared(finished: Path, tmp_path: Path) -> None:
    run = shutil.copytree(finished, tmp_path / "run")
    unset = "| contact | none given; `fairtune report FOLDER --contact TEXT` writes one here |"
    assert unset in (run / "README.md").read_text()
    assert main(["report", str(run), "--contact", "Jane | jane@clinic.example"]) == 0
    for place in (run, run / "share"):
        assert "| contact | Jane \\| jane@clinic.example |" in (place / "README.md").read_text()
        assert (found := Document.load(place).run)
        assert found.contact == "Jane | jane@clinic.example"
    assert Document.load(run / "share").shared == "rates"
    # The next report keeps it.
    assert main(["report", str(run)]) == 0
    assert unset not in (run / "README.md").read_text()


def test_a_search_by_the_auc_of_a_group(
    searching: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = [*searching, "--trials", "1", "--num_train_epochs", "1", "--baselines", "none", "--seeds", "1"]
    flags += ["--contact", "clinic.example"]
    assert main(["search", *flags, "--objective", "auc_green", "--output_dir", str(tmp_path / "none")]) == 2
    assert "`auc_green` is not a metric to optimise; choose from auc_" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()
    assert main(["search", *flags, "--objective", "auc_dark", "--output_dir", str(tmp_path / "run")]) == 0
    document = Document.load(tmp_path / "run")
    search = search_of(document)
    assert (search.objective, search.direction) == ("auc_dark", "maximize")
    (trial,) = search.trials
    log = training_in(document, "model").steps[-1].log
    assert trial.value == pytest.approx(log[-1]["eval_auc_dark"])
    assert "| contact | clinic.example |" in (tmp_path / "run" / "README.md").read_text()


def test_dry_push_lists_only_what_may_leave(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["push", str(finished), "--repo", "team/lesions", "--dry_run"]) == 0
    printed = capsys.readouterr().out
    assert "model.safetensors" in printed
    assert "adapter/adapter_model.safetensors" in printed
    for name in ("search.db", "splits.json", "run.json", "checkpoint", "full/"):
        assert name not in printed
