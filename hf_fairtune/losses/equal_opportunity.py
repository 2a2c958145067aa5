"""Equal opportunity: the difference of soft true positive rates."""

from torch import Tensor

from .loss import BiasValue, mean_difference


def equal_opportunity(probabilities: Tensor, labels: Tensor, side: Tensor) -> BiasValue:
    """Return |ΔTPR|, mean probabilities among positives.

    Source: Marcinkevics et al. 2022, "Debiasing deep chest X-ray classifiers using intra- and post-processing
    methods", the proxy of the equal opportunity difference.
    """
    difference, empty = mean_difference(probabilities, labels == 1, side)
    return BiasValue(difference.abs(), empty)


LOSS = equal_opportunity
