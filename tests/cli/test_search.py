"""`fairtune search`: the folder it leaves, for whom it loads, and that running it again changes nothing."""

import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import numpy as np
import pytest
import torch
from hf_fairtune.data.table import load_fair_dataset
from PIL import Image
from transformers import AutoImageProcessor, AutoModelForImageClassification, pipeline

from hf_fairtune.cli.main import main
from hf_fairtune.data.arguments import DataArguments
from hf_fairtune.record import Record

SCHEMA = json.loads((Path(__file__).parent.parent.parent / "hf_fairtune" / "record.schema.json").read_text())


def test_the_record_follows_its_schema(finished: Path) -> None:
    content = json.loads((finished / "fairtune.json").read_text())
    jsonschema.validate(content, SCHEMA)
    assert [trial["number"] for trial in content["trials"]] == list(range(7))
    assert {e["model"] for e in content["evaluations"]} == {"fairtune", "full"}
    assert [t["model"] for t in content["training"]] == ["fairtune", "full"]
    assert len(content["mask"]) == 9


def test_the_winner_travels_whole(finished: Path) -> None:
    """The record's mask and learning rate are those of the best trial, and the retrained winner has its value."""
    record = Record.load(finished)
    assert record.search is not None
    best = record.trials[record.search["best_trial"]]
    assert (record.mask, record.learning_rate) == (best["mask"], best["learning_rate"])
    assert record.training[0]["epochs"][-1]["eval_min_group_auc"] == best["value"]
    complete = [t["value"] for t in record.trials if t["state"] == "COMPLETE"]
    assert best["value"] == max(complete)


def test_full_fine_tuning_has_its_best_rate(finished: Path) -> None:
    record = Record.load(finished)
    full = [t for t in record.trials if all(t["mask"]) and t["value"] is not None]
    assert record.training[1]["learning_rate"] == max(full, key=lambda t: t["value"])["learning_rate"]


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


def test_a_stock_pipeline_gives_the_scores_of_the_record(finished: Path, lesions: Path, base: Path) -> None:
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


def test_the_audit_of_the_folder_is_the_record(
    finished: Path, flags: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Another process, from the merged weights and the image files, finds every number of the record again."""
    kept = [flag for flag in flags if flag != "--use_cpu"]
    # Without the run's seed: the folder knows its own test patients.
    for name in ("--model", "--per_device_train_batch_size", "--image_size", "--seed"):
        at = kept.index(name)
        del kept[at : at + 2]
    assert main(["audit", str(finished), *kept, "--output_dir", str(tmp_path)]) == 0
    ours = json.loads((tmp_path / "audit.json").read_text())
    recorded = Record.load(finished).evaluation("fairtune")
    assert recorded is not None
    points = [[{k: g[k] for k in ("group", "n", "positives", "auc")} for g in a["groups"]] for a in (ours, recorded)]
    assert points[0] == points[1]
    (by_skin,) = (one["audit"] for one in ours["audits"])
    assert by_skin["min_group_auc"]["value"] == recorded["min_group_auc"]["value"]
    assert [t["value"] for t in by_skin["thresholds"]] == pytest.approx([t["value"] for t in recorded["thresholds"]])
    assert "light" in capsys.readouterr().out


def test_report_writes_the_same_card(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {p.name: p.read_bytes() for p in [finished / "README.md", *finished.glob("figures/*")]}
    assert main(["report", str(finished)]) == 0
    assert {p.name: p.read_bytes() for p in [finished / "README.md", *finished.glob("figures/*")]} == before
    assert len(before) >= 3
    assert "full" in capsys.readouterr().out


def test_dry_push_lists_only_what_may_leave(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["push", str(finished), "--repo", "team/lesions", "--dry_run"]) == 0
    printed = capsys.readouterr().out
    assert "model.safetensors" in printed
    assert "adapter/adapter_model.safetensors" in printed
    for name in ("search.db", "splits.json", "run.json", "checkpoint", "full/"):
        assert name not in printed
