import numpy as np
import pytest
from scipy.special import softmax

from hf_fairtune.errors import FairTuneError
from hf_fairtune.metrics.scores import scores_from_logits


def test_two_logits_are_a_softmax_and_one_a_sigmoid() -> None:
    logits = np.random.default_rng(0).normal(size=(6, 2))
    np.testing.assert_allclose(scores_from_logits(logits), softmax(logits, axis=1)[:, 1])
    one = logits[:, :1]
    np.testing.assert_allclose(scores_from_logits(one), 1 / (1 + np.exp(-one[:, 0])))
    np.testing.assert_array_equal(scores_from_logits(one[:, 0]), scores_from_logits(one))
    np.testing.assert_array_equal(scores_from_logits((logits, "hidden states")), scores_from_logits(logits))


def test_large_logits_do_not_overflow() -> None:
    huge = np.array([[-3e38, 3e38], [3e38, -3e38]], dtype=np.float32)
    assert scores_from_logits(huge).tolist() == [1, 0]


@pytest.mark.parametrize("shape", [(4, 3), (4, 2, 1), ()])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(FairTuneError, match="shape"):
        scores_from_logits(np.zeros(shape))
