"""JSON files that a later start reads back: each holds the SHA-256 of what it says, so that damage is found."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from .atomic import write_atomically

KEY = "sha256"


def write_json(path: Path, content: Mapping[str, object]) -> None:
    """Write a mapping and its checksum, whole or not at all."""
    known = json.loads(json.dumps(content))
    write_atomically(path, json.dumps({**known, KEY: _checksum(known)}, indent=1) + "\n")


def read_json(path: Path) -> dict[str, object]:
    """Read a mapping as it was written.

    Raises:
        ValueError: the file is not as it was written.
        OSError: it cannot be read.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    if not isinstance(content, dict):
        raise ValueError("it holds no mapping")
    if content.pop(KEY, None) != _checksum(content):
        raise ValueError("it is not as it was written")
    return content


def _checksum(content: Mapping[str, object]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
