"""AUC of the worst-off group.

Definition: the lowest AUC of the groups.

Range: 0 to 1; undefined where a group lacks positives or negatives.

Direction: higher is better.

Traps: the lowest of many noisy numbers is lower than the truly lowest, the more so the smaller the groups: see the
pooled ranks and the share of resamples in which each group is the lowest. A group left out because it is too
small may be the one that is served worst.

Citation: Dutt, Bohdal, Tsaftaris & Hospedales 2024, "FairTune: Optimizing parameter efficient fine tuning for fairness
in medical image analysis", ICLR; Martinez, Bertran & Sapiro 2020, "Minimax Pareto fairness: a multi objective
perspective", ICML.
"""

from __future__ import annotations

import numpy as np


def min_group_auc(by_group: np.ndarray) -> np.ndarray:
    """Take the lowest AUC over the last axis (groups): [..., n_groups] -> [...]; NaN propagates."""
    lowest: np.ndarray = by_group.min(axis=-1)
    return lowest
