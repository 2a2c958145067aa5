"""A gate at work: rules read, checked against the rows before the audit, judged after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..data.scored import ScoredTable
from ..document.document import Document
from .check import check_rules
from .judge import EXIT, judge
from .rules import read_rules


class Gatekeeper:
    """Hold the rules of a YAML file.

    Raises:
        FairTuneError: the file cannot be read, or a rule cannot be understood.
    """

    def __init__(self, file: str) -> None:
        self.rules = read_rules(file)

    def check(self, table: ScoredTable, policies: Sequence[str]) -> None:
        """Refuse rules about what an audit of the table will not have.

        Raises:
            FairTuneError: there is such a rule.
        """
        groups = {attribute.name: attribute.names for attribute in table.attributes}
        check_rules(self.rules, table.targets, groups, policies, table.reference_scores is not None)

    def judged(self, document: Document) -> Document:
        """Return the document with the gate's verdict."""
        return replace(document, gate=judge(document, self.rules))

    def status(self, document: Document) -> int:
        """Return the exit status of a judged document: 0 pass, 1 fail, 3 insufficient evidence."""
        return EXIT[document.gate.verdict] if document.gate else 0
