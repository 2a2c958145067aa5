"""What a card counts and how many digits it writes, as the published document has them."""

import re
from typing import Any

import pytest

from hf_fairtune.document.document import Document
from hf_fairtune.publish import publish

from .conftest import card, edited


def ensemble(content: dict[str, Any]) -> None:
    """Let three trials of the search average their probabilities, and every model have been searched."""
    trials = content["run"]["search"]["trials"]
    found = [trial["number"] for trial in trials if trial["state"] == "COMPLETE"][:3]
    members = [{"trial": n, "value": 0.4213 + n / 1000, "bound": 0.4} for n in found]
    made = {"rule": "ensemble", "title": "the mean of their probabilities", "members": members, "models": 3}
    content["run"]["search"]["combination"] = made
    for model in content["models"]:
        model["budget"] = {"trials": 8, "epochs": 64.0, "seconds": 60.0, "objective": "min_group_auc", "value": 0.4213}


def test_a_published_card_writes_two_decimals(search: Document) -> None:
    text = card(publish(edited(search, ensemble)))
    (joined,) = re.findall(r"together on validation (.+) as each joined", text)
    assert set(joined.split(", ")) == {"0.42"}
    rows = re.findall(r"^\| .+ \| 8 \| 64 \| 1\.0 \|.+$", text, re.MULTILINE)
    assert len(rows) == len(search.models)
    assert all("| 0.42 |" in row for row in rows)
    assert not re.findall(r"\d\.\d\d0\b", text)


def test_parameters_of_an_ensemble_are_a_share_of_all_its_models(search: Document) -> None:
    def made(content: dict[str, Any], models: int) -> None:
        ensemble(content)
        content["run"]["search"]["combination"]["models"] = models
        content["run"]["base"]["parameters"] = 9922
        for model in content["models"]:
            model["training"]["trainable_parameters"] = 16024 if models > 1 else 4006

    text = card(edited(search, lambda content: made(content, 4)))
    assert "| parameters trained | 16,024 in 4 models of 9,922 each (40.4 %) |" in text
    text = card(edited(search, lambda content: made(content, 1)))
    assert "| parameters trained | 4,006 of 9,922 (40.4 %) |" in text


@pytest.mark.parametrize("other", ["none", "the chosen trial alone", "a baseline", "a baseline that was not searched"])
def test_trials_of_a_baseline_are_told_where_there_is_one(search: Document, other: str) -> None:
    def made(content: dict[str, Any]) -> None:
        ensemble(content)
        content["run"]["search"].update(n_trials=40, max_hours=0.5, out_of_hours=True)
        (own,) = [model for model in content["models"] if model["id"] == content["model"]]
        (beside,) = [model for model in content["models"] if model is not own]
        own["budget"]["asked"] = 40
        if other == "none":
            content["models"] = [own]
            content["audits"] = [entry for entry in content["audits"] if entry["model"] == own["id"]]
            for entry in content["audits"]:
                entry.update(reference=None, comparison=None, replications=[])
        elif other == "the chosen trial alone":
            beside["budget"] = own["budget"]
        elif other == "a baseline":
            beside["budget"]["asked"] = 8
        else:
            beside["budget"] = None

    text = card(edited(search, made))
    assert "The run's limit of hours ended the search" in text
    assert ("a baseline had as many trials as the winner finished" in text) == (other == "a baseline")
