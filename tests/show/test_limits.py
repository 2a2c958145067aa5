"""The limits that page and card tell follow from the document."""

from typing import Any

from hf_fairtune.document.document import Document
from hf_fairtune.publish import publish
from hf_fairtune.show.answer import limits
from hf_fairtune.show.table import plain
from hf_fairtune.show.view import views
from hf_fairtune.show.words import number

from .conftest import edited


def test_limits_name_groups_thresholds_and_prevalence(audit: Document) -> None:
    text = plain(" ".join(limits(audit)))
    assert 'Not estimable: "not stated" (by skin)' in text
    assert "such as 0.5, may not be the one used in care" in text
    assert "share with the finding runs from 0.00 to" in text
    assert "saw any of these rows in its training is unknown" in text
    assert "Left out" not in text
    assert "A coin has 0.5" not in text

    def excluded(content: dict[str, Any]) -> None:
        for entry in content["audits"]:
            entry["audit"]["excluded"] = ["not stated"]
            entry["audit"]["auc"] |= {"value": 0.55, "low": 0.504, "high": 0.6}

    text = plain(" ".join(limits(edited(audit, excluded))))
    assert 'all differences: "not stated"' in text
    assert "The AUC of all rows is 0.55 [0.50, 0.60]. A coin has 0.5, which the interval does not exclude." in text


def test_limits_set_the_best_of_many_trials_beside_the_test(search: Document) -> None:
    assert search.run is not None
    assert search.run.search is not None
    (view,) = views(search)
    best = search.run.search.trials[search.run.search.best_trial or 0].value
    text = " ".join(limits(search))
    assert f"min_group_auc was {number(best)} on validation and is {number(view.audit.min_group_auc)} on test" in text
    assert "another seed gives another model" in text

    def other(content: dict[str, Any]) -> None:
        content["run"]["search"]["objective"] = "eval_loss"

    assert f"its loss was {number(best)} on validation. The best" in " ".join(limits(edited(search, other)))


def test_limits_name_the_rule_and_the_best_value_that_it_passed_over(search: Document) -> None:
    assert search.run is not None
    assert search.run.search is not None
    best = search.run.search.trials[search.run.search.best_trial or 0].value
    (view,) = views(search)

    def chosen(content: dict[str, Any]) -> None:
        rule = {"rule": "one_se", "title": "the smallest of many", "candidates": [], "epochs": 0.0}
        content["run"]["search"] |= {"best_trial": 4, "selection": rule}

    found = edited(search, chosen)
    value, tested = search.run.search.trials[4].value, view.audit.min_group_auc
    said = f"its min_group_auc was {number(value)} on validation (the best of all {number(best)})"
    text = " ".join(limits(found))
    assert f"trials by the smallest of many; {said} and is {number(tested)} on test, " in text


def test_limits_of_a_repair_doubt_the_model_before(repair: Document) -> None:
    assert "saw any of these rows" in " ".join(limits(repair))


def test_limits_of_weighted_classes_doubt_the_probabilities_until_they_are_calibrated(
    search: Document, repair: Document
) -> None:
    def weighted(content: dict[str, Any]) -> None:
        for model in content["models"]:
            if model["training"]:
                model["training"] |= {"class_weights": [0.6, 3.0]}
                model["training"]["arguments"]["class_weights"] = ["balanced"]

    said = "probabilities are not calibrated to the natural prevalence"
    for document, calibrated in ((search, False), (repair, True)):
        found = edited(document, weighted)
        assert said not in " ".join(limits(document))
        assert (said in " ".join(limits(found))) is not calibrated
        shared = publish(found)
        own = shared.model_named(shared.model).training
        assert own is not None
        # They would tell how many rows of each class there are.
        assert own.class_weights == []
        assert (said in " ".join(limits(shared))) is not calibrated
