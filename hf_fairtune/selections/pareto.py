"""On the Pareto front of the groups' AUCs the trial that is best for the group that is worst off."""

import numpy as np

from ..audits.pareto import undominated
from .group_aucs import OfGroupAucs


class Pareto(OfGroupAucs):
    """Take, of the trials that no other beats in every group, the best AUC of the worst group.

    The worst group is that of the lowest AUC on average over the trials. The source takes the group that is worst for
    plain training (ERM); a search of one method holds no such training, so that its own trials say which group it is.
    Of groups that are equally bad the first counts.

    Source: Zong, Yang & Hospedales 2023, "MEDFAIR: Benchmarking Fairness for Medical Imaging", ICLR.
    """

    @property
    def title(self) -> str:
        """Say what is chosen."""
        return "the best AUC of the worst-off group, on the Pareto front of the groups' AUCs"

    def gains(self, aucs: np.ndarray) -> np.ndarray:
        """Return the AUC of the worst group, and NaN off the front, [k, groups] -> [k]."""
        worst = int(aucs.mean(axis=0).argmin())
        found: np.ndarray = np.where(undominated(aucs), aucs[:, worst], np.nan)
        return found


SELECTION = Pareto
