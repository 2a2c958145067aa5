"""Answers about several classes: what is said at home is what is said on card and shared page."""

from hf_fairtune.document.document import Document
from hf_fairtune.publish import publish
from hf_fairtune.show.answer import answers, headline
from hf_fairtune.show.group_names import in_words
from hf_fairtune.show.table import plain
from hf_fairtune.show.terminal import audit_text


def test_terminal_and_card_answer_alike(of_classes: Document) -> None:
    own, shared = answers(in_words(of_classes)), answers(in_words(publish(of_classes)))
    assert [(one.kind, one.verdict, one.paragraphs) for one in own] == [
        (one.kind, one.verdict, one.paragraphs) for one in shared
    ]
    assert "; 1 cannot be judged." in headline(shared)
    assert plain(headline(shared)) in " ".join(audit_text(of_classes).split())


def test_small_cells_are_why_there_are_no_rates(of_classes: Document) -> None:
    df = answers(of_classes)[0]
    assert df.kind == "unknown"
    assert plain(df.paragraphs[0]) == (
        'No rates: in no group are both cases found and false alarms known ("F", "M": fewer than 10 positives).'
    )


def test_the_terminal_says_first_what_is_judged_and_lowest(of_classes: Document) -> None:
    """Of bcc men alone have enough cases, of df nobody."""
    found = {one.view.target: one for one in answers(of_classes)}
    lows = {name: min(row.auc.value for row in found[name].view.audit.groups) for name in ("mel", "nv")}
    assert lows["nv"] < lows["mel"] < found["bcc"].view.audit.groups[1].auc.value
    text = audit_text(of_classes)
    places = [text.index(f"By sex, {name}: ") for name in ("nv", "mel", "bcc", "df")]
    assert places == sorted(places)


def test_a_value_of_exclusive_classes_is_a_class(of_classes: Document) -> None:
    assert "Read dx nv: class, 120; " in audit_text(of_classes)
