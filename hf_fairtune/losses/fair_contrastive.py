"""The fair supervised contrastive loss: rows of a class come closer, and rows of another class in the same group part.

A row's group then tells nothing that pushes two rows apart.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

# C of the group-wise normalisation is the rows of a batch over this.
NORMALISER = 8


@dataclass(frozen=True)
class Contrast:
    """What a batch of projections is contrasted by.

    Args:
        temperature: above 0.
        group_norm: weigh the positives by how many share the anchor's group, so that small groups count (FSCL+).
    """

    temperature: float
    group_norm: bool


def fair_contrastive(z: Tensor, codes: Tensor, groups: Tensor, contrast: Contrast) -> tuple[Tensor, Tensor]:
    """Return the mean over rows i of -1/|P| * sum over j in P of (z_i z_j / t - log sum_N exp(z_i z_k / t)).

    P are the other rows of i's class, N those of other classes in i's group; a row without P gives 0, and where N is
    empty its sum is 1. With `group_norm`, P_a of P are in i's group, at least 1: it takes the place of |P|, and the
    row's term is multiplied by C / (P_a + 1), where C is the number of rows / 8.

    Args:
        z: projections of length 1, [n, d].
        codes: classes, [n]; -1 for a row that does not count.
        groups: codes, [n].
        contrast: temperature and normalisation.

    Returns:
        The loss, 0 where no row has P; and how many rows have P but no N, an int scalar.

    Source: Park et al., FSCL (CVPR 2022), eq. 2-4 and the published code.
    """
    known = codes >= 0
    pairs = known.unsqueeze(1) & known & ~torch.eye(len(codes), dtype=torch.bool, device=codes.device)
    same, within = codes.unsqueeze(1) == codes, groups.unsqueeze(1) == groups
    positive, negative = pairs & same, pairs & ~same & within
    similar = z.float() @ z.float().T / contrast.temperature
    lone = ~negative.any(1)
    # A row without negatives has the logarithm of 1; the sum of none would have an infinite one.
    repelled = similar.masked_fill(~negative, -torch.inf).masked_fill(lone.unsqueeze(1), 0)
    repulsion = torch.where(lone, 0.0, repelled.logsumexp(1))
    terms = ((repulsion.unsqueeze(1) - similar) * positive).sum(1)
    counted = (positive & within if contrast.group_norm else positive).sum(1).clamp(min=1)
    weight = known.sum() / NORMALISER / (counted + 1) if contrast.group_norm else 1
    loss = (terms * weight / counted).sum() / known.sum().clamp(min=1)
    return loss, (lone & positive.any(1)).sum()
