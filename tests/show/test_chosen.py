"""What a card says of how a search's winner was chosen, and of what its trials and the baselines' make together."""

from typing import Any

from hf_fairtune.document.document import Document

from .conftest import card, edited

BUDGET = {"trials": 8, "epochs": 64.0, "seconds": 60.0, "objective": "min_group_auc", "value": 0.8}


def joined(content: dict[str, Any]) -> None:
    """Combine the trials of a search, beside a baseline of its own, one without a winner and the winner alone."""
    members = [{"trial": number, "value": 0.8, "bound": 0.7} for number in (3, 5)]
    title = "the mean of their probabilities"
    content["run"]["search"]["combination"] = {"rule": "ensemble", "title": title, "members": members, "models": 2}
    own, full = content["models"]
    full["budget"] = BUDGET
    content["models"].append({"id": "linear", "title": "Linear readout", "budget": BUDGET})
    content["models"].append(own | {"id": "single", "title": "FairTune, the chosen trial alone", "budget": BUDGET})


def test_a_card_says_that_baselines_are_combined_alike(search: Document) -> None:
    said = "The trials of each baseline were combined by the same rule, the mean of their probabilities: "
    assert f"\n\n{said}Full fine-tuning.\n\n" in card(edited(search, joined))

    def apart(content: dict[str, Any]) -> None:
        joined(content)
        content["run"]["search"]["combination"] = None

    assert "The trials of each baseline" not in card(edited(search, apart))
    assert "The trials of each baseline" not in card(search)
