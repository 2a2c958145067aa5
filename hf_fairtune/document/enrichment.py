"""Error enrichment: which values of which columns go with errors of the decisions at a threshold."""

from dataclasses import dataclass
from typing import Literal

from .data import AttributeKind
from .estimate import NAN, Estimate, Real, Reason, Size

# Cases that are missed, and other rows that are flagged.
Mistake = Literal["missed", "alarmed"]


@dataclass(frozen=True)
class ValueErrors:
    """One mistake among the rows with one value of a column, against all other rows.

    `cases` can be mistaken so, positives be `missed` and negatives `alarmed`, and `errors` are. `difference` is the
    share of errors, `rate`, less that of the `others`. `p` is two-sided, `p_adjusted` is adjusted over all tests of
    the document. The difference of a `selected` one has an interval that is adjusted for the selection; any other's is
    as if it were the only one.
    """

    value: str
    mistake: Mistake
    cases: Size
    errors: Size
    rate: Real
    others: Real
    difference: Estimate
    p: Real
    p_adjusted: Real
    selected: bool


@dataclass(frozen=True)
class ColumnErrors:
    """Every value of a column, as `name` cuts it; where there are none, `reasons` say why they are withheld."""

    name: str
    column: str
    kind: AttributeKind
    values: list[ValueErrors]
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True)
class Enrichment:
    """Errors by column at the audit's threshold in place `threshold`.

    `tests` are those of the whole document, `selected` of them have an adjusted p of at most 1 less the confidence.
    """

    threshold: int
    tests: int
    selected: int
    columns: list[ColumnErrors]

    def level(self, confidence: float) -> float:
        """Return the level of the intervals of selected differences; NaN where none is selected."""
        return fcr_level(confidence, self.selected, self.tests)


def fcr_level(confidence: float, selected: int, tests: int) -> float:
    """Return the level at which intervals of so many selected of all tests are wrong in a share 1 - confidence.

    Source: Benjamini & Yekutieli 2005, "False discovery rate-adjusted multiple confidence intervals for selected
    parameters", JASA 100: 1 - R q / m.
    """
    return 1 - (1 - confidence) * selected / tests if selected else NAN
