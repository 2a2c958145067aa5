"""The document of an audit by two attributes, and what a rule makes of one."""

from collections.abc import Callable
from dataclasses import replace

from hf_fairtune.document.audit import Audit
from hf_fairtune.document.document import Document
from hf_fairtune.document.gate import GateRow
from hf_fairtune.gate.judge import judge
from hf_fairtune.gate.rules import Bound, Rule, Rules

from ..document_samples import document

CELLS = {("F", "young"): (40, 60), ("F", "old"): (30, 30), ("M", "young"): (50, 70), ("M", "old"): (20, 45)}
EXACT = document(CELLS, compared=True)


def judged(made: Document, metric: str, bound: Bound, **about: str) -> list[GateRow]:
    return judge(made, Rules("gate.yaml", (Rule("rule 1", metric, bound, **about),))).rows


def with_audit(change: Callable[[Audit], Audit]) -> Document:
    """Return the document with its audits changed."""
    return replace(EXACT, audits=[replace(entry, audit=change(entry.audit)) for entry in EXACT.audits])
