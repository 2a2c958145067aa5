"""The card's metadata, as the Hub reads it."""

from typing import Any

import pytest
from huggingface_hub import ModelCard

from hf_fairtune.document.document import Document
from hf_fairtune.show.table import plain
from hf_fairtune.show.view import views

from .conftest import card, edited


def test_metadata_round_trips(search: Document) -> None:
    text = card(search, license="apache-2.0")
    read = ModelCard(text)
    assert str(ModelCard(str(read))) == str(read) == text
    data, (view,) = read.data, views(search)
    assert (data.library_name, data.pipeline_tag) == ("transformers", "image-classification")
    assert data.license == "apache-2.0"
    assert {"fairness", "hf-fairtune", search.model} <= set(data.tags)
    overall, lowest = data.eval_results
    assert (overall.metric_type, overall.dataset_split) == ("roc_auc", "test")
    assert overall.metric_value == pytest.approx(view.audit.auc.value, abs=1e-4)
    assert lowest.metric_value == pytest.approx(view.audit.min_group_auc.value, abs=1e-4)
    assert lowest.metric_name == "AUC, lowest group by skin, none of them clearly served worst, test"

    def clear(content: dict[str, Any]) -> None:
        content["audits"][0]["audit"]["auc_gap"]["p"] = 0.001

    (view,), named = views(edited(search, clear)), card(edited(search, clear))
    assert f"AUC, lowest group by skin ({view.audit.min_group_auc.group}), test" in named
    assert f'"{view.audit.min_group_auc.group}" is clearly served worst: it is ranked worse.' in plain(named)


@pytest.mark.parametrize(("name", "base"), [("google/vit", "google/vit"), ("/models/vit", None), ("./x", None)])
def test_a_local_base_model_is_no_hub_id(search: Document, name: str, base: str | None) -> None:
    made = edited(search, lambda content: content["run"]["base"].update(name=name))
    data = ModelCard(card(made)).data
    assert data.base_model == base
    assert data.license is None
    assert "/models/" not in ModelCard(card(made)).data.to_yaml()
