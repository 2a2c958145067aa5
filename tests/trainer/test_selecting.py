"""Rules in `FairTrainer.hyperparameter_search`: the same study, chosen from again, and what they cannot do."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from hf_fairtune import FairTuneError
from hf_fairtune.audits.engine.delong import auc
from hf_fairtune.selections.selection import Chosen, Pool, Selection
from tests.conftest import table
from tests.trainer.test_searching import diverging_in, searcher, trials


@dataclass(frozen=True)
class Last(Selection):
    """Take the last trial."""

    @property
    def title(self) -> str:
        return "the last"

    def choose(self, pool: Pool) -> Chosen:
        return pool.trials[-1], []


def test_kept_scores_are_those_of_the_last_epoch(tmp_path: Path) -> None:
    run = searcher(tmp_path, num_train_epochs=2)
    run.hyperparameter_search(n_trials=2)
    split = table(64, 1).with_format("numpy")
    labels, groups = split["labels"][:], split["groups"][:]
    for number, _, _, value, _ in trials(tmp_path)[:2]:
        scores = np.load(tmp_path / "trials" / f"{number}.npy")
        assert scores.dtype == np.float64
        assert min(auc(labels[groups == g], scores[groups == g]) for g in (0, 1)) == pytest.approx(value, abs=1e-12)


def test_without_evaluations_a_trial_is_scored_at_its_end(tmp_path: Path) -> None:
    whole, last = (
        searcher(tmp_path / name, num_train_epochs=1, eval_strategy=strategy)
        for name, strategy in (("whole", "epoch"), ("last", "no"))
    )
    for run in (whole, last):
        run.hyperparameter_search(n_trials=2, selection="lower_bound")
    assert [value for *_, value, _ in trials(tmp_path / "last")] == [
        value for *_, value, _ in trials(tmp_path / "whole")
    ]


def test_the_same_study_is_chosen_from_again(tmp_path: Path) -> None:
    run = searcher(tmp_path, num_train_epochs=1)
    best = run.hyperparameter_search(n_trials=5)
    study = trials(tmp_path)
    assert best.objective == max(value for *_, value, _ in study)
    chosen = run.hyperparameter_search(n_trials=5, selection=Last())
    assert trials(tmp_path) == study
    assert chosen.run_id == "4"
    assert run.args.learning_rate == chosen.hyperparameters["learning_rate"]
    assert run.search is not None
    assert run.search.selection is not None
    assert (run.search.best_trial, run.search.selection.title) == (4, "the last")
    assert run.search.better is not None
    assert str(run.search.better.number) == best.run_id
    # What is trained is what was chosen.
    run.train()
    assert run.evaluate()["eval_min_group_auc"] == chosen.objective


@pytest.mark.parametrize("rule", ["pareto", "dto"])
def test_rules_of_the_groups_aucs_read_the_kept_scores(tmp_path: Path, rule: str) -> None:
    run = searcher(tmp_path, num_train_epochs=1)
    run.hyperparameter_search(n_trials=4)
    study = trials(tmp_path)
    chosen = run.hyperparameter_search(n_trials=4, selection=rule)
    assert trials(tmp_path) == study
    split = table(64, 1).with_format("numpy")
    labels, groups = split["labels"][:], split["groups"][:]
    kept = [np.load(tmp_path / "trials" / f"{number}.npy") for number, *_ in study[:4]]
    aucs = np.array([[auc(labels[groups == g], scores[groups == g]) for g in (0, 1)] for scores in kept])
    worst = aucs[:, aucs.mean(axis=0).argmin()]
    far = ((1 - aucs / aucs.max(axis=0)) ** 2).sum(axis=1)
    own = int(chosen.run_id)
    assert worst[own] == worst.max() if rule == "pareto" else far[own] == pytest.approx(far.min())
    with pytest.raises(FairTuneError, match=f"`{rule}` weighs the groups' AUCs, but the search goes by `accuracy`"):
        searcher(tmp_path / "b").hyperparameter_search(compute_objective="accuracy", n_trials=1, selection=rule)
    assert not (tmp_path / "b" / "search.db").exists()


def test_pruned_and_failed_trials_are_no_candidates(tmp_path: Path) -> None:
    run = searcher(tmp_path, num_train_epochs=1)
    space = diverging_in(2)
    run.hyperparameter_search(hp_space=space, n_trials=3, selection=Last())
    assert run.search is not None
    assert run.search.best_trial == 1
    assert sorted(path.name for path in (tmp_path / "trials").iterdir()) == ["0.npy", "1.npy"]


def test_what_a_rule_needs_is_asked_before_a_trial_is_run(tmp_path: Path) -> None:
    with pytest.raises(FairTuneError, match="`folds` divides train and validation again, which takes"):
        searcher(tmp_path / "a").hyperparameter_search(n_trials=1, selection="folds")
    assert not (tmp_path / "a" / "search.db").exists()
    with pytest.raises(FairTuneError, match="`luck` is not one of the selections"):
        searcher(tmp_path / "b").hyperparameter_search(n_trials=1, selection="luck")
    assert not (tmp_path / "b" / "search.db").exists()
    run = searcher(tmp_path / "c", num_train_epochs=1)
    with pytest.raises(FairTuneError, match="the objective takes `loss`, which scores do not give"):
        run.hyperparameter_search(None, lambda metrics: metrics["eval_loss"], 1, "minimize", selection="one_se")
    # The study is whole: another rule takes it.
    assert run.hyperparameter_search(None, lambda metrics: metrics["eval_loss"], 1, "minimize").run_id == "0"


def test_metrics_that_are_not_ours_are_not_resampled(tmp_path: Path) -> None:
    run = searcher(tmp_path, num_train_epochs=1)
    run.compute_metrics = lambda _: {"auc": 0.9}
    with pytest.raises(FairTuneError, match=r"the scores of trial 0 give auc 0\.\d+, but it reported 0.9"):
        run.hyperparameter_search(compute_objective="auc", n_trials=1, selection="lower_bound")
