"""`fairtune debias`: the folder it leaves, for whom it loads, and that running it again changes nothing."""

import json
import subprocess
import sys
from collections.abc import Callable
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jsonschema
import numpy as np
import pytest
import torch
from datasets import Dataset
from sklearn.metrics import log_loss, roc_auc_score
from transformers import AutoImageProcessor, AutoModelForImageClassification

from hf_fairtune import handover
from hf_fairtune.cli.main import main
from hf_fairtune.cli.notes import say_power
from hf_fairtune.data.arguments import DataArguments
from hf_fairtune.data.fair_dataset import FairDataset, load_fair_dataset
from hf_fairtune.document.document import Audited, Document
from tests.audits.samples import without_cut_metrics
from tests.cli.run_folder import repair_of


@pytest.fixture(scope="module")
def data(lesions: Path, elsewhere: Path, biased: Path) -> FairDataset:
    """The splits that the repair is tested on."""
    table = DataArguments(str(lesions), "label", ["malignant"], ["skin"])
    other = DataArguments(str(elsewhere), "label", ["malignant"], ["skin"])
    return load_fair_dataset(table, AutoImageProcessor.from_pretrained(biased)).with_test_set("other", other)


def log_odds(folder: Path, split: Dataset) -> np.ndarray:
    """Return a stored model's log-odds of disease, by stock transformers."""
    model = AutoModelForImageClassification.from_pretrained(folder).eval()
    with torch.no_grad():
        logits = model(split[:]["pixel_values"]).logits.double()
    return (logits[:, 1] - logits[:, 0]).numpy()


@pytest.fixture(scope="module")
def document(repaired: Path) -> Document:
    return Document.load(repaired)


def entry_of(document: Document, model: str, split: str) -> Audited:
    entry = document.find(model, split, "malignant", "skin")
    assert entry is not None
    return entry


def test_the_document_follows_its_schema(repaired: Path, document: Document) -> None:
    jsonschema.validate(json.loads((repaired / "fairtune.json").read_text()), Document.json_schema())
    assert document.job == "debias"
    assert [(m.id, m.title) for m in document.models] == [
        ("before", "before"),
        ("before_calibrated", "before, calibrated"),
        ("model", "SWiFT"),
    ]
    scored = {(e.model, e.split) for e in document.audits}
    assert scored == set(product(["before", "before_calibrated", "model"], ["test", "other"]))
    compared = {(e.reference, e.model, e.split, e.attribute) for e in document.audits if e.comparison}
    assert compared == {("before", "model", "test", "skin"), ("before", "model", "other", "skin")}
    training = document.model_named("model").training
    assert training is not None
    assert [step.name for step in training.steps] == ["extractor", "head"]
    assert training.method.hyperparameters["alpha_head"] == 0.9
    assert repair_of(repaired).head == "classifier"
    assert document.data.test_sets == {"other": "elsewhere"}


def test_what_the_comparison_can_show_is_said_beforehand(
    data: FairDataset, capsys: pytest.CaptureFixture[str]
) -> None:
    """For an AUC and a correlation that are assumed, or of the model before, whose scores are known."""
    trainer: Any = SimpleNamespace(data=data, is_world_process_zero=lambda: True)
    labels = np.array(data.columns("test")["labels"])
    say_power(trainer)
    say_power(trainer, "test", np.random.default_rng(0).normal(labels))
    unknown, known = capsys.readouterr().out.splitlines()
    note = "note: comparison on test by skin: "
    assert unknown.startswith(f"{note}4 of 5 comparisons would find no gain of AUC, however large, and where ")
    assert known.startswith(f"{note}4 of 5 comparisons would find a gain of AUC of ")
    for line in (unknown, known):
        assert line.endswith("scores correlated by 0.90")
    assert "at AUC 0.85 and" in unknown
    assert "at AUC 0.85 and" not in known


def test_calibration_of_the_model_before_moves_only_what_0_5_means(repaired: Path, document: Document) -> None:
    for split in ("test", "other"):
        raw, calibrated = (entry_of(document, name, split).audit for name in ("before", "before_calibrated"))
        changes = entry_of(document, "model", split).comparison
        assert changes is not None
        assert calibrated.auc == raw.auc
        assert repr(calibrated.groups) == repr(raw.groups)
        fixed, youden = calibrated.thresholds
        assert repr(youden.gaps) == repr(raw.thresholds[1].gaps)
        # What a cut of probabilities stands for moves with them.
        assert repr(without_cut_metrics(youden)) == repr(without_cut_metrics(raw.thresholds[1]))
        assert (fixed.policy, fixed.value) == ("fixed", 0.5)
        # At 0.5 the raw model before and the calibrated one after are not compared.
        assert [threshold.policy for threshold in changes.thresholds] == ["youden"]


def test_the_numbers_are_those_of_the_models(
    repaired: Path, biased: Path, data: FairDataset, document: Document
) -> None:
    """Before: the model the repair started from. After: the stored one. The change is their difference."""
    for split in ("test", "other"):
        columns, part = data.columns(split), data.plain(split)
        inside = {name: columns["groups"] == i for i, name in enumerate(data.groups_of(split))}
        aucs: dict[str, dict[str, float]] = {}
        for folder, model in ((biased, "before"), (repaired, "model")):
            z, audit = log_odds(folder, part), entry_of(document, model, split).audit
            aucs[model] = {name: roc_auc_score(columns["labels"][rows], z[rows]) for name, rows in inside.items()}
            assert {row.group: row.auc.value for row in audit.groups} == pytest.approx(aucs[model])
            assert audit.auc.value == pytest.approx(roc_auc_score(columns["labels"], z))
        changes = entry_of(document, "model", split).comparison
        assert changes is not None
        assert {row.group: row.auc.value for row in changes.groups} == pytest.approx(
            {name: aucs["model"][name] - aucs["before"][name] for name in inside}
        )


def test_the_calibration_is_in_the_head(repaired: Path, data: FairDataset, document: Document) -> None:
    """The stored model's probabilities have the log loss of the document, and are a line of the trained model's."""
    found = repair_of(repaired).calibration
    assert found is not None
    assert found.applied
    assert found.slope > 0
    trained = max((repaired / "head").glob("checkpoint-*"), key=lambda path: int(path.name[11:]))
    before, after = (log_odds(folder, data["validation"]) for folder in (trained, repaired))
    np.testing.assert_allclose(after, found.slope * before + found.intercept, rtol=1e-3, atol=1e-5)
    labels = data.columns("validation")["labels"]
    for z, loss in ((before, found.log_loss_before), (after, found.log_loss_after)):
        assert log_loss(labels, 1 / (1 + np.exp(-z))) == pytest.approx(loss, rel=1e-5)


LOAD = """
import sys; sys.modules["hf_fairtune"] = None
import json, torch
from transformers import AutoImageProcessor, AutoModelForImageClassification
pixels = torch.randn(3, 3, 16, 16, generator=torch.Generator().manual_seed(0))
model = AutoModelForImageClassification.from_pretrained(sys.argv[1]).eval()
assert AutoImageProcessor.from_pretrained(sys.argv[1]).size["height"] == 16
with torch.no_grad():
    print(json.dumps([model(pixels).logits.tolist(), model.config.id2label]))
"""


def test_stock_transformers_loads_it_without_this_package(
    repair: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And gives the logits of the model that was handed over, bit for bit."""
    pixels = torch.randn(3, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    handed: list[torch.Tensor] = []
    write = handover.write

    def spy(folder: str, model: Any, *rest: Any) -> Path:
        with torch.no_grad():
            handed.append(model.eval()(pixels).logits)
        return write(folder, model, *rest)

    monkeypatch.setattr("hf_fairtune.handover.write", spy)
    folder = repair("--method", "bmft")
    command = [sys.executable, "-W", "ignore", "-c", LOAD, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    logits, names = json.loads(done.stdout.splitlines()[-1])
    assert logits == handed[0].tolist()
    assert names == {"0": "benign", "1": "malignant"}


def test_again_changes_nothing(
    repaired: Path, repairing_both: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("something was trained")

    monkeypatch.setattr("hf_fairtune.trainer.fair.FairTrainer.__init__", never)
    before = {p: p.read_bytes() for p in repaired.rglob("*") if p.is_file()}
    assert main(["debias", *repairing_both, "--output_dir", str(repaired)]) == 0
    assert {p: p.read_bytes() for p in repaired.rglob("*") if p.is_file()} == before
    printed = capsys.readouterr().out
    assert "is finished; nothing was run" in printed
    assert "on other" in printed


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("alpha_extractor", "0.2"),
        ("external_fraction", "0.5"),
        ("mask", "hard"),
        ("test", "third=nowhere"),
        ("method", "bmft"),
        ("learning_rate", "0.5"),
        ("calibrate", "false"),
    ],
)
def test_another_repair_is_refused(
    repaired: Path, repairing_both: list[str], capsys: pytest.CaptureFixture[str], name: str, value: str
) -> None:
    before = (repaired / "fairtune.json").read_bytes()
    assert main(["debias", *repairing_both, f"--{name}", value, "--output_dir", str(repaired)]) == 2
    error = capsys.readouterr().err
    assert "holds another run" in error
    assert name in error
    assert (repaired / "fairtune.json").read_bytes() == before


def test_report_writes_the_same_card(repaired: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {p.name: p.read_bytes() for p in [repaired / "README.md", *repaired.glob("figures/*")]}
    assert {"README.md", "changes.png", "groups.png", "mask_layers.png"} <= set(before)
    assert main(["report", str(repaired)]) == 0
    assert {p.name: p.read_bytes() for p in [repaired / "README.md", *repaired.glob("figures/*")]} == before


def test_dry_push_lists_only_what_may_leave(repaired: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["push", str(repaired), "--repo", "team/lesions", "--dry_run"]) == 0
    _, *lines = capsys.readouterr().out.splitlines()
    names = {line.split()[-1] for line in lines}
    figures = {f"figures/{name}.png" for name in ("changes", "groups", "mask_layers")}
    model = {"config.json", "model.safetensors", "preprocessor_config.json"}
    assert names == {"README.md", "fairtune.json"} | model | figures
