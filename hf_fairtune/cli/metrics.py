"""List the metrics of an audit, or tell all about one: definition, range, direction, traps, source."""

import textwrap
from dataclasses import dataclass, field

from ..audits.metrics.metric import PARTS, Card, card_of, homes

EXAMPLE = """  fairtune metrics
  fairtune metrics equalized_odds_difference"""
WIDTH = 119
# A name in a gate's rules that the card of another number explains.
ALSO = {"group_auc": "auc"}


@dataclass
class MetricsArguments:
    """Which metric."""

    name: str | None = field(default=None, metadata={"help": "Name of one metric; all are listed if not given."})


POSITIONAL = "--name"
ARGUMENTS = (MetricsArguments,)


def run(arguments: MetricsArguments) -> None:
    """Print the list of metrics, or the card of one."""
    if arguments.name is None:
        print(listing())
        return
    name = arguments.name.lower()
    print(whole(card_of(ALSO.get(name, name))))


def listing() -> str:
    """Return a line a metric: its name, its title, and which direction is better."""
    width = max(map(len, homes()))
    lines = []
    for name in homes():
        card = card_of(name)
        text = f"{name.ljust(width)}  {card.title.rstrip('.')}. {direction(card)}"
        lines.append(textwrap.fill(text, WIDTH, subsequent_indent=" " * (width + 2)))
    return "\n".join([*lines, "", "All about one:  fairtune metrics NAME"])


def whole(found: Card) -> str:
    """Return a card as paragraphs for a terminal."""
    parts = [f"{part.capitalize()}: {getattr(found, part)}" for part in PARTS]
    return "\n\n".join(textwrap.fill(text, WIDTH) for text in [found.title, *parts])


def direction(found: Card) -> str:
    """Return the first clause of a card's direction, such as "Higher is better."."""
    first = found.direction.partition(";")[0].partition(". ")[0].strip().rstrip(".")
    return f"{first[:1].upper()}{first[1:]}."
