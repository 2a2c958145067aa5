"""List the metrics of an audit, or tell all about one: definition, range, direction, traps, source."""

from __future__ import annotations

import textwrap
from dataclasses import asdict, dataclass, field

from .. import catalog
from ..metrics.metric import PARTS, Card, card
from .flags import positional

EXAMPLE = """  fairtune metrics
  fairtune metrics equalized_odds_difference"""
WIDTH = 119
# Numbers that an audit and a gate's rules call otherwise, and whose card tells of them.
ALSO = {
    "bpsn": "xauc",
    "bnsp": "xauc",
    "group_auc": "auc",
    "auc_difference": "auc_gap",
    "tpr_difference": "equal_opportunity_difference",
    "fpr_difference": "predictive_equality_difference",
}


@dataclass
class MetricsArguments:
    """Which metric."""

    name: str | None = field(default=None, metadata={"help": "Name of one metric; all are listed if not given."})


ARGUMENTS = (MetricsArguments,)


def rewrite(argv: list[str]) -> list[str]:
    """Take the metric's name as first argument too."""
    return positional(argv, "--name")


def run(arguments: MetricsArguments) -> None:
    """Print the list of metrics, or the card of one."""
    if arguments.name is None:
        print(listing())
        return
    name = arguments.name.lower()
    print(whole(card(catalog.find("metrics", ALSO.get(name, name)))))


def listing() -> str:
    """Return a line a metric: its name, its title, and which direction is better."""
    cards = {name: card(catalog.find("metrics", name)) for name in catalog.names("metrics")}
    width = max(map(len, cards))
    lines = [_entry(name.ljust(width), found) for name, found in cards.items()]
    return "\n".join([*lines, "", "All about one:  fairtune metrics NAME"])


def whole(found: Card) -> str:
    """Return a card as paragraphs for a terminal."""
    texts = asdict(found)
    parts = [f"{part.capitalize()}: {texts[part]}" for part in PARTS]
    return "\n\n".join(textwrap.fill(text, WIDTH) for text in [found.title, *parts])


def _entry(name: str, found: Card) -> str:
    line = f"{name}  {found.title.rstrip('.')}. {direction(found)}"
    return textwrap.fill(line, WIDTH, subsequent_indent=" " * (len(name) + 2))


def direction(found: Card) -> str:
    """Return the first clause of a card's direction, such as "Higher is better."."""
    first = found.direction.partition(";")[0].partition(". ")[0].strip().rstrip(".")
    return f"{first[:1].upper()}{first[1:]}."
