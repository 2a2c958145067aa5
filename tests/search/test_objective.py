"""The objective: any metric key by name, its direction, and no silent value where there is none."""

import pytest

from hf_fairtune.errors import FairTuneError
from hf_fairtune.search.objective import Objective, UndefinedObjectiveError


def test_key_with_and_without_prefix() -> None:
    assert Objective("eval_auc_gap").name == "auc_gap"
    assert Objective("auc_gap")({"eval_auc_gap": 0.25}) == 0.25
    assert (Objective("auc_gap").direction, Objective().direction) == ("minimize", "maximize")


def test_an_unknown_metric_lists_the_known() -> None:
    with pytest.raises(FairTuneError, match="`nothing`"):
        _ = Objective("nothing").direction
    with pytest.raises(FairTuneError, match="the metrics are auc, loss"):
        Objective("min_group_auc")({"eval_auc": 0.5, "eval_loss": 1.0})


def test_an_undefined_value_is_not_a_number_to_rank_by() -> None:
    with pytest.raises(UndefinedObjectiveError, match="not defined on the validation split"):
        Objective()({"eval_min_group_auc": float("nan")})
