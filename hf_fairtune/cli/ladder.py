"""The ladder of `fairtune debias`: its flags, and what is said while it is climbed."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import FairTuneError, plain
from ..gate.rules import Rules, read_rules
from ..methods.method import Method, method_named
from ..show.ladder import ladder_said, rung_said
from ..trainer.fair import FairTrainer
from ..trainer.ladder import BETTER, IS_BETTER, Climb, check_enough
from .job import train
from .notes import say

LADDER = "ladder"
RUNGS = ("dfr", "enforced", "swift")


@dataclass
class LadderArguments:
    """Which repairs are tried, and what is enough."""

    rungs: list[str] = field(
        default_factory=lambda: [*RUNGS], metadata={"help": "Methods in the order of cost; the first is tried first."}
    )
    enough: str = field(
        default=BETTER,
        metadata={
            "help": "What ends the climb, on validation and with intervals: better (than the model before, by the "
            "verdict of a comparison), or a yaml file of rules as for `fairtune audit --gate`."
        },
    )


def rungs_of(names: Sequence[str]) -> list[Method]:
    """Return the methods of a ladder, with their defaults.

    Raises:
        FairTuneError: there is none, one is named twice, or there is no such method.
    """
    if not names or len(set(names)) < len(names):
        raise FairTuneError(f"`--rungs {' '.join(names)}` must name one method or more, each once.")
    return [method_named(name) for name in names]


def rules_of(enough: str) -> Rules:
    """Return the rules that say what is enough."""
    return IS_BETTER if enough == BETTER else read_rules(enough)


def rules_text(enough: str) -> str:
    """Return what makes the rules these rules: the text of their file, once it is known to hold rules."""
    rules_of(enough)
    return enough if enough == BETTER else Path(enough).read_text(encoding="utf-8-sig")


def climb(trainer: FairTrainer, before: str, methods: Sequence[Method], rules: Rules) -> Climb:
    """Climb until a rung is enough, and make its model the trainer's; score no test split yet.

    Raises:
        FairTuneError: validation cannot answer the rules.
    """
    assert trainer.data is not None
    assert trainer.audits is not None
    check_enough(trainer.data, rules, trainer.audits.scores(before, "validation"))
    climbing = Climb(trainer, before, methods, rules, train)
    for place, rung in enumerate(climbing.rungs(), 1):
        say(trainer, plain(f"rung {place} of {len(methods)}: {rung_said(rung)}"))
    ladder = climbing.ladder()
    climbing.adopt(ladder)
    say(trainer, plain(ladder_said(ladder)))
    return climbing
