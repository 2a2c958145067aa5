"""A document as plain text for a terminal: the verdict first, on one screen."""

import shlex
import textwrap

from ..document.document import Document
from .answer import answers, compared, headline, severity
from .table import plain
from .view import in_words, views
from .words import READING, listed, number

# Columns and, of long lists, entries that one screen holds.
WIDTH, SHOWN = 98, 4
RED, YELLOW, GREEN = "\033[31m", "\033[33m", "\033[32m"
COLOURS = {"fail": RED, "insufficient evidence": YELLOW, "pass": GREEN, "worst": RED, "unequal": RED}
PLAIN = "\033[0m"


def audit_text(document: Document, colour: bool = False) -> str:
    """Say the verdict of a gate, who is served worst and how sure that is, what changed, and how to read it.

    Tables are on the page and on the card. With `colour` verdicts have the codes of a terminal that shows colours.
    """
    worded, lines, unknown, counts = in_words(document), list[str](), dict[str, None](), list[str]()
    said, every = answers(worded), views(worded)

    def say(text: str, kind: str = "", indent: str = "", lasting: int = 0) -> None:
        wrapped = textwrap.wrap(
            plain(text),
            WIDTH,
            initial_indent=indent,
            subsequent_indent=f"{indent}  ",
            max_lines=lasting or None,
            placeholder=" ...",
        )
        code = COLOURS.get(kind) if colour else None
        lines.extend(map(f"{code}{{}}{PLAIN}".format, wrapped) if code else wrapped)

    if worded.gate:
        from .gate import gate_lines  # most audits have none

        say(f"Rules of {worded.gate.file}: {worded.gate.verdict.upper()}", worded.gate.verdict)
        for verdict, text in gate_lines(worded.gate):
            say(f"{verdict}: {text}", verdict, "  ", 1)
        lines.append("")
    for entry in document.select(document.model):
        if entry.attribute is None:
            audit = entry.audit
            clusters = "" if audit.clusters is None else f", {number(audit.clusters)} clusters"
            counts.append(f"{entry.target}: {number(audit.n)} rows, {number(audit.positives)} cases{clusters}")
        elif not entry.audit.min_group_auc.defined:
            for row in entry.audit.groups:
                if row.group not in entry.audit.excluded and not row.auc.defined:
                    unknown[row.group] = None
    if not every:
        return "\n".join([*lines, *counts, "Nothing was audited by group."])
    say(f"{headline(said)} {listed(counts, SHOWN)}.")
    for one in sorted(said, key=severity)[:SHOWN]:
        lines.append("")
        say(f"{one.view.place[:1].upper()}{one.view.place[1:]}: {one.verdict}", one.kind)
        for paragraph in one.paragraphs:
            say(paragraph, indent="  ")
        if one.view.comparison:
            say(compared(one.view), indent="  ", lasting=2)
    if len(said) > SHOWN:
        say(f"{len(said) - SHOWN} more answers are on the page.")
    lines.append("")
    say(READING.format(every[0].level))
    if unknown:
        say(f"To leave out the groups without an AUC: --exclude {' '.join(map(shlex.quote, unknown))}")
    return "\n".join(lines)
