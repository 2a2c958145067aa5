"""Equalized odds difference, the maximum: fairlearn's default, `agg="worst_case"`.

Definition: max(largest TPR difference, largest FPR difference) between two groups, at a stated threshold.

Range: 0 to 1; undefined if a group lacks positives or negatives, or with one group.

Direction: lower is better.

Traps: five formulas share this name (maximum, mean, signed mean, absolute signed mean, 1 - mean): never put this value
beside a mean's. It is above 0 when all groups are equal, the more so the more groups and the fewer positives. Flagging
nobody gives 0, so look whether the threshold is marked degenerate.

Citation: Agarwal et al. 2018, "A reductions approach to fair classification", definition 2; fairlearn's
`equalized_odds_difference`.
"""

from ..engine.bands import Over
from .metric import Gap

METRIC = Gap("max(TPR difference, FPR difference)", ("tpr", "fpr"), better="lower")
CONVENTIONS = {
    "equalized_odds_mean": Gap(
        "(TPR difference + FPR difference) / 2",
        ("tpr", "fpr"),
        Over.MEAN_RANGE,
        better="lower",
        text="""
Equalized odds difference, the mean: fairlearn's `agg="mean"`, AIF360's `average_odds_error`.

Definition: (largest |TPR difference| + largest |FPR difference|) / 2 between two groups, at a stated threshold; the
two largest may be of different pairs of groups.

Range: 0 to 1; undefined if a group lacks positives or negatives, or with one group.

Direction: lower is better.

Traps: it is at most the maximum and may be half of it: a group whose finding is missed twice as often disappears
behind equal false positive rates. It is above 0 when all groups are equal. AIF360 defines it for two groups; for more
this is fairlearn's.

Citation: fairlearn's `equalized_odds_difference(agg="mean")`; AIF360's `average_odds_error`.
""",
    ),
    "equalized_odds_score": Gap(
        "1 - (TPR difference + FPR difference) / 2",
        ("tpr", "fpr"),
        Over.MEAN_RANGE,
        complement=True,
        better="higher",
        text="""
Equalized odds score, one minus the mean: MEDFAIR's `EqOdd`, FairMedFM's `eod`.

Definition: 1 - (largest |TPR difference| + largest |FPR difference|) / 2 between two groups, at a stated threshold.

Range: 0 to 1; undefined if a group lacks positives or negatives, or with one group.

Direction: higher is better, 1 where all groups are equal.

Traps: it goes by the same name as differences of which low is good. It is below 1 when all groups are truly equal, the
more so the more groups. MEDFAIR defines it for two groups; for more the largest differences are taken, as fairlearn
does.

Citation: Zong, Yang & Hospedales 2023, "MEDFAIR: benchmarking fairness for medical imaging", its `EqOdd`; Jin et al.
2024, "FairMedFM", its `eod`.
""",
    ),
    "equalized_odds_signed": Gap(
        "signed (TPR difference + FPR difference) / 2",
        ("tpr", "fpr"),
        Over.FURTHEST,
        averaged=True,
        better="nearer",
        limits=(-1.0, 1.0),
        text="""
Equalized odds, the signed mean: AIF360's `average_odds_difference`.

Definition: (TPR difference + FPR difference) / 2 of a group minus the reference group, at a stated threshold; with
more than two groups of the group for which it is furthest from 0, sign kept.

Range: -1 to 1; undefined if a group lacks positives or negatives, or with one group.

Direction: 0 is best; above 0 the group is flagged more readily than the reference, below 0 less.

Traps: a lower TPR and a higher FPR, both bad for the group, cancel: 0 is no proof of equal odds. It measures how
readily a group is flagged, not how well it is served. The reference is the group that `--reference_group` names,
else the largest that can be estimated; with another reference it is another number.

Citation: AIF360's `average_odds_difference`, of two groups.
""",
    ),
    "equalized_odds_joint": Gap(
        "|signed TPR difference + signed FPR difference| / 2",
        ("tpr", "fpr"),
        averaged=True,
        better="lower",
        text="""
Equalized odds, the absolute signed mean: BMFT's, which also stands in for SWiFT's.

Definition: |TPR difference + FPR difference| / 2, the largest over all pairs of groups, at a stated threshold.

Range: 0 to 1; undefined if a group lacks positives or negatives, or with one group.

Direction: lower is better.

Traps: a lower TPR and a higher FPR, both bad for the group, cancel: it can be 0 where fairlearn's maximum is large.
Never put it beside other papers' equalized odds. BMFT defines it for two groups; for more the worst pair is taken
here.

Citation: Xue et al. 2024, "BMFT: achieving fairness via bias-based weight masking fine-tuning", its bias term of
equalized odds.
""",
    ),
}
