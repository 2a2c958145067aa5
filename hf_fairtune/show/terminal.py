"""A document as plain text for a terminal: the verdict first, on one screen."""

import shlex
import textwrap
from collections.abc import Sequence
from operator import attrgetter
from typing import NamedTuple

from ..document.document import Document
from ..errors import plain
from .answer import answers, headline, reading
from .chosen import optimism
from .classes import several, worst_cells
from .compared import Said, compared_said
from .enrichment import enrichment_summary
from .group_names import in_words
from .ladder import ladder_said
from .methods import each_said
from .reading import reading_table, weighted
from .table import as_text
from .words import listed, number

# Columns of a screen, entries of a long list, few rules, and lines of a screen, with three of the files below.
WIDTH, SHOWN, FEW, SCREEN = 98, 4, 3, 37
# A paragraph is never that long, so that it is not cut.
WHOLE = 999
RED, YELLOW, GREEN = "\033[31m", "\033[33m", "\033[32m"
COLOURS = {"fail": RED, "insufficient evidence": YELLOW, "pass": GREEN, "worst": RED, "unequal": RED}
PLAIN = "\033[0m"
# Lines of a paragraph of the first answer and of the others, 0 for all, and values that go with errors: what is tried
# until all has a place.
STEPS = (
    (0, 0, SHOWN), (0, 3, SHOWN), (0, 2, SHOWN), (0, 2, 2), (0, 1, 2), (4, 1, 2), (3, 1, 1), (2, 1, 1), (1, 1, 1),
)  # fmt: skip


class Part(NamedTuple):
    """A paragraph: its kind, which has a colour, and the lines it may take, 0 for all; `first` of the first answer."""

    text: str = ""
    kind: str = ""
    most: int = 0
    first: bool = False

    def lines(self, most: int, colour: bool) -> list[str]:
        """Wrap the text: what is indented to `most` lines, a verdict to two if that is one, else to its own limit."""
        indent = "  " if self.text.startswith(" ") else ""
        limit = self.most or (most if indent else 2 if self.kind and most == 1 else 0)
        wrapped = textwrap.wrap(
            plain(self.text),
            WIDTH,
            initial_indent=indent,
            subsequent_indent=f"{indent}  ",
            max_lines=limit or None,
            placeholder=" ...",
        )
        code = COLOURS.get(self.kind, "") if colour else ""
        return list(map(f"{code}{{}}{PLAIN}".format, wrapped)) if code else wrapped or [""]


def sentence_parts(said: Sequence[Said], most: int) -> list[Part]:
    """Make a paragraph of so many lines; of harms make one before it that is never cut, and leave it one line."""
    harms = [one for one in said if one.harm]
    rest = " ".join(one.text for one in said if not one.harm)
    whole = [Part(f"  {' '.join(one.text for one in harms)}", most=WHOLE)] if harms else []
    return whole + ([Part(f"  {rest}", most=1 if harms else most)] if rest else [])


def audit_text(document: Document, colour: bool = False) -> str:
    """Say the verdict of a gate, who is served worst and how sure that is, what changed, and how to read it.

    Of tables there is that of columns that go with errors; the others are on the page and on the card. With `colour`
    verdicts have the codes of a terminal that shows colours.
    """
    worded = in_words(document)
    said, parts, unknown, counts = answers(worded), list[Part](), dict[str, None](), list[str]()
    if worded.gate:
        from .gate import gate_lines  # most audits have none

        rules = gate_lines(worded.gate)
        parts.append(Part(f"Rules of {worded.gate.file}: {worded.gate.verdict}", worded.gate.verdict))
        parts += [Part(f"  {verdict}: {text}", verdict, 2 if len(rules) <= FEW else 1) for verdict, text in rules]
        parts.append(Part())
    for entry in document.select(document.model):
        audit = entry.audit
        if entry.attribute is None:
            clusters = "" if audit.clusters is None else f", {number(audit.clusters)} clusters"
            sizes = f"{number(audit.n)} rows, {number(audit.positives)} cases{clusters}"
            counts.append(f"{entry.target}: {sizes}, AUC {number(audit.auc)}")
        for row in audit.groups if entry.attribute and not audit.min_group_auc.defined else ():
            unknown |= {row.group: None} if row.group not in audit.excluded and not row.auc.defined else {}
    about = f" {listed(counts, SHOWN)}." if counts else ""
    parts.append(Part(f"{headline(said) if said else 'Nothing was audited by group.'}{about}"))
    read = [f"{' '.join(row[:2])}: {', '.join(row[2:])}" for row in reading_table(worded.data).rows]
    parts += [Part(text, most=2) for text in worst_cells([one.view for one in said])[-1:]] if several(worded) else []
    parts += [Part(f"Read {listed(read, 12)} (rows, of every split read).", most=4)] if read else []
    parts += [Part(weighted(document), most=2)] if document.data.weight else []
    for place, one in enumerate(sorted(said, key=attrgetter("rank"))[:SHOWN]):
        title = f"{one.view.place[:1].upper()}{one.view.place[1:]}"
        parts += [Part(), Part(f"{title}: {one.verdict}", one.kind, first=not place)]
        parts += [Part(f"  {paragraph}", first=not place) for paragraph in one.paragraphs]
        parts += sentence_parts(each_said(one.view), 2 if place else 4)
        parts += sentence_parts(compared_said(one.view), 1 if place else 2)
    parts += [Part(f"{len(said) - SHOWN} more answers have no place here.")] if len(said) > SHOWN else []
    climbed = worded.run.ladder if worded.run else None
    parts += [Part(), Part(ladder_said(climbed), most=3)] if climbed else []
    luck = optimism(worded)
    parts += [Part(), Part(luck, most=3)] if luck else []
    more = worded.gate or any(one.view.comparison for one in said)
    parts += [Part(), Part(reading(said), most=4 if more else 0)] if said else []
    if unknown and not several(worded):
        named = " ".join(map(shlex.quote, unknown))
        parts.append(Part(f"To leave out the groups without an AUC: --exclude {named}"))
    lines = list[str]()
    # Long names make long sentences, of which the tables have the numbers; what has most to say is cut last.
    for first, others, shown in STEPS:
        lines.clear()
        for part in parts:
            lines += part.lines(first if part.first else others, colour)
        if found := enrichment_summary(worded, shown):
            lines += ["", *(as_text(found).splitlines() if found.rows else [f"{found.title}."])]
        if len(lines) <= SCREEN:
            break
    return "\n".join(lines)
