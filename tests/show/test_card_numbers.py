"""What a card counts and how many digits it writes, as the published document has them."""

import re
from typing import Any

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
