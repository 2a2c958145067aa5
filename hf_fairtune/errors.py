"""The one error that says what was given, what was wanted and what to do, and how it lists values."""

from __future__ import annotations

from collections.abc import Iterable

LONGEST = 80


class FairTuneError(ValueError):
    """Bad input in one line; the command prints it without a traceback and exits with 2."""


def listed(values: Iterable[object], limit: int = 10) -> str:
    """Write values for an error line: the first `limit`, on one line, long ones cut short, then how many more."""
    lines = (" ".join(str(value).split()) for value in values)
    texts = [text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..." for text in lines]
    more = f" and {len(texts) - limit} more" if len(texts) > limit else ""
    return ", ".join(texts[:limit]) + more
