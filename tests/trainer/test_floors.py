"""A search by a gap is not won by a model that serves nobody, and keeps what is infeasible through a kill."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import optuna
import pytest
from scipy.special import logit
from sklearn.metrics import roc_auc_score

from hf_fairtune import FairTrainer, FairTuneError
from hf_fairtune.audits.compute import fairness_metrics
from hf_fairtune.search.outcome import NoWinnerError
from tests.conftest import table
from tests.trainer.test_searching import searcher

CONSTANT, NOBODY, HONEST = 1e-6, 1e-5, 1e-4
EVALUATION = table(64, 1)
LABELS, GROUPS = (np.array(EVALUATION[name]) for name in ("labels", "groups"))
NOISE = np.random.default_rng(0).normal(size=64)


def scores_at(rate: float) -> np.ndarray:
    """What a model "trained" at a rate says of the validation rows."""
    honest = 1 / (1 + np.exp(-(1.5 * LABELS - 0.7 + NOISE + 0.3 * GROUPS)))
    return {CONSTANT: np.full(64, 0.5), NOBODY: honest * 0.4}.get(rate, honest)


def acted(folder: Path, rates: list[float], **options: Any) -> tuple[FairTrainer, Any]:
    """A trainer whose trials have these learning rates, and the scores that belong to them, and its space."""
    run = searcher(folder, num_train_epochs=1, warmup_steps=0, **options)

    def compute(prediction: Any) -> dict[str, float]:
        inside = logit(scores_at(run.args.learning_rate))
        logits = np.column_stack([np.zeros(64), inside])
        return fairness_metrics(["a", "b"])(SimpleNamespace(predictions=logits, label_ids=(LABELS, GROUPS)))

    run.compute_metrics = compute
    return run, lambda trial: {"learning_rate": rates[trial.number]}


def constraints(folder: Path) -> list[dict[str, float]]:
    study = optuna.load_study(study_name="fairtune", storage=f"sqlite:///{folder / 'search.db'}")
    return [trial.constraints for trial in study.trials if trial.state.is_finished()]


@pytest.mark.parametrize("objective", ["equalized_odds_difference_fitted", "auc_gap", "equalized_odds_difference"])
def test_a_model_that_serves_nobody_never_wins(
    tmp_path: Path, objective: str, capfd: pytest.CaptureFixture[str]
) -> None:
    run, space = acted(tmp_path, [CONSTANT, HONEST, CONSTANT])
    best = run.hyperparameter_search(space, objective, 3)
    assert best.run_id == "1"
    assert run.search is not None
    found = run.search.trials
    assert (run.search.best_trial, run.search.min_auc) == (1, 0.6)
    assert found[0].value == found[2].value == 0 < found[1].value
    assert [trial.infeasible == [] for trial in found] == [False, True, False]
    printed = capfd.readouterr().err
    assert "best - · " in printed.splitlines()[-3]
    assert "(trial 1)" in printed.splitlines()[-1]
    assert "infeasible (min_auc" in printed.splitlines()[-1]
    auc = roc_auc_score(LABELS, scores_at(HONEST))
    kept = constraints(tmp_path)
    assert [row["min_auc"] for row in kept] == pytest.approx([0.1, 0.6 - auc, 0.1])
    if objective != "auc_gap":
        assert [row["one_class"] > 0 for row in kept] == [True, False, True]


def test_one_that_flags_nobody_is_infeasible_at_a_half_and_judged_at_the_fitted_cut(tmp_path: Path) -> None:
    for objective, broken in (
        ("equalized_odds_difference", ["one_class"]),
        ("equalized_odds_difference_fitted", []),
        ("min_group_auc", []),
    ):
        run, space = acted(tmp_path / objective, [NOBODY, HONEST])
        run.hyperparameter_search(space, objective, 2)
        assert run.search is not None
        assert [trial.infeasible for trial in run.search.trials] == [broken, []]
        assert run.search.best_trial == (1 if broken else 0)


def test_without_a_feasible_trial_one_line_says_how_near_the_best_came(tmp_path: Path) -> None:
    run, space = acted(tmp_path, [CONSTANT, HONEST])
    line = (
        r"no trial is feasible, so there is no winner: of 2 complete the best, trial 0, has `auc_gap` 0\.0000, but "
        r"its AUC of 0\.500 is below `min_auc` 0\.99; give more trials or, in another output_dir, a lower `min_auc`"
    )
    with pytest.raises(NoWinnerError, match=line):
        run.hyperparameter_search(space, "auc_gap", 2, min_auc=0.99)
    assert run.search is not None
    assert run.search.best_trial is None
    assert [trial.infeasible for trial in run.search.trials] == [["min_auc"]] * 2
    # The same command says the same; another floor is another search.
    with pytest.raises(NoWinnerError, match="no trial is feasible"):
        run.hyperparameter_search(space, "auc_gap", 2, min_auc=0.99)
    with pytest.raises(FairTuneError, match="holds a search with another min_auc"):
        run.hyperparameter_search(space, "auc_gap", 2, min_auc=0.5)


def test_a_floor_of_0_is_none(tmp_path: Path) -> None:
    run, space = acted(tmp_path, [CONSTANT, HONEST])
    assert run.hyperparameter_search(space, "auc_gap", 2, min_auc=0).run_id == "0"
    assert constraints(tmp_path) == [{}, {}]


def test_a_floor_without_a_value_fails_the_trial(tmp_path: Path) -> None:
    run, space = acted(tmp_path, [CONSTANT, HONEST])
    compute = run.compute_metrics

    def blind(prediction: Any) -> dict[str, float]:
        return compute(prediction) | ({"auc": float("nan")} if run.args.learning_rate == CONSTANT else {})

    run.compute_metrics = blind
    assert run.hyperparameter_search(space, "auc_gap", 2).run_id == "1"
    assert run.search is not None
    assert [(trial.state, trial.infeasible) for trial in run.search.trials] == [("FAIL", []), ("COMPLETE", [])]
    assert run.search.trials[0].message == "`auc` is not defined on the validation split in this trial."


def test_a_resumed_search_keeps_what_is_infeasible(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped after the constraints of a trial were set and before it ended, it ends as one that was not stopped."""
    rates = [CONSTANT, HONEST, CONSTANT, HONEST]
    run, space = acted(tmp_path / "stopped", rates)
    told = optuna.Trial.set_constraint

    def stop(self: optuna.Trial, key: str, value: float) -> None:
        told(self, key, value)
        if self.number == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(optuna.Trial, "set_constraint", stop)
        with pytest.raises(KeyboardInterrupt):
            run.hyperparameter_search(space, "acc_diff", 4)
    for name in ("stopped", "whole"):
        run, space = acted(tmp_path / name, rates)
        assert run.hyperparameter_search(space, "acc_diff", 4).run_id == "1"
    assert constraints(tmp_path / "stopped") == constraints(tmp_path / "whole")
    assert [row["min_auc"] > 0 for row in constraints(tmp_path / "whole")] == [True, False, True, False]


def test_a_trial_that_is_scored_only_at_its_end_has_its_floors(tmp_path: Path) -> None:
    run, space = acted(tmp_path, [CONSTANT, HONEST], eval_strategy="no")
    assert run.hyperparameter_search(space, "auc_gap", 2).run_id == "1"
    assert [row["min_auc"] > 0 for row in constraints(tmp_path)] == [True, False]


def test_names_of_the_published_code_are_searched_as_ours(tmp_path: Path) -> None:
    run, space = acted(tmp_path, [HONEST, HONEST])
    for name, key, direction in (("min_acc", "min_group_accuracy", "maximize"),):
        best = run.hyperparameter_search(space, name, 2, mode="published")
        assert run.search is not None
        assert (run.search.objective, run.search.direction, run.search.min_auc) == (key, direction, None)
        right = (scores_at(HONEST) >= 0.5) == LABELS
        assert best.objective == pytest.approx(min(right[group == GROUPS].mean() for group in (0, 1)))


def test_a_gap_at_a_half_is_noted_once(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for name in ("one", "two"):
        run, space = acted(tmp_path / name, [HONEST])
        run.hyperparameter_search(space, "equalized_odds_mean", 1)
    assert capfd.readouterr().err.count("note: `equalized_odds_mean` compares decisions at a threshold of 0.5") == 1
