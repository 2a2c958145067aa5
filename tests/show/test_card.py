"""The card: the Hub's metadata, every section, any run; and the folder it is written to."""

import re
from dataclasses import replace
from operator import attrgetter
from pathlib import Path
from typing import Any

import pytest
import torch
from huggingface_hub import ModelCard
from PIL import Image
from transformers import AutoModelForImageClassification, ViTImageProcessor

from hf_fairtune import handover
from hf_fairtune.document.document import Document
from hf_fairtune.document.run import ExternalSet
from hf_fairtune.errors import FairTuneError
from hf_fairtune.families.family import fit_image_size
from hf_fairtune.masks.config import masked
from hf_fairtune.masks.mask import Mask
from hf_fairtune.show.answer import answers
from hf_fairtune.show.card import pictures
from hf_fairtune.show.table import markdown
from hf_fairtune.show.view import views
from tests.conftest import tiny_vit

from .conftest import bare, card, edited
from .strange import HOSTILE, renamed

SECTIONS = [
    *("How to use", "Intended use", "Limits", "Results", "Factors", "Metrics", "Training", "Citation"),
    "Data, versions, hashes",
]


def section(text: str, name: str) -> str:
    return text.split(f"\n## {name}\n")[1].split("\n## ")[0]


def test_the_card_answers_as_the_page_does_and_says_first_what_a_user_needs(search: Document) -> None:
    text = card(search, license="apache-2.0")
    for one in answers(search):
        assert markdown(one.verdict) in section(text, "Results")
        assert all(markdown(paragraph) in section(text, "Results") for paragraph in one.paragraphs)
    first = text.split("\n---\n", 1)[1].split("\n## Results\n")[0]
    assert "| licence | apache-2.0 |" in first
    assert "| contact | " in first
    assert f"| base model | {markdown(search.run.base.name)}" in first if search.run else False
    assert len(first.split()) < 650, "two screens"
    assert "| licence | not stated here; " in card(search)


@pytest.mark.filterwarnings("ignore:Unexpected keyword arguments:UserWarning")  # stock PEFT's, of our mask's bits
@pytest.mark.filterwarnings("ignore:Unsupported layer type:UserWarning")
def test_every_snippet_runs(search: Document, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a reader pastes them: a base model of other classes and another image size, and an image of any size."""
    base, folder = tmp_path / "base", tmp_path / "run"
    tiny_vit(n_blocks=3, num_labels=5, image_size=32).save_pretrained(base)
    model = AutoModelForImageClassification.from_pretrained(base, num_labels=2, ignore_mismatched_sizes=True)
    fit_image_size(model, 16)
    trained = masked(model, Mask((1, 0, 1) * 3))
    for parameter in filter(attrgetter("requires_grad"), trained.parameters()):
        torch.nn.init.normal_(parameter, std=0.2)

    def ours(content: dict[str, Any]) -> None:
        content["run"]["base"] |= {"name": str(base), "model_type": "vit", "image_size": 16}

    document = edited(search, ours)
    handover.write(folder, trained, ViTImageProcessor(size={"height": 16, "width": 16}), document)
    Image.new("L", (40, 30), 90).save(tmp_path / "image.jpg")
    monkeypatch.chdir(tmp_path)
    snippets = re.findall("```python\n(.*?)```", card(document), re.DOTALL)
    assert len(snippets) == 2
    known: dict[str, Any] = {}
    for snippet in snippets:
        exec(snippet.replace("FOLDER", str(folder)), known)
    assert 0 < known["probability"] < 1
    merged = known["model"](**known["inputs"]).logits
    assert torch.allclose(known["logits"], merged, atol=1e-4), "the adapter is the model"


@pytest.mark.parametrize("name", ["search", "repair"])
def test_every_card_has_its_sections_in_order(name: str, request: pytest.FixtureRequest) -> None:
    document = request.getfixturevalue(name)
    text = card(document)
    wanted = SECTIONS[:6] + ["Repair"] * (name == "repair") + SECTIONS[6:]
    at = [text.index(f"\n## {one}\n") for one in wanted]
    assert at == sorted(at)
    assert not {"None", "nan"} & set(re.findall(r"\w+", text.replace("numpy", "")))
    for view in views(document):
        for row in view.audit.groups:
            assert f"| {row.group} |" in text


def test_a_run_without_anything_has_a_card(search: Document) -> None:
    text = card(edited(search, bare))
    assert "Nothing was audited" in section(text, "Results")
    assert "PeftModel" not in text
    assert pictures(edited(search, bare)) == []


def test_a_card_says_what_the_hours_of_a_run_held(search: Document) -> None:
    def with_budgets(content: dict[str, Any]) -> None:
        for model in content["models"]:
            model["budget"] = {"trials": 4, "epochs": 12, "seconds": 60, "objective": "min_group_auc", "value": 0.8}

    def out_of_hours(content: dict[str, Any]) -> None:
        with_budgets(content)
        found = content["run"]["search"]
        found.update(n_trials=40, max_hours=0.5, out_of_hours=True)
        found["trials"][-1].update(state="PRUNED", stopped_by="hours")
        for model in content["models"]:
            model["budget"]["asked"] = 40 if model["id"] == content["model"] else 4

    before, text = (card(edited(search, edit)) for edit in (with_budgets, out_of_hours))
    assert "; the limit of 0.5 hours ended the search and pruned 1 |" in text
    assert "The run's limit of hours ended the search; a baseline had as many trials as the winner finished." in text
    assert "limit of" not in before
    assert (text.count("| 4 of 40 | 12 |"), text.count("| 4 | 12 |")) == (1, len(search.models) - 1)
    assert before.count("| 4 | 12 |") == len(search.models)


def test_a_card_says_why_trials_failed(search: Document) -> None:
    def failed(content: dict[str, Any]) -> None:
        first, second, *_ = content["run"]["search"]["trials"]
        first.update(state="FAIL", failure="memory", retried=["memory", "disk"])
        second.update(retried=["disk"])

    text = card(edited(search, failed))
    assert "; failed: memory ran out (1); run again: memory ran out (1), the disk is full (2) |" in text


def test_an_audit_has_no_card(audit: Document) -> None:
    with pytest.raises(FairTuneError, match="has no model card"):
        card(audit)


def further_sets(content: dict[str, Any]) -> None:
    """Add a test set, and the attributes alone."""
    content["data"]["test_sets"] = {"clinic-b": "clinic-b.csv"}
    content["data"]["splits"]["clinic-b"] = content["data"]["splits"]["test"]
    content["audits"] += [entry | {"split": "clinic-b"} for entry in content["audits"]]
    content["audits"] += [entry | {"attribute": "age:60"} for entry in content["audits"]]


def test_every_attribute_and_test_set_is_shown(repair: Document) -> None:
    made = edited(repair, further_sets)
    text = card(made)
    data = ModelCard(text).data
    assert data.eval_results[0].metric_name == "AUC, all rows, test"
    assert [result.dataset_split for result in data.eval_results] == ["test"] * 3 + ["clinic-b"] * 3
    assert data.eval_results[3].dataset_name == "clinic-b.csv"
    for attribute in ("skin", "age:60"):
        for split in ("test", "clinic-b"):
            assert f"### AUC by {attribute}, on {split} [95 % interval]" in text
    forest, changes = (next(p for p in pictures(made) if p.name == name) for name in ("groups", "changes"))
    assert [axes.get_title("left") for axes in forest.figure.axes] == ["by skin", "by age:60"]
    assert len(changes.figure.axes) == 4


def test_nothing_is_known_of_a_method_but_what_the_document_says(search: Document) -> None:
    def other(content: dict[str, Any]) -> None:
        method = content["models"][0]["training"]["method"]
        method |= {
            "name": "mine",
            "title": "My way",
            "citation": "@article{mine}",
            "hyperparameters": {"eta_x": 0.125},
        }
        content["models"][0] |= {"id": "mine", "title": "My way"}
        content["model"] = "mine"
        content["audits"][0]["model"] = "mine"

    text = card(edited(search, other))
    assert "| eta x | 0.125 |" in text
    assert "@article{mine}" in section(text, "Citation")
    assert "fine-tuned with My way" in text
    assert "AUC, Full fine-tuning | AUC, My way | change |" in text


def test_a_mask_is_in_words_and_an_adapter(search: Document, repair: Document) -> None:
    assert "| parts trained | LayerNorms of every block; and the classification head |" in card(search)
    assert 'subfolder="adapter"' in card(search)
    assert "PeftModel" not in card(repair)


def test_a_repair_on_a_split_as_it_is_tells_of_no_balance(repair: Document) -> None:
    assert repair.run is not None
    assert repair.run.repair is not None
    whole = replace(repair.run.repair, external=ExternalSet("train", "train", 1.0, False), calibration=None)
    text = section(card(replace(repair, run=replace(repair.run, repair=whole))), "Repair")
    assert " images: all of train, with groups and labels as common as they are there.\n- **Head.**" in text
    assert "- **Probabilities.** Not calibrated.\n" in text
    assert "balance" not in text


def test_a_repair_says_what_was_repaired_with_what_and_how(repair: Document) -> None:
    text = section(card(repair), "Repair")
    assert repair.run is not None
    assert repair.run.repair is not None
    size = repair.data.splits["external"].n
    assert f"{size} images, drawn without replacement from train." in text
    assert 'head is "classifier"' in text
    calibration = repair.run.repair.calibration
    assert calibration is not None
    assert f"Calibrated on validation (slope {calibration.slope:.2f}" in text
    steps = section(card(repair), "Training")
    assert (
        "| step | epochs | learning rate | prediction weight | bias weight | empty cells | batches | seconds |"
        in steps
    )
    assert "| extractor | 3 | 0.001 | 0.1 | 0.9 | 0 | 12 |" in steps
    assert "a soft mask" in steps

    def plain(content: dict[str, Any]) -> None:
        content["run"]["repair"]["calibration"] = None

    def refused(content: dict[str, Any]) -> None:
        lacks = {"kind": "no_ranking", "group": None, "unit": None, "count": None, "needed": None}
        content["run"]["repair"]["calibration"] |= {"applied": False, "reasons": [lacks]}

    assert "Not calibrated: " in card(edited(repair, plain))
    assert "not in the weights: the scores do not rank the rows" in card(edited(repair, refused))


def test_strange_names_are_safe(search: Document) -> None:
    names = dict(zip(("dark", "light", "malignant", "lesions", "skin"), HOSTILE.values(), strict=False))
    text = card(edited(search, lambda content: renamed(content, names)))
    body = text.split("\n---\n", 1)[1]
    assert not re.search(r"(?<!\\)<(script|img|svg)", body)
    assert not re.search("[\u202a-\u202e\u2066-\u2069]", body)
    for line in (line for line in body.splitlines() if line.startswith("| ")):
        assert line.endswith("|")


def test_the_card_tells_floors_and_infeasible_trials_and_a_baseline_without_a_winner(search: Document) -> None:
    def made(content: dict[str, Any]) -> None:
        found = content["run"]["search"]
        found["min_auc"] = 0.6
        found["trials"][0]["infeasible"] = ["min_auc"]
        budget = {"trials": 8, "epochs": 64.0, "seconds": 60.0, "objective": "auc_gap", "value": None}
        content["models"].append({"id": "linear", "title": "Linear readout", "budget": budget})

    assert "infeasible" not in card(search)
    text = card(edited(search, made))
    assert "| floor of a trial | AUC of 0.6 on validation |" in text
    assert re.search(r"\| trials \| 8 asked for; 1 infeasible, 5 complete, 2 pruned \|", text)
    assert re.search(r"\| Linear readout \| 8 \| 64 \| 1\.0 \| no feasible trial \|", text)
