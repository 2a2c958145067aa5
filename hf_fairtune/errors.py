"""The one error that says what was given, what was wanted and what to do, and how a line quotes values and errors."""

import re
from collections.abc import Iterable

LONGEST = 80
# Characters that turn the direction of the text around them; first-strong isolates end at their own end.
TURNS = re.compile("[\u202a-\u202e\u2066\u2067\u200e\u200f\u061c]")
ISOLATES = re.compile("[\u2068\u2069]")
CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
# A token of the Hub, and a login in the address of a server.
TOKEN, LOGIN = re.compile(r"\bhf_[A-Za-z0-9]{20,}"), re.compile(r"(?<=://)[^\s/@]+@")


class FairTuneError(ValueError):
    """Bad input in one line; the command prints it without a traceback and exits with 2."""

    # Whether of several processes this one alone may have it, and is to say so.
    is_of_one = False

    def __init__(self, line: str) -> None:
        safe = " ".join(map(plain, line.split(" ")))  # which keeps the blanks of what it quotes
        super().__init__(LOGIN.sub("...@", TOKEN.sub("hf_...", safe)))


def clean(text: str) -> str:
    """Return text on one line that cannot turn the text around it; controls and lone surrogates are replaced."""
    return CONTROLS.sub("\ufffd", TURNS.sub("", " ".join(text.split())))


def plain(text: str) -> str:
    """Return text on one line, for a terminal: without any mark of direction, and without what moves its cursor."""
    return ISOLATES.sub("", clean(text))


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
