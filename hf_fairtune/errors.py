"""The one error that says what was given, what was wanted and what to do, and how it quotes values and errors."""

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


def first_line(error: Exception) -> str:
    """Return the system's reason, or the first line of a library's message, or the kind of an error without either."""
    text = getattr(error, "strerror", None) or str(error)
    return (str(text).strip() or type(error).__name__).splitlines()[0]
