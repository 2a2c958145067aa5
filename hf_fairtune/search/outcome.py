"""What a trial came to, and why a search has no winner."""

from __future__ import annotations

import optuna
from optuna.trial import TrialState

from ..document.search import Search
from ..errors import FairTuneError
from ..masks.proposals import PRESET, infeasible
from .plan import Plan
from .space import winner
from .study import STOPPED_BY, trials


class NoWinnerError(FairTuneError):
    """No trial came to its end, or none that did is feasible."""


def no_winner(plan: Plan, study: optuna.Study | None) -> NoWinnerError:
    """Say why no trial wins: how near the best of the infeasible ones came, or that none came to its end."""
    done = [] if study is None else study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if not done:
        return NoWinnerError(
            "no trial came to its end, so there is no winner; `trials` of the study say why, "
            "a lower `learning_rate` range is the usual cure."
        )
    pick = max if plan.direction == "maximize" else min
    best = pick(done, key=lambda trial: trial.value or 0.0)
    broken = [plan.floors.said(name, best.constraints[name]) for name in infeasible(best)]
    return NoWinnerError(
        f"no trial is feasible, so there is no winner: of {len(done)} complete the best, trial {best.number}, has "
        f"`{plan.objective_name}` {best.value:.4f}, but {' and '.join(broken)}; give more trials or, in "
        "another output_dir, a lower `min_auc` or another objective."
    )


def search_of(plan: Plan, study: optuna.Study, seconds: float, max_hours: float | None, out_of_hours: bool) -> Search:
    """Return a search and its trials."""
    mode, best = plan.mode, winner(study)
    return Search(
        mode=mode.name,
        objective=plan.objective_name,
        direction=plan.direction,
        n_trials=mode.n_trials,
        warmup_epochs=mode.warmup_epochs,
        num_train_epochs=plan.n_epochs,
        best_trial=None if best is None else best.number,
        seconds=seconds,
        trials=trials(study),
        min_auc=plan.floors.min_auc,
        max_hours=max_hours,
        out_of_hours=out_of_hours,
        fraction=plan.fraction,
        folds=plan.folds,
        study=plan.study.place,
    )


def said(trial: optuna.Trial) -> str:
    """Say in a few words what a trial trains."""
    attributes = trial.user_attrs
    preset = f"{attributes[PRESET]} · " if PRESET in attributes else ""
    weights = attributes.get("trainable_parameters", 0)
    hours = "out of hours · " if attributes.get(STOPPED_BY) == "hours" else ""
    return f"{hours}{preset}{weights:,} weights · lr {trial.params.get('learning_rate', 0):.1e}"
