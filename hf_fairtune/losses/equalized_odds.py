"""Equalized odds: half the absolute differences of the soft true and false positive rates."""

from torch import Tensor

from .loss import BiasLoss, BiasValue, mean_difference


class EqualizedOdds(BiasLoss):
    """(|ΔTPR| + |ΔFPR|) / 2, rates being mean probabilities among positives and negatives.

    Source: Yan et al., SWiFT (MELBA 2025), eq. 2-4, read as conditional rates.
    """

    def __call__(self, probabilities: Tensor, labels: Tensor, side: Tensor) -> BiasValue:
        """Measure the bias."""
        positive, negative = labels == 1, labels == 0
        tpr, no_tpr = mean_difference(probabilities, positive & side, positive & ~side)
        fpr, no_fpr = mean_difference(probabilities, negative & side, negative & ~side)
        return BiasValue((tpr.abs() + fpr.abs()) / 2, no_tpr.int() + no_fpr.int())


LOSS = EqualizedOdds()
