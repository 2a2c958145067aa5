"""What a search's winner lost, or gained, from validation to test, beside how sure the test value is."""

from typing import Any

import pytest

from hf_fairtune.document.document import Document
from hf_fairtune.show.chosen import optimism
from hf_fairtune.show.terminal import audit_text
from hf_fairtune.show.view import views

from .conftest import edited


def at(search: Document, value: float, low: float, high: float, direction: str = "maximize") -> Document:
    """Return the search with another value on test."""

    def other(content: dict[str, Any]) -> None:
        found = content["run"]["search"]
        found["direction"] = direction
        next(trial for trial in found["trials"] if trial["number"] == found["best_trial"])["value"] = 0.8
        for entry in content["audits"]:
            if entry["attribute"]:
                entry["audit"]["min_group_auc"] |= {"value": value, "low": low, "high": high}

    return edited(search, other)


@pytest.mark.parametrize(
    ("value", "low", "high", "direction", "said"),
    [
        (0.752, 0.7, 0.81, "maximize", "0.75 [0.70, 0.81] on test, 0.05 worse than there. The interval on test holds"),
        (0.752, 0.7, 0.79, "maximize", "0.05 worse than there. The interval on test does not hold the value"),
        (0.85, 0.7, 0.9, "maximize", "0.05 better than there. The interval on test holds"),
        (0.75, 0.7, 0.9, "minimize", "0.05 better than there. The interval on test holds"),
        (0.801, 0.7, 0.9, "maximize", "0.80 [0.70, 0.90] on test, as there. The interval on test holds"),
        (0.75, float("nan"), float("nan"), "maximize", "0.75 on test, 0.05 worse than there. The best of many is"),
        (
            float("nan"),
            float("nan"),
            float("nan"),
            "maximize",
            "unknown, as a group there has too few cases. The best",
        ),
    ],
)
def test_it_is_said_with_the_interval(
    search: Document, value: float, low: float, high: float, direction: str, said: str
) -> None:
    assert said in optimism(at(search, value, low, high, direction))


def test_it_is_on_the_terminal_of_a_search_alone(search: Document, repair: Document) -> None:
    assert len(views(search)) == 1
    assert "0.05 worse than there" in " ".join(audit_text(at(search, 0.75, 0.7, 0.81)).split())
    assert optimism(repair) == ""
