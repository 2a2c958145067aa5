"""Equalized odds score, one minus the mean: MEDFAIR's `EqOdd`, FairMedFM's `eod`.

Definition: 1 - (largest |TPR difference| + largest |FPR difference|) / 2 between two groups, at a stated threshold.

Range: 0 to 1; undefined if a group lacks positives or negatives, or with one group.

Direction: higher is better, 1 where all groups are equal.

Traps: it goes by the same name as differences of which low is good. It is below 1 when all groups are truly equal, the
more so the more groups. MEDFAIR defines it for two groups; for more the largest differences are taken, as fairlearn
does.

Citation: Zong, Yang & Hospedales 2023, "MEDFAIR: benchmarking fairness for medical imaging", its `EqOdd`; Jin et al.
2024, "FairMedFM", its `eod`.
"""

from .metric import Gap, mean_range

METRIC = Gap("1 - (TPR difference + FPR difference) / 2", ("tpr", "fpr"), mean_range, complement=True, better="higher")
