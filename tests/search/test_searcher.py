"""The objective: any metric key by name, its direction, and no silent value where there is none."""

import pytest

from hf_fairtune.errors import FairTuneError
from hf_fairtune.search.floors import UndefinedObjectiveError
from hf_fairtune.search.modes import mode_named
from hf_fairtune.search.plan import Plan


def plan(metric: str) -> Plan:
    """Return what a search by a metric does."""
    return Plan.of(metric, None, mode_named("paper", 10, 0, 1), 3, None)


def test_key_with_and_without_prefix() -> None:
    assert plan("eval_auc_gap").objective_name == "auc_gap"
    for key in ("auc_gap", "eval_auc_gap"):
        assert plan(key).objective({"eval_auc_gap": 0.25}) == 0.25
    assert (plan("auc_gap").direction, plan("min_group_auc").direction) == ("minimize", "maximize")


def test_an_unknown_metric_lists_the_known() -> None:
    with pytest.raises(FairTuneError, match="`nothing`"):
        plan("nothing")
    with pytest.raises(FairTuneError, match="the metrics are auc, loss"):
        plan("min_group_auc").objective({"eval_auc": 0.5, "eval_loss": 1.0})


def test_an_undefined_value_is_not_a_number_to_rank_by() -> None:
    with pytest.raises(UndefinedObjectiveError, match="not defined on the validation split"):
        plan("min_group_auc").objective({"eval_min_group_auc": float("nan")})
