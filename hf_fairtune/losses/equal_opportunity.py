"""Equal opportunity: the difference of soft true positive rates."""

from torch import Tensor

from .loss import BiasLoss, BiasValue, mean_difference


class EqualOpportunity(BiasLoss):
    """|ΔTPR|, mean probabilities among positives.

    Source: Marcinkevics et al. 2022, "Debiasing deep chest X-ray classifiers using intra- and post-processing
    methods", the proxy of the equal opportunity difference.
    """

    def __call__(self, probabilities: Tensor, labels: Tensor, side: Tensor) -> BiasValue:
        """Measure the bias."""
        positive = labels == 1
        difference, empty = mean_difference(probabilities, positive & side, positive & ~side)
        return BiasValue(difference.abs(), empty.int())


LOSS = EqualOpportunity()
