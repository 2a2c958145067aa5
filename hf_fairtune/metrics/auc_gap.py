"""Gap between the groups' AUCs.

Definition: the highest minus the lowest AUC of the groups.

Range: 0 to 1; undefined where a group lacks positives or negatives, or there is one group.

Direction: lower is better, 0 where all groups' AUCs are equal.

Traps: positive even between groups that do not differ, the more so the more and the smaller they are: read it beside
what chance alone makes of it, and never compare gaps of attributes with different numbers of groups. It shrinks as
well when the best group gets worse. Which group is worst may change from sample to sample.

Citation: Dutt, Bohdal, Tsaftaris & Hospedales 2024, "FairTune: Optimizing parameter efficient fine tuning for fairness
in medical image analysis", ICLR; Phipson & Smyth 2010, "Permutation p-values should never be zero", on its test.
"""

from __future__ import annotations

import numpy as np

from .rates import spread


def auc_gap(by_group: np.ndarray) -> np.ndarray:
    """Subtract the lowest from the highest AUC over the last axis: [..., n_groups] -> [...]; NaN propagates."""
    return spread(by_group)
