"""The folder of a card: what is written there is of the published document."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from hf_fairtune.document.document import Document
from hf_fairtune.errors import FairTuneError
from hf_fairtune.files import manifest
from hf_fairtune.outgoing import publishable
from hf_fairtune.show import files
from hf_fairtune.show.files import write_card

from .conftest import bare, card, edited, many_trials


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> list[Document]:
    """Record what is published, and mark it."""
    seen: list[Document] = []

    def publish(document: Document, sharing: str = "rates") -> Document:
        seen.append(document)
        return replace(document, shared=sharing)

    monkeypatch.setattr(files, "publish", publish)
    return seen


def pushed_figures(folder: Path) -> list[str]:
    """Share a card's folder among pictures of others; return the figures of which a push would take the file."""
    share = folder / "share"
    shutil.copytree(folder / "figures", share / "figures")
    shutil.copy(folder / "README.md", share)
    for name in ("config.json", "fairtune.json", "preprocessor_config.json", "model.safetensors"):
        (share / name).write_text("{}")
    for name in ("rates.png", "groups.svg", "groups.png.png", "patient.png"):
        (share / "figures" / name).write_text("patient 17")
    manifest.write(folder, [path.relative_to(folder).as_posix() for path in share.rglob("*") if path.is_file()])
    figures = [path.stem for path in publishable(folder) if path.parent.name == "figures"]
    shutil.rmtree(share)
    return figures


def test_folder_holds_card_and_figures_of_the_published_document(
    search: Document, shared: list[Document], tmp_path: Path
) -> None:
    document = edited(search, many_trials)
    written = write_card(document, tmp_path, "mit")
    names = ["changes", "groups", "mask_map", "search_history", "mask_frequency"]
    assert [path.relative_to(tmp_path).as_posix() for path in written] == [
        "README.md",
        *(f"figures/{name}.png" for name in names),
    ]
    assert shared == [document]
    assert pushed_figures(tmp_path) == sorted(names)
    text = written[0].read_text("utf-8")
    assert text == card(replace(document, shared="rates"), license="mit")
    assert all(f"]({path.relative_to(tmp_path).as_posix()})" in text for path in written[1:])
    before = {path: path.read_bytes() for path in written}
    write_card(document, tmp_path, "mit")
    assert before == {path: path.read_bytes() for path in written}
    write_card(edited(search, bare), tmp_path)
    assert list((tmp_path / "figures").iterdir()) == []


def test_a_folder_that_cannot_be_written_is_said(search: Document, shared: list[Document], tmp_path: Path) -> None:
    (tmp_path / "figures").write_text("in the way")
    with pytest.raises(FairTuneError, match="could not be written"):
        write_card(search, tmp_path)


CARDS = sorted((Path(__file__).parent.parent.parent / "model_cards").glob("*/fairtune.json"))


@pytest.mark.parametrize("record", CARDS, ids=lambda path: path.parent.name)
def test_a_committed_card_is_what_the_code_renders(record: Path, tmp_path: Path) -> None:
    """After a change of the card: `fairtune report model_cards/demo`, and look at the difference."""
    write_card(Document.load(record), tmp_path)
    assert (tmp_path / "README.md").read_text("utf-8") == (record.parent / "README.md").read_text("utf-8")
    assert {p.name for p in (tmp_path / "figures").iterdir()} == {
        p.name for p in (record.parent / "figures").iterdir()
    }
    assert json.loads(record.read_text("utf-8"))["shared"] == "rates"
