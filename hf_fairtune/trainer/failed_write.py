"""A write that failed as the libraries report it, raised as what it is: an `OSError`."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from ..errors import first_line

# Torch names the place in its own code, safetensors wraps the system's reason.
TEXTS = ("inline_container", "iostream error", "PytorchStreamWriter", "I/O error")


@contextmanager
def as_failed_write(folder: Path) -> Iterator[None]:
    """Write below a folder in the body.

    Raises:
        OSError: the body raised what torch or safetensors make of a full disk, which is by far its first cause.
    """
    try:
        yield
    except (RuntimeError, SafetensorError) as error:
        if not any(text in str(error) for text in TEXTS):
            raise
        raise OSError(errno.ENOSPC, f"no space left on the disk ({first_line(error)})", str(folder)) from error
