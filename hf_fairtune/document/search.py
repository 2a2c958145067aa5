"""A search: its trials, how the winner was chosen, and what that took."""

from dataclasses import dataclass, field
from typing import Literal

from .estimate import NAN, Real
from .scalar import Scalar

Direction = Literal["maximize", "minimize"]
TrialState = Literal["COMPLETE", "PRUNED", "FAIL", "RUNNING", "WAITING"]
Stop = Literal["score", "hours"]
# What fails around a training, whatever it trains: the same trial may succeed when it is run again.
Cause = Literal["memory", "disk", "connection", "worker", "system"]
# Why a trial failed: what it trains is no model, or memory does not hold it, or an error that the caller wants caught.
Failure = Literal["diverged", "undefined", "memory", "caught"]


@dataclass(frozen=True)
class Budget:
    """What the choice of a model's hyper-parameters took: trials, epochs, and the chosen one's value on validation.

    `asked` is the number of trials asked for, None where it is not known.
    """

    trials: int
    epochs: float
    seconds: Real
    objective: str
    value: Real
    asked: int | None = None


@dataclass(frozen=True)
class Trial:
    """One trial of a search: its parameters, its value, and its value after each epoch (a string, as JSON has it).

    In a cross-fitted search `values` are by fold: of all rows up to that fold, each scored out of fold.

    `infeasible` names the constraints that it broke at its end, such as "min_auc" and "one_class".
    `stopped_by` says why it is PRUNED: what it scored, or the hours of the run; `failure` why it is a FAIL. `retried`
    are the causes for which it was run again. `batch_size` are the images a step and device that it found itself.
    """

    number: int
    state: TrialState
    preset: str | None
    params: dict[str, Scalar]
    mask: list[int]
    learning_rate: Real
    trainable_parameters: int | None
    value: Real
    values: dict[str, Real]
    seconds: Real
    message: str | None = None
    infeasible: list[str] = field(default_factory=list)
    stopped_by: Stop | None = None
    failure: Failure | None = None
    retried: list[Cause] = field(default_factory=list)
    batch_size: int | None = None

    @property
    def reached(self) -> int:
        """Return the last epoch that it reported, or fold where it is cross-fitted; 0 for none."""
        return max(map(int, self.values), default=0)

    @property
    def cut_short(self) -> bool:
        """Tell whether the hours of the run stopped it, so that it is not finished."""
        return self.state == "PRUNED" and self.stopped_by == "hours"


@dataclass(frozen=True)
class Candidate:
    """A trial that a selection weighed, by its number, and its objective on the rows that the selection looked at.

    `bound` is the value's one-sided bound, `error` the standard error of its difference to the best; NaN where neither
    was asked for.
    """

    trial: int
    value: Real
    bound: Real = NAN
    error: Real = NAN


@dataclass(frozen=True)
class Choice:
    """How the winner of a search was chosen: the rule by name and title, what it weighed, what its trainings took."""

    rule: str
    title: str
    candidates: list[Candidate]
    epochs: float = 0.0


@dataclass(frozen=True)
class Member:
    """A trial of a combination, by its number, and the objective of the combination up to it, with its bound.

    Both are of the rows that the search was scored on; the bound is one-sided, at the unlucky end.
    """

    trial: int
    value: Real
    bound: Real


@dataclass(frozen=True)
class Combined:
    """How trials of a search were combined: the rule by name and title, its members in the order of their joining.

    `models` are those that are handed over, to average their probabilities.
    """

    rule: str
    title: str
    members: list[Member]
    models: int = 1


@dataclass(frozen=True)
class Search:
    """A search and its trials, of which `n_trials` were asked for; `best_trial` was chosen by `selection`, if known.

    `min_auc` is the AUC on validation that a trial had to reach; None for no such floor. `max_hours` are those that
    the whole run might take; `out_of_hours` where they ended the search. Trials trained on `fraction` of the training
    rows. `combination` is None where the chosen trial stands alone. With `folds` each trial is trained so often, on
    folds of train and validation together, and its value is of all their rows; 0 for one training, scored on
    validation. `study` names study and storage where they are the user's own.
    """

    mode: str
    objective: str
    direction: Direction
    n_trials: int
    warmup_epochs: float
    num_train_epochs: float
    best_trial: int | None
    seconds: Real
    trials: list[Trial]
    min_auc: float | None = None
    max_hours: float | None = None
    out_of_hours: bool = False
    selection: Choice | None = None
    fraction: float = 1.0
    combination: Combined | None = None
    folds: int = 0
    study: str | None = None

    @property
    def n_finished(self) -> int:
        """Return the number of trials that the hours of the run did not cut short."""
        return sum(not trial.cut_short and trial.state != "RUNNING" for trial in self.trials)

    @property
    def complete(self) -> list[Trial]:
        """Return the feasible trials that came to their end with a value."""
        ended = (trial for trial in self.trials if trial.state == "COMPLETE" and trial.value == trial.value)
        return [trial for trial in ended if not trial.infeasible]

    @property
    def chosen(self) -> Trial | None:
        """Return the chosen trial; None where none was."""
        return next((trial for trial in self.trials if trial.number == self.best_trial), None)

    @property
    def better(self) -> Trial | None:
        """Return the trial with the best value where that is better than the chosen one's, else None."""
        best = max if self.direction == "maximize" else min
        found = best(self.complete, key=lambda trial: trial.value, default=None)
        return None if found is None or self.chosen is None or found.value == self.chosen.value else found

    def budget(self) -> Budget:
        """Sum up what the search took, its selection included, and found."""
        epochs = sum(trial.reached for trial in self.trials) * (self.num_train_epochs if self.folds else 1)
        epochs += self.selection.epochs if self.selection else 0
        value = self.chosen.value if self.chosen else NAN
        return Budget(len(self.trials), float(epochs), self.seconds, self.objective, value, self.n_trials)
