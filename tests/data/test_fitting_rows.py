"""Whether rows for thresholds are seen to be audited ones."""

import numpy as np
import pandas as pd
import pytest

from hf_fairtune.data.fitting_rows import refuse_shared
from hf_fairtune.data.scored import ScoredTable, read_scored
from hf_fairtune.data.scored_arguments import ScoredSpec
from hf_fairtune.errors import FairTuneError


def frame(n: int, seed: int, digits: int = 15) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    labels = np.arange(n) % 2
    scores = np.round(random.beta(2, 2, n), digits)
    return pd.DataFrame({"y": labels, "p": scores, "sex": random.choice(["F", "M"], n), "id": np.arange(n) + seed * n})


def scored(table: pd.DataFrame, cluster: str | None = None) -> ScoredTable:
    return read_scored(table, ScoredSpec(["y"], score=["p"], group=["sex"], cluster=cluster))


@pytest.mark.parametrize("digits", [1, 2, 3, 15])
@pytest.mark.parametrize("sizes", [(400, 400), (4000, 300), (100, 2000)])
def test_other_patients_pass_whatever_the_digits(digits: int, sizes: tuple[int, int]) -> None:
    refuse_shared(scored(frame(sizes[0], 0, digits)), scored(frame(sizes[1], 1, digits)))


def test_copies_and_parts_are_refused() -> None:
    whole = frame(400, 0)
    for audited, fitted in ((whole, whole[1:]), (whole[:200], whole), (whole, whole[::3]), (whole, whole[::-1])):
        with pytest.raises(FairTuneError, match="have the labels and scores of audited rows"):
            refuse_shared(scored(audited), scored(fitted))


def test_no_cluster_is_in_both() -> None:
    """Other images of one patient are refused, although no row is the same."""
    one, two = frame(100, 0), frame(100, 1)
    refuse_shared(scored(one, "id"), scored(two, "id"))
    two.loc[7, "id"] = 42
    with pytest.raises(FairTuneError, match=r"^clusters of audited rows are among those for thresholds, too \(42\)"):
        refuse_shared(scored(one, "id"), scored(two, "id"))
