"""The verdict on a change: was a smaller gap gained by lifting a group, or by levelling others down?"""

from __future__ import annotations

from collections.abc import Sequence

from ..document.comparison import MARGIN, Verdict
from ..document.estimate import Estimate


def classify(groups: Sequence[Estimate], gap: Estimate, margin: float = MARGIN) -> Verdict:
    """Name what a change did to the groups.

    - "pareto-better": a group's AUC rose (its interval lies above 0) and none fell by more than `margin` (no interval
      reaches below -margin);
    - "level-down": the gap shrank while a group's AUC fell (its interval lies below 0) and none rose;
    - "worse": a group's AUC fell and none rose, while the gap did not shrink, or is undefined: harm without even a
      smaller gap to show for it;
    - "mixed": a group's AUC rose, but another's fell, or may have by more than `margin`;
    - "not shown": no group's interval leaves 0 out.

    So "level-down" and "worse" together are: somebody shown to be worse off, nobody shown to be better off. A fall
    counts however small, as it does for "level-down". A group whose interval is withheld neither rose nor fell, and
    forbids "pareto-better": it may have been harmed.

    Changes are model minus reference; `margin` is the loss of AUC that is let pass.

    Source: Mittelstadt, Wachter & Russell 2023, "The unfairness of fair machine learning", on levelling down; the
    margin as in a trial of non-inferiority.
    """
    rose = any(group.low > 0 for group in groups)
    fell = any(group.high < 0 for group in groups)
    if rose and all(group.low >= -margin for group in groups):
        return "pareto-better"
    if fell and not rose:
        return "level-down" if gap.value < 0 else "worse"
    return "mixed" if rose else "not shown"
