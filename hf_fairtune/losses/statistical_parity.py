"""Statistical parity: the difference of mean probabilities, whatever the labels."""

from torch import Tensor

from .loss import BiasLoss, BiasValue, mean_difference


class StatisticalParity(BiasLoss):
    """|mean p in the group - mean p outside it|; its cells are the two groups.

    Source: Marcinkevics et al. 2022, "Debiasing deep chest X-ray classifiers using intra- and post-processing
    methods", the proxy of the statistical parity difference.
    """

    def __call__(self, probabilities: Tensor, labels: Tensor, side: Tensor) -> BiasValue:
        """Measure the bias."""
        counted = labels >= 0
        difference, empty = mean_difference(probabilities, counted & side, counted & ~side)
        return BiasValue(difference.abs(), empty.int())


LOSS = StatisticalParity()
