"""Equalized odds: half the absolute differences of the soft true and false positive rates."""

from torch import Tensor

from .loss import BiasValue, mean_difference


def equalized_odds(probabilities: Tensor, labels: Tensor, side: Tensor) -> BiasValue:
    """Return (|ΔTPR| + |ΔFPR|) / 2, rates being mean probabilities among positives and negatives.

    Source: Yan et al., SWiFT (MELBA 2025), eq. 2-4, read as conditional rates.
    """
    tpr, no_tpr = mean_difference(probabilities, labels == 1, side)
    fpr, no_fpr = mean_difference(probabilities, labels == 0, side)
    return BiasValue((tpr.abs() + fpr.abs()) / 2, no_tpr + no_fpr)


LOSS = equalized_odds
