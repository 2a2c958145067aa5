"""Terminal text: the verdict first, on one screen, without a mark of direction."""

import re
from dataclasses import replace
from typing import Any

import pytest

from hf_fairtune.document.document import Document
from hf_fairtune.show.answer import answers
from hf_fairtune.show.compared import Said
from hf_fairtune.show.table import plain
from hf_fairtune.show.terminal import audit_text, sentence_parts
from hf_fairtune.show.words import ALIKE, VERDICTS

from .conftest import edited, unmoved
from .strange import crowded, many_groups, renamed, undefined


def flat(text: str) -> str:
    return " ".join(text.split())


def test_an_audit_is_one_screen_verdict_first(audit: Document) -> None:
    text = audit_text(audit)
    lines = text.splitlines()
    assert audit.gate is not None
    assert lines[0] == f"Rules of {audit.gate.file}: {audit.gate.verdict}"
    numbers = sorted({row.rule for row in audit.gate.rows})
    assert [line.split(": ")[1].split(".")[0] for line in lines[1 : 1 + len(numbers)]] == list(map(str, numbers))
    assert len(lines) <= 40
    assert max(map(len, lines)) <= 100
    assert "440 rows, 159 cases, " in text
    for one in answers(audit):
        for paragraph in (one.verdict, *one.paragraphs):
            assert plain(paragraph) in flat(text)
    assert "--exclude 'not stated' 'F & not stated' 'M & not stated'" in text


def test_without_a_gate_the_answer_is_first(search: Document) -> None:
    assert audit_text(search).startswith(f"{VERDICTS['open']}, {ALIKE}.\n\nBy skin, on test: ")
    assert "Nothing was audited" in audit_text(edited(search, lambda content: content.update(audits=[])))


def test_only_verdicts_are_coloured(audit: Document) -> None:
    assert "\033" not in audit_text(audit)
    text = audit_text(audit, colour=True)
    assert "\033[32m  pass: 2. " in text
    assert re.sub("\033\\[\\d+m", "", text) == audit_text(audit)
    assert audit.gate is not None
    failed = replace(audit, gate=replace(audit.gate, verdict="fail"))
    assert audit_text(failed, colour=True).startswith("\033[31mRules of rules.yaml: fail\033[0m")


@pytest.mark.parametrize("times", [2, 14])
def test_many_answers_are_cut(audit: Document, times: int) -> None:
    text = audit_text(edited(audit, lambda content: crowded(content, times)))
    assert f"{3 * times - 4} more answers have no place here." in text
    assert len(text.splitlines()) <= 50


def test_strange_names_do_nothing(audit: Document) -> None:
    audit_text(edited(audit, lambda content: many_groups(content, "sex", 30)))
    for made in (edited(audit, renamed), edited(audit, undefined)):
        text = audit_text(made)
        assert not re.search("[\u202a-\u202e\u2066-\u2069\x00]", text)
        assert not {"None", "nan"} & set(re.findall(r"\w+", text))


def test_what_has_most_to_say_is_cut_last(audit: Document) -> None:
    """Names of a hundred letters leave the first answer whole, and say by how much."""

    def long(content: dict[str, Any]) -> dict[str, Any]:
        content["gate"] = None
        made: dict[str, Any] = renamed(content, {name: f"{name} {'of a far clinic ' * 10}" for name in ("F", "M")})
        return made

    made = edited(audit, long)
    lines = audit_text(made).splitlines()
    assert len(lines) <= 37
    first = min(answers(made), key=lambda one: one.rank)
    others = [one for one in answers(made) if one is not first]
    text = flat("\n".join(lines))
    assert all(plain(paragraph).partition(" (chance")[0] in text for paragraph in first.paragraphs)
    assert not all(plain(paragraph) in text for one in others for paragraph in one.paragraphs)


def test_a_harm_is_never_cut(repair: Document) -> None:
    """What follows it may be: it stands behind the verdict, though that is two lines long."""

    def long(content: dict[str, Any]) -> dict[str, Any]:
        unmoved(content, "tpr", -0.79)
        made: dict[str, Any] = renamed(content, {"dark": "dark of a far clinic that has a long name"})
        return made

    text = audit_text(edited(repair, long))
    harm = 'the true positive rate fell for: "dark of a far clinic that has a long name" -0.79 [-0.89, -0.69].'
    assert f"beyond its interval. At the threshold youden, fitted on validation: {harm}" in flat(text)
    assert "The lowest AUC of a group changed by 0.00" in flat(text)


def test_a_fall_by_a_method_is_never_cut() -> None:
    said = [Said(f"Against {name}: {'words ' * 40}{name}.", name == "b") for name in "abc"]
    whole, rest = sentence_parts(said, 4)
    assert flat("\n".join(whole.lines(1, colour=False))) == said[1].text
    assert rest.lines(4, colour=False)[0].endswith(" ...")
    assert len(rest.lines(4, colour=False)) == 1
    assert [part.most for part in sentence_parts(said[:1], 4)] == [4]
    assert sentence_parts([], 4) == []
