"""The trial whose groups' AUCs are nearest to the best that any trial reaches in each group."""

import numpy as np

from .group_aucs import OfGroupAucs


class Dto(OfGroupAucs):
    """Take the least distance to the utopia point (DTO): the point where every group has its best AUC of all trials.

    Each group's AUCs are divided by their greatest over the trials, so that the point is 1 in every group; the
    distance is Euclidean.

    Source: Zong, Yang & Hospedales 2023, "MEDFAIR: Benchmarking Fairness for Medical Imaging", ICLR.
    """

    @property
    def title(self) -> str:
        """Say what is chosen."""
        return "the least distance to the best AUC of each group"

    def gains(self, aucs: np.ndarray) -> np.ndarray:
        """Return the distances below zero, [k, groups] -> [k]."""
        best = aucs.max(axis=0)
        # Where no trial ranks a single pair right, none is farther than another.
        short = np.divide(best - aucs, best, out=np.zeros_like(aucs), where=best > 0)
        return -np.linalg.norm(short, axis=1)


SELECTION = Dto
