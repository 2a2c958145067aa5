"""`fairtune methods`: a line a method, and all about one; the card and the document repeat what it needs."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from hf_fairtune import catalog
from hf_fairtune.cli.main import main
from hf_fairtune.cli.methods import key, method_class
from hf_fairtune.document.document import Document
from hf_fairtune.document.run import Needs
from hf_fairtune.show.card import card
from hf_fairtune.show.methods import needs_said, times_said

NAMES = catalog.names("methods")


def test_every_method_is_listed_once_by_what_it_is_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["methods"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 119
    starts = [line.partition(" ")[0] for line in lines if line and not line.startswith(" ")]
    repairs = [name for name in NAMES if not method_class(name).needs.original_training_data]
    assert starts == ["To", *(name for name in NAMES if name not in repairs), "To", *repairs, "All"]
    assert {"full", "fairtune", "end"} <= {*NAMES} - {*repairs}
    assert {"swift", "dfr"} <= {*repairs}
    text = " ".join(" ".join(lines).split())
    for name in NAMES:
        found = method_class(name)
        assert f"{name} {found.title}. Trains {found.trains}. Needs {times_said(found.needs)}. [{key(found)}]" in text


@pytest.mark.parametrize("name", NAMES)
def test_all_about_one(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["methods", name.upper()]) == 0
    out, found = capsys.readouterr().out, method_class(name)
    assert found.citation in out
    assert key(found) in found.citation.splitlines()[0]
    text = " ".join(out.split())
    assert f"Needs: {needs_said(found.needs)}." in text
    assert all(f"--{e.name}" in text and " ".join(e.metadata["help"].split()) in text for e in found.flags())


@pytest.mark.parametrize("name", ["nothing", "method", "../sam", ""])
def test_what_is_no_method_is_refused(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["methods", "--name", name]) == 2
    assert "is not one of the methods; choose from" in capsys.readouterr().err


def test_needs_in_words() -> None:
    assert needs_said(Needs()) == "no attribute; the original training data"
    every = Needs(True, True, True, original_training_data=False)
    wanted = "the attribute to train and to choose on validation and to predict; no original training data"
    assert needs_said(every) == wanted


def test_the_card_repeats_the_needs_and_older_documents_load() -> None:
    text = (Path(__file__).parent.parent / "show" / "search.json").read_text(encoding="utf-8")
    older = Document.from_json(text)
    own = older.model_named(older.model)
    assert own.training is not None
    assert own.training.method.needs is None
    assert "the method needs" not in card(older, [])
    method = replace(own.training.method, needs=Needs(attribute_at_validation=True))
    newer = replace(own, training=replace(own.training, method=method))
    models = [newer if model.id == own.id else model for model in older.models]
    document = Document.from_json(json.dumps(json.loads(replace(older, models=models).to_json())))
    assert "| the method needs | the attribute to choose on validation; the original training data |" in card(
        document, []
    )


def test_the_card_says_how_an_adapter_is_loaded() -> None:
    """One of a method without a mask, such as LoRA."""
    older = Document.load(Path(__file__).parent.parent / "show" / "repair.json")
    own = older.model_named(older.model)
    assert own.training is not None
    newer = replace(own, training=replace(own.training, mask=None, soft_mask=None, adapter=True))
    models = [newer if model.id == own.id else model for model in older.models]
    assert "stock PEFT loads" not in card(older, [])
    found = card(replace(older, models=models), [])
    assert 'PeftModel.from_pretrained(base, "FOLDER", subfolder="adapter")' in found
    assert "; the adapter needs `peft`" in found
