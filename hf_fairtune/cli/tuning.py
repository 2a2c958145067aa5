"""A winner and its baselines, each searched alike and trained once a seed."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from ..audits.replication import LEAST
from ..document.run import SINGLE, Model
from ..search.hours import Ration
from ..search.outcome import NoWinnerError
from ..show.chosen import chosen_by, combined
from ..trainer.audits import MODEL
from ..trainer.baselines import baseline, seeds_after, single
from ..trainer.fair import FairTrainer
from .job import Job, train_all
from .notes import say
from .spending import Spending

if TYPE_CHECKING:
    from .search import SearchArguments


def choose(trainer: FairTrainer, search: SearchArguments, trials: int, ration: Ration, name: str = "") -> None:
    """Search, a baseline by its name, together with the other workers of the folder or the storage."""
    what, trainer.ration = trainer.title or trainer.method.title, ration
    say(trainer, f"searching {what}: {trials} trials")
    trainer.hyperparameter_search(
        search.rates(),
        search.objective,
        trials,
        mode=search.mode,
        selection=search.selection,
        min_auc=search.min_auc,
        combine=search.combination,
        fraction=search.search_fraction,
        folds=search.folds,
        storage=search.storage,
        study_name=f"{search.study_name} {name}".strip(),
        grace_period=search.grace_period,
    )
    found = trainer.search
    assert found is not None
    if found.out_of_hours:
        ran = f"{found.n_finished} of {trials} trials ran"
        say(trainer, f"{ran}; what is left of {search.max_hours:g} h is for the trainings")
    if found.selection is not None:
        say(trainer, f"trial {found.best_trial} is chosen by {chosen_by(found)}")
    if found.combination is not None:
        say(trainer, f"combined: {combined(found, digits=3)}")


def share_baselines(trainer: FairTrainer, search: SearchArguments, plan: Spending) -> None:
    """Run trials of the baselines while another worker holds the folder to train what won, and leave."""
    assert trainer.search is not None
    finished = trainer.search.n_finished
    for name in search.others:
        with suppress(NoWinnerError):
            ration = plan.ration_beside(name, finished)
            choose(baseline(trainer, name), search, plan.trials_beside(finished), ration, name)
    place = trainer.args.output_dir
    say(trainer, f"the trials are done; another worker trains what won, in `{place}`, and this one leaves")


def finish(job: Job, trainer: FairTrainer, search: SearchArguments, plan: Spending) -> None:
    """Train what won, search and train the baselines, test all, and hand over."""
    train_winner(trainer, search)
    baselines = [beside_alone(trainer, search)] if search.alone else []
    baselines += [name for name in search.others if beside(trainer, name, search, plan)]
    # Only now, and once: nothing is chosen after the test split was seen.
    trainer.audit("test", reference=baselines[0] if baselines else None)
    assert trainer.audits is not None
    for name in baselines if search.seeds > 1 else ():
        trainer.audits.replicate(name)
    job.hand_over(trainer)


def train_winner(trainer: FairTrainer, search: SearchArguments) -> None:
    """Train what was chosen, once a seed; with the first the members of a team are the kept trials."""
    what = trainer.title or trainer.method.title
    if trainer.team is None:
        say(trainer, f"training {what} at learning rate {trainer.args.learning_rate:.2e}")
    else:
        say(trainer, f"the members of {what} are the kept trials; nothing is trained with seed {trainer.args.seed}")
    train_all(trainer, seeds_after(trainer.args.seed, search.seeds, LEAST))


def beside_alone(trainer: FairTrainer, search: SearchArguments) -> str:
    """Train the winner without its combination, hand it over in a folder of its own, and take its test results."""
    found = single(trainer)
    train_winner(found, search)
    take(trainer, found, SINGLE)
    return SINGLE


def beside(trainer: FairTrainer, name: str, search: SearchArguments, plan: Spending) -> bool:
    """Search and train a baseline alike, hand it over in a folder of its own, and take its test results.

    Return whether there is one: of a baseline that has no feasible trial, the card tells what its search took alone.
    """
    found = baseline(trainer, name)
    assert trainer.search is not None
    finished = trainer.search.n_finished
    assert trainer.audits is not None
    try:
        choose(found, search, plan.trials_beside(finished), plan.ration_beside(name, finished), name)
        train_winner(found, search)
    except NoWinnerError as error:
        say(trainer, f"note: no baseline {name}: {error}")
        assert found.search is not None
        trainer.audits.models[name] = Model(name, found.title or found.method.title, budget=found.search.budget())
        return False
    take(trainer, found, name)
    return True


def take(trainer: FairTrainer, found: FairTrainer, name: str) -> None:
    """Audit a baseline, hand it over, and take its results as those of `name`."""
    assert trainer.audits is not None
    assert found.audits is not None
    found.audit("test")
    found.save_model()
    trainer.audits.adopt(found.audits, replace(found.document.model_named(MODEL), id=name))
