"""`fairtune search`: the folder it leaves, for whom it loads, and that running it again changes nothing."""

import json
import shutil
import subprocess
import sys
from operator import attrgetter
from pathlib import Path

import jsonschema
import numpy as np
import pytest
import torch
from PIL import Image
from transformers import AutoImageProcessor, AutoModelForImageClassification, pipeline

from hf_fairtune.cli import search
from hf_fairtune.cli.main import main
from hf_fairtune.cli.search import SearchArguments
from hf_fairtune.data.arguments import DataArguments
from hf_fairtune.data.fair_dataset import load_fair_dataset
from hf_fairtune.document.document import Document
from hf_fairtune.document.run import Training
from hf_fairtune.document.search import Search
from hf_fairtune.search.floors import Floors
from hf_fairtune.trainer.fair import FairTrainer


@pytest.fixture(scope="module")
def document(finished: Path) -> Document:
    return Document.load(finished)


def search_of(document: Document) -> Search:
    assert document.run is not None
    assert document.run.search is not None
    return document.run.search


def training_of(document: Document, model: str) -> Training:
    training = document.model_named(model).training
    assert training is not None
    return training


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
    method = training_of(document, "model").method
    card = (finished / "README.md").read_text()
    assert (method.name, method.title) == ("fairtune", "FairTune")
    assert method.citation in card
    assert "Full fine-tuning" in card


def test_the_winner_travels_whole(document: Document) -> None:
    """Mask and learning rate are those of the best trial, and the retrained winner has its value."""
    search, training = search_of(document), training_of(document, "model")
    assert search.best_trial is not None
    best = search.trials[search.best_trial]
    assert training.mask is not None
    assert (training.mask.bits, training.steps[0].learning_rate) == (best.mask, best.learning_rate)
    assert training.method.hyperparameters["mask"] == "".join(map(str, best.mask))
    assert len(best.mask) == 9
    assert training.steps[0].log[-1]["eval_min_group_auc"] == best.value
    assert best.value == max(trial.value for trial in search.trials if trial.state == "COMPLETE")


def test_every_baseline_has_its_own_search(finished: Path, document: Document) -> None:
    """The same objective, its own trials and its own best learning rate, and all of it on the card."""
    card = (finished / "README.md").read_text()
    for name, trials, parameters in (("full", 2, "all"), ("linear", 2, "head")):
        own = Document.load(finished / "baselines" / name)
        search, training = search_of(own), training_of(document, name)
        assert len(search.trials) == trials
        assert {trial.mask == [] for trial in search.trials} == {name == "full"}
        assert search.objective == search_of(document).objective
        best = max((trial for trial in search.trials if trial.state == "COMPLETE"), key=attrgetter("value"))
        assert training.steps[0].learning_rate == best.learning_rate
        budget = document.model_named(name).budget
        assert budget is not None
        assert (budget.trials, budget.objective, budget.value) == (trials, search.objective, best.value)
        assert budget.epochs == sum(len(trial.values) for trial in search.trials)
        assert f"| {document.model_named(name).title} | {trials} | {budget.epochs:g} |" in card
        winner = training_of(document, "model").trainable_parameters
        assert (parameters == "all") == (training.trainable_parameters > winner)


def test_a_baseline_is_handed_over_whole(
    finished: Path, flags: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its folder is one that stock transformers loads and that an audit takes as the reference."""
    baseline = finished / "baselines" / "linear"
    AutoModelForImageClassification.from_pretrained(baseline)
    assert (baseline / "adapter").is_dir()
    kept = [flag for flag in flags if flag != "--use_cpu"]
    for name in ("--model", "--per_device_train_batch_size", "--image_size", "--seed"):
        at = kept.index(name)
        del kept[at : at + 2]
    more = ["--reference_model", str(baseline), "--output_dir", str(tmp_path)]
    assert main(["audit", str(finished), *kept, *more]) == 0
    capsys.readouterr()
    found, known = Document.load(tmp_path), Document.load(baseline)
    entry = next(entry for entry in found.audits if entry.reference and entry.attribute == "skin")
    assert entry.comparison is not None
    own = known.find("model", "test", "malignant", "skin")
    assert own is not None
    for row, model, other in zip(entry.comparison.groups, entry.audit.groups, own.audit.groups, strict=True):
        assert row.auc.value == pytest.approx(model.auc.value - other.auc.value)


def test_methods_are_judged_by_all_their_trainings(finished: Path, document: Document) -> None:
    """Winner and baselines are trained with three seeds; the first of each is the checkpoint that is handed over."""
    entry = document.find("model", "test", "malignant", "skin")
    assert entry is not None
    assert [found.baseline for found in entry.replications] == ["full", "linear"]
    for found in entry.replications:
        assert (found.seeds, found.fixed) == ([3, 4, 5], False)
        other = document.find(found.baseline, "test", "malignant", "skin")
        assert other is not None
        for row, own, baseline in zip(found.groups, entry.audit.groups, other.audit.groups, strict=True):
            assert row.auc.method.runs[0] == pytest.approx(own.auc.value)
            assert row.auc.baseline.runs[0] == pytest.approx(baseline.auc.value)
            # Another seed is another training.
            assert len({*row.auc.method.runs}) > 1
    assert [model.seeds for model in document.models] == [[3, 4, 5]] * 3
    card = (finished / "README.md").read_text()
    assert "3 trainings of each" in card
    assert "these two checkpoints" in card


def test_one_seed_speaks_of_the_checkpoint_alone(flags: list[str], tmp_path: Path) -> None:
    more = ["--method", "full", "--num_train_epochs", "1", "--trials", "2", "--output_dir", str(tmp_path)]
    assert main(["search", *flags, *more, "--baselines", "full", "--seeds", "1"]) == 0
    document = Document.load(tmp_path)
    assert [model.id for model in document.models] == ["full", "model"]
    assert {trial.mask == [] for trial in search_of(document).trials} == {True}
    entry = document.find("model", "test", "malignant", "skin")
    assert entry is not None
    assert (entry.reference, entry.replications) == ("full", [])
    card = (tmp_path / "README.md").read_text()
    assert "these two checkpoints" in card
    assert "What the methods show" not in card


def test_no_baseline_is_none() -> None:
    assert SearchArguments(baselines=["none"]).baselines == []
    assert SearchArguments().baselines == ["full", "linear", "attention", "layernorm"]


@pytest.mark.parametrize(
    ("more", "line"),
    [
        ("--seeds 2", "`--seeds` is 2; give 3 or more for what a method does, or 1 for what this checkpoint does."),
        ("--baselines full full", "`--baselines full full` names one twice"),
        ("--baselines erm", "erm"),
        ("--baseline_trials 0", "`--baseline_trials` is 0; a search takes at least one."),
        ("--min_auc 60", "`min_auc` is 60; give a floor from 0, for none, to below 1."),
        ("--objective min_ac", "`min_ac` is not a metric to optimise"),
    ],
)
def test_a_wrong_budget_is_refused_before_anything(
    flags: list[str], tmp_path: Path, more: str, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["search", *flags, *more.split(), "--output_dir", str(tmp_path / "o")]) == 2
    assert line in capsys.readouterr().err
    assert not (tmp_path / "o").exists()


def test_a_baseline_without_a_feasible_trial_is_told_and_the_rest_goes_on(
    flags: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The floor lies above what a linear readout reaches; the published name is searched as ours."""
    excess = Floors.excess
    reached = {"linear": 0.5, "full": 0.9}

    def as_reached(self: Floors, metrics: dict[str, float]) -> dict[str, float]:
        return excess(self, metrics | {"eval_auc": reached[current[0]]})

    current, make = ["full"], search.baseline

    def noted(trainer: FairTrainer, name: str) -> FairTrainer:
        current[0] = name
        return make(trainer, name)

    monkeypatch.setattr(Floors, "excess", as_reached)
    monkeypatch.setattr(search, "baseline", noted)
    more = ["--method", "full", "--num_train_epochs", "1", "--trials", "2", "--objective", "auc_diff", "--seeds", "3"]
    command = ["search", *flags, *more, "--baselines", "linear", "full", "--output_dir", str(tmp_path)]
    assert main(command) == 0
    printed = capsys.readouterr()
    line = "note: no baseline linear: no trial is feasible, so there is no winner: of 2 complete the best, trial "
    assert line in printed.out
    document = Document.load(tmp_path)
    assert {model.id: model.training is None for model in document.models} == {
        "linear": True,
        "full": False,
        "model": False,
    }
    budget = document.model_named("linear").budget
    assert budget is not None
    assert budget.trials == 2
    assert (search_of(document).objective, search_of(document).min_auc) == ("auc_gap", 0.6)
    entry = document.find("model", "test", "malignant", "skin")
    assert entry is not None
    assert entry.reference == "full"
    assert [found.baseline for found in entry.replications] == ["full"]
    card = (tmp_path / "README.md").read_text()
    assert "| no feasible trial |" in card
    assert "| floor of a trial | AUC of 0.6 on validation |" in card
    assert main(command) == 0
    assert "is finished; nothing was run" in capsys.readouterr().out


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
    flags = [*searching, "--trials", "1", "--num_train_epochs", "1", "--contact", "clinic.example"]
    assert main(["search", *flags, "--objective", "auc_green", "--output_dir", str(tmp_path / "none")]) == 2
    assert "`auc_green` is not a metric to optimise; choose from auc_" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()
    assert main(["search", *flags, "--objective", "auc_dark", "--output_dir", str(tmp_path / "run")]) == 0
    document = Document.load(tmp_path / "run")
    search = search_of(document)
    assert (search.objective, search.direction) == ("auc_dark", "maximize")
    (trial,) = search.trials
    log = training_of(document, "model").steps[-1].log
    assert trial.value == pytest.approx(log[-1]["eval_auc_dark"])
    assert "| contact | clinic.example |" in (tmp_path / "run" / "README.md").read_text()


def test_dry_push_lists_only_what_may_leave(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["push", str(finished), "--repo", "team/lesions", "--dry_run"]) == 0
    printed = capsys.readouterr().out
    assert "model.safetensors" in printed
    assert "adapter/adapter_model.safetensors" in printed
    for name in ("search.db", "splits.json", "run.json", "checkpoint", "full/"):
        assert name not in printed
