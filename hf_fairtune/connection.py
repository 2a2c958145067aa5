"""The connection to the Hub: asked once whether it answers, so that nothing waits for it file by file."""

import errno
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from huggingface_hub import constants, get_session
from huggingface_hub.errors import HTTPError, LocalEntryNotFoundError

from .errors import LOGIN, FairTuneError

logger = logging.getLogger(__name__)
PATIENCE = 5.0  # seconds; stock clients wait 10 for each file of a model, and try again
OFFLINE = "HF_HUB_OFFLINE is set"


def silence() -> str | None:
    """Ask the Hub for an answer of any kind; return why there is none, or None."""
    if constants.is_offline_mode():
        return OFFLINE
    reasons: list[str | None] = [f"no answer in {PATIENCE:g} s"]

    def ask() -> None:
        try:
            get_session().head(constants.ENDPOINT, timeout=PATIENCE)
            reasons.append(None)
        except HTTPError as error:
            reasons.append(type(error).__name__)

    # A name server and each address of the Hub have timeouts of their own, which add up; a thread can be left.
    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(PATIENCE)
    return reasons[-1]


known_silence = cache(silence)


@cache
def note(reason: str) -> None:
    """Say once that the cache alone serves, unless that was asked for."""
    if reason != OFFLINE:
        place = LOGIN.sub("...@", constants.ENDPOINT)
        logger.warning("the Hub (%s) cannot be reached (%s); only what is cached is used", place, reason)


@contextmanager
def hub_or_cache(name: str) -> Iterator[None]:
    """Load `name`, a path or a Hub id, in the body; where the Hub is silent, from the cache alone.

    Raises:
        FairTuneError: the Hub cannot be reached, and the cache lacks `name`.
    """
    local = name.startswith((".", "/", "~")) or Path(name).exists()
    reason = None if local else known_silence()
    if reason is None:
        try:
            yield
        except Exception as error:  # libraries wrap a silent Hub in errors of their own; others are raised again
            if not has_cause(error, (ConnectionError, LocalEntryNotFoundError)):
                raise
            # Something else answers at the Hub's address, such as a proxy, or the Hub fell silent.
            raise FairTuneError(unreachable("it gives no file", name)) from error
        return
    from datasets import config  # takes seconds, and whoever loads a model loads data, too

    before = constants.HF_HUB_OFFLINE, config.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = config.HF_HUB_OFFLINE = True
    try:
        yield
        note(reason)
    except Exception as error:  # libraries wrap a missing file in errors of their own; others are raised again
        if not is_missing(error):
            raise
        raise FairTuneError(unreachable(reason, name)) from error
    finally:
        constants.HF_HUB_OFFLINE, config.HF_HUB_OFFLINE = before


def unreachable(reason: str, name: str) -> str:
    """Say in one line that neither the Hub nor the cache has `name`."""
    return (
        f"the Hub ({constants.ENDPOINT}) cannot be reached ({reason}), and the cache does not hold all of `{name}`; "
        "check the network, or give a folder."
    )


def has_cause(error: BaseException | None, kinds: tuple[type[BaseException], ...]) -> bool:
    """Tell whether an error is of one of the kinds, or came from one that is."""
    while error is not None and not isinstance(error, kinds):
        error = error.__cause__ or error.__context__
    return error is not None


def is_missing(error: BaseException | None) -> bool:
    """Tell whether an error, or one it came from, is a file that was not found; each library says so in its way."""
    while error is not None and not isinstance(error, OSError):
        error = error.__cause__ or error.__context__
    # What the system refuses, such as a write to a full disk, has a number of its own.
    return error is not None and error.errno in (None, errno.ENOENT)
