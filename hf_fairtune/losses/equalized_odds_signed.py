"""Signed equalized odds: differences of opposite sign cancel."""

from torch import Tensor

from .loss import BiasValue, mean_difference


def equalized_odds_signed(probabilities: Tensor, labels: Tensor, side: Tensor) -> BiasValue:
    """Return |ΔTPR + ΔFPR| / 2; 0 also for a group with more hits and fewer false alarms, or the reverse of both.

    Source: Xue et al., BMFT (MICCAI FAIMI 2024), as its code computes the bias.
    """
    tpr, no_tpr = mean_difference(probabilities, labels == 1, side)
    fpr, no_fpr = mean_difference(probabilities, labels == 0, side)
    return BiasValue((tpr + fpr).abs() / 2, no_tpr + no_fpr)


LOSS = equalized_odds_signed
