"""Statistical parity: the difference of mean probabilities, whatever the labels."""

from torch import Tensor

from .loss import BiasValue, mean_difference


def statistical_parity(probabilities: Tensor, labels: Tensor, side: Tensor) -> BiasValue:
    """Return |mean p in the group - mean p outside it|; its cells are the two groups.

    Source: Marcinkevics et al. 2022, "Debiasing deep chest X-ray classifiers using intra- and post-processing
    methods", the proxy of the statistical parity difference.
    """
    difference, empty = mean_difference(probabilities, labels >= 0, side)
    return BiasValue(difference.abs(), empty)


LOSS = statistical_parity
