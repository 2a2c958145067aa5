"""A document as plain text for a terminal: the verdict first, on one screen."""

import shlex
import textwrap
from operator import attrgetter

from ..document.document import Document
from .answer import answers, headline
from .compared import compared
from .group_names import in_words
from .methods import methods_said
from .reading import reading_table
from .table import plain
from .words import READING, listed, number

# Columns of a screen, entries of a long list, and lines of a screen, with two of the files below.
WIDTH, SHOWN, SCREEN = 98, 4, 37
RED, YELLOW, GREEN = "\033[31m", "\033[33m", "\033[32m"
COLOURS = {"fail": RED, "insufficient evidence": YELLOW, "pass": GREEN, "worst": RED, "unequal": RED}
PLAIN = "\033[0m"


def audit_text(document: Document, colour: bool = False) -> str:
    """Say the verdict of a gate, who is served worst and how sure that is, what changed, and how to read it.

    Tables are on the page and on the card. With `colour` verdicts have the codes of a terminal that shows colours.
    """
    worded = in_words(document)
    said, parts, unknown, counts = answers(worded), list[tuple[str, str, int]](), dict[str, None](), list[str]()
    if worded.gate:
        from .gate import gate_lines  # most audits have none

        parts.append((f"Rules of {worded.gate.file}: {worded.gate.verdict}", worded.gate.verdict, 0))
        parts += [(f"  {verdict}: {text}", verdict, 1) for verdict, text in gate_lines(worded.gate)]
        parts.append(("", "", 0))
    for entry in document.select(document.model):
        audit = entry.audit
        if entry.attribute is None:
            clusters = "" if audit.clusters is None else f", {number(audit.clusters)} clusters"
            counts.append(f"{entry.target}: {number(audit.n)} rows, {number(audit.positives)} cases{clusters}")
        for row in audit.groups if entry.attribute and not audit.min_group_auc.defined else ():
            unknown |= {row.group: None} if row.group not in audit.excluded and not row.auc.defined else {}
    about = f" {listed(counts, SHOWN)}." if counts else ""
    parts.append((f"{headline(said) if said else 'Nothing was audited by group.'}{about}", "", 0))
    read = [f"{' '.join(row[:2])}: {', '.join(row[2:])}" for row in reading_table(document.data).rows]
    parts += [(f"Read {listed(read, 12)}.", "", 4)] if read else []
    for one in sorted(said, key=attrgetter("rank"))[:SHOWN]:
        place = f"{one.view.place[:1].upper()}{one.view.place[1:]}"
        parts += [("", "", 0), (f"{place}: {one.verdict}", one.kind, 0)]
        for paragraph in one.paragraphs:
            parts.append((f"  {paragraph}", "", 0))
        parts += [(f"  {methods_said(one.view)}", "", 4)] if one.view.baselines else []
        parts += [(f"  {compared(one.view)}", "", 2)] if one.view.comparison else []
    parts += [(f"{len(said) - SHOWN} more answers have no place here.", "", 0)] if len(said) > SHOWN else []
    parts += [("", "", 0), (READING.format(said[0].view.level), "", 0)] if said else []
    if unknown:
        named = " ".join(map(shlex.quote, unknown))
        parts.append((f"To leave out the groups without an AUC: --exclude {named}", "", 0))
    lines = list[str]()
    for most in (None, 3, 2, 1):
        # Long names make long sentences, of which the tables have the numbers.
        lines.clear()
        for text, kind, own in parts:
            indent = "  " if text.startswith(" ") else ""
            wrapped = textwrap.wrap(
                plain(text),
                WIDTH,
                initial_indent=indent,
                subsequent_indent=f"{indent}  ",
                max_lines=own or (most if indent else None),
                placeholder=" ...",
            )
            code = COLOURS.get(kind, "") if colour else ""
            lines += map(f"{code}{{}}{PLAIN}".format, wrapped) if code else wrapped or [""]
        if len(lines) <= SCREEN:
            break
    return "\n".join(lines)
