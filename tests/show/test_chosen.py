"""What a card says of how a search's winner was chosen, and of what its trials and the baselines' make together."""

from typing import Any

import pytest

from hf_fairtune.document.document import Document
from hf_fairtune.document.search import Search
from hf_fairtune.show.chosen import choice, optimism
from hf_fairtune.show.terminal import audit_text

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


def weighed(search: Document, rule: str, value: float | None) -> Document:
    """Return the search as chosen by a rule that gave trial 3 this value, and another trial a better one."""

    def made(content: dict[str, Any]) -> None:
        candidates = [{"trial": 5, "value": 0.9}, {"trial": 3, "value": value}]
        content["run"]["search"]["selection"] = {"rule": rule, "title": "the rule", "candidates": candidates}

    return edited(search, made)


def search_in(document: Document) -> Search:
    assert document.run is not None
    assert document.run.search is not None
    return document.run.search


def test_the_value_out_of_fold_that_decided_is_on_card_and_terminal(search: Document) -> None:
    made = weighed(search, "folds", 0.543)
    assert "| chosen by | the rule: 0.54 out of fold |" in card(made)
    said = "chosen among 8 trials by the rule: 0.54 out of fold; its min_group_auc was 0.81 on validation"
    assert said in optimism(made)
    assert said in " ".join(audit_text(made).split())


@pytest.mark.parametrize(("rule", "value"), [("best", 0.81), ("lower_bound", 0.81), ("folds", None)])
def test_a_rule_is_named_alone_where_the_trial_has_its_value(search: Document, rule: str, value: float | None) -> None:
    assert choice(search_in(weighed(search, rule, value)))["chosen by"] == "the rule"
