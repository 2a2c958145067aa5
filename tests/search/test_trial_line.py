"""The progress line says trial, epoch, objective, best so far and time left."""

import io
import re

from optuna.trial import TrialState

from hf_fairtune.progress import duration
from hf_fairtune.search.trial_line import TrialLine


def test_lines() -> None:
    out = io.StringIO()
    progress = TrialLine("min_group_auc", n_trials=3, n_steps=2, stream=out)
    for number, value in enumerate((0.7, 0.8, 0.6)):
        progress.reached(number, 1, value - 0.1)
        progress.reached(number, 2, value)
        progress.trial(number, TrialState.COMPLETE, value, "linear")
    lines = out.getvalue().splitlines()
    start = r"trial 2 \(3 of 3\) · epoch 2/2 · min_group_auc 0\.6000 · best 0\.8000 \(trial 1\)"
    assert len(lines) == 3
    assert re.fullmatch(start + r" · .+ left · complete · linear", lines[2])


def test_minimising_and_undefined_values() -> None:
    progress = TrialLine("auc_gap", 3, 1, maximize=False, stream=io.StringIO())
    progress.trial(0, TrialState.COMPLETE, 0.3, "")
    progress.trial(1, TrialState.FAIL, None, "")
    progress.trial(2, TrialState.PRUNED, 0.1, "")
    assert progress.best == (0.3, 0)


def test_an_infeasible_trial_says_so_and_is_never_the_best() -> None:
    out = io.StringIO()
    progress = TrialLine("auc_gap", 3, 1, maximize=False, stream=out)
    progress.trial(0, TrialState.COMPLETE, 0.3, "linear")
    progress.trial(1, TrialState.COMPLETE, 0.0, "linear", ["min_auc", "one_class"])
    assert progress.best == (0.3, 0)
    last = out.getvalue().splitlines()[-1]
    assert "auc_gap 0.0000 · best 0.3000 (trial 0)" in last
    assert last.endswith("left · infeasible (min_auc, one_class) · linear")


def test_durations() -> None:
    assert [duration(s) for s in (5, 65, 3700)] == ["5 s", "1 min 05 s", "1 h 01 min"]
