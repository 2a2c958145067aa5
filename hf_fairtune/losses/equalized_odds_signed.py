"""Signed equalized odds: differences of opposite sign cancel."""

from torch import Tensor

from .loss import BiasLoss, BiasValue, mean_difference


class EqualizedOddsSigned(BiasLoss):
    """|ΔTPR + ΔFPR| / 2; 0 also for a group with more hits and fewer false alarms, or the reverse of both.

    Source: Xue et al., BMFT (MICCAI FAIMI 2024), as its code computes the bias.
    """

    def __call__(self, probabilities: Tensor, labels: Tensor, side: Tensor) -> BiasValue:
        """Measure the bias."""
        positive, negative = labels == 1, labels == 0
        tpr, no_tpr = mean_difference(probabilities, positive & side, positive & ~side)
        fpr, no_fpr = mean_difference(probabilities, negative & side, negative & ~side)
        return BiasValue((tpr + fpr).abs() / 2, no_tpr.int() + no_fpr.int())


LOSS = EqualizedOddsSigned()
