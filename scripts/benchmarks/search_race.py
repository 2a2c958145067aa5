"""Searches of all seeds side by side: each asks for one trial, and what several ask for is trained once.

Masks, rates, samplers and pruners are the package's own. Every curve is kept, so that a killed run goes on.
"""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import optuna
from optuna.pruners import SuccessiveHalvingPruner
from optuna.trial import TrialState
from search_task import BLOCKS, EPOCHS, Configuration, Lanes, Task

from hf_fairtune.masks.space import regular
from hf_fairtune.search.modes import MODES, Mode, mode_named
from hf_fairtune.search.presets import PresetsFirst
from hf_fairtune.search.space import LearningRate

RATES = LearningRate(1e-3, 1e-1)
SPACE = regular("paper36", BLOCKS)


def at_random(n_trials: int, seed: int, warmup_epochs: int) -> Mode:
    """Draw every bit and rate at random, the first ten as the paper's TPE does; only the end of a trial is asked."""
    return replace(mode_named("random", n_trials, seed, warmup_epochs), reports_every_epoch=False)


def asha(n_trials: int, seed: int, warmup_epochs: int) -> Mode:
    """Draw as `at_random` and stop three of four at the first rung, which comes after the warm-up."""
    mode, pruner = at_random(n_trials, seed, warmup_epochs), SuccessiveHalvingPruner(warmup_epochs + 1, 4)
    return Mode("asha", n_trials, warmup_epochs, mode.proposal, mode.sampler, pruner)


STRATEGIES: dict[str, Callable[[int, int, int], Mode]] = {**MODES, "random": at_random, "asha": asha}


@dataclass
class Curve:
    """Lowest group's AUC on validation after epochs, and at the end on test where it was asked."""

    values: dict[int, float] = field(default_factory=dict)
    test: float | None = None


class Curves:
    """What was trained, kept in a file of one line a configuration; a later line replaces an earlier."""

    def __init__(self, place: Path) -> None:
        self.place, self.known = place, dict[Configuration, Curve]()
        for line in place.read_text().splitlines() if place.is_file() else ():
            entry = json.loads(line)
            values = {int(epoch): value for epoch, value in entry["values"].items()}
            own = Configuration(entry["task"], tuple(entry["bits"]), entry["rate"], entry["epochs"])
            self.known[own] = Curve(values, entry["test"])

    def keep(self, configuration: Configuration, curve: Curve) -> None:
        """Write a curve down."""
        self.known[configuration] = curve
        with self.place.open("a") as file:
            file.write(json.dumps(asdict(configuration) | asdict(curve)) + "\n")


@dataclass
class Reached:
    """Where a search stands after a trial: epochs spent, the best value and that one's on test."""

    epochs: int
    best: float
    test: float


class Race:
    """One search: a strategy, a task and a seed."""

    def __init__(self, strategy: str, task: int, seed: int, n_trials: int) -> None:
        self.strategy, self.task, self.seed = strategy, task, seed
        name, _, length = strategy.partition("-")
        self.length = int(length or EPOCHS)
        self.mode = STRATEGIES[name](n_trials, seed, math.ceil(self.length / 3))
        presets = self.mode.proposal.presets(SPACE) if self.mode.presets else ()
        sampler = PresetsFirst(self.mode.sampler, presets, RATES)
        self.study = optuna.create_study(direction="maximize", sampler=sampler, pruner=self.mode.pruner)
        self.course: list[Reached] = []

    def ask(self) -> Configuration:
        """Draw the next trial."""
        self.trial, self.seen = self.study.ask(), 0
        mask = self.mode.proposal.draw(self.trial, SPACE)
        self.trial.set_user_attr("mask", list(mask.bits))
        return Configuration(self.task, mask.bits, RATES(self.trial)["learning_rate"], self.length)

    @property
    def best(self) -> float:
        """Return the best value so far."""
        return self.course[-1].best if self.course else -math.inf

    def follow(self, curve: Curve) -> bool:
        """Report what is new of a curve; return whether the trial has ended."""
        for epoch, value in sorted(curve.values.items()):
            last = epoch == self.length
            if epoch <= self.seen or not (last or self.mode.reports_every_epoch):
                continue
            if last and value > self.best and curve.test is None:
                return False
            self.seen = epoch
            self.trial.report(value, epoch)
            # A trial that its pruner stops at its last epoch has no value in the package either.
            pruned = self.trial.should_prune()
            if pruned or last:
                self._end(epoch, None if pruned else value, curve.test)
                return True
        return False

    def _end(self, epoch: int, value: float | None, test: float | None) -> None:
        self.study.tell(self.trial, value, TrialState.PRUNED if value is None else TrialState.COMPLETE)
        before = self.course[-1] if self.course else Reached(0, -math.inf, math.nan)
        better = value is not None and value > before.best
        found = (value, test) if better else (before.best, before.test)
        self.course.append(Reached(before.epochs + epoch, *found))


def run(races: Sequence[Race], tasks: Sequence[Task], curves: Curves, n_trials: int) -> None:
    """Run the trials of all searches, one of each at a time."""
    for number in range(n_trials):
        asked: dict[Configuration, list[Race]] = {}
        for race in races:
            configuration = race.ask()
            if not race.follow(curves.known.get(configuration, Curve())):
                asked.setdefault(configuration, []).append(race)
        if asked:
            train(asked, tasks, curves)
            print(f"trial {number}: {len(asked)} trained", flush=True)


def train(asked: dict[Configuration, list[Race]], tasks: Sequence[Task], curves: Curves) -> None:
    """Train configurations side by side, each until no search that asked for it goes on."""
    lanes, found = Lanes(tasks, [*asked]), {configuration: Curve() for configuration in asked}
    while lanes.lanes:
        lanes.epoch()
        every = range(len(lanes.lanes))
        for place, value in zip(every, lanes.lowest("validation", every), strict=True):
            found[lanes.lanes[place]].values[lanes.done] = value
        ended = [i for i in every if lanes.lanes[i].epochs == lanes.done]
        wanted = [i for i in ended if is_best(found[lanes.lanes[i]], asked[lanes.lanes[i]])]
        for place, value in zip(wanted, lanes.lowest("test", wanted) if wanted else (), strict=True):
            found[lanes.lanes[place]].test = value
        going = []
        for place in every:
            own = lanes.lanes[place]
            asked[own] = [race for race in asked[own] if not race.follow(found[own])]
            if asked[own]:
                going.append(place)
            else:
                curves.keep(own, found[own])
        lanes.keep(going)


def is_best(curve: Curve, races: Sequence[Race]) -> bool:
    """Tell whether a search has found nothing better."""
    return any(curve.values[race.length] > race.best for race in races)
