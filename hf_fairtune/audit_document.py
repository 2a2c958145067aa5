"""What an audit found: `AuditDocument` <-> `audit.json`, exact numbers that stay at home."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from .errors import FairTuneError
from .folder import write_atomically
from .record import finite, git_commit, library_versions

FILE_NAME = "audit.json"
SCHEMA_VERSION = 1


@dataclass
class AuditDocument:
    """One audit of one or several targets by one or several attributes, complete enough for every page and table.

    The fields and their types are those of `audit.schema.json`; undefined numbers are `null` there and carry a
    `reason`. It holds exact counts of small groups: what is published goes through `suppress_audit` first.
    """

    source: dict[str, Any]
    task: str
    label: str
    scores: str
    targets: list[dict[str, Any]]
    attributes: list[dict[str, Any]]
    options: dict[str, Any]
    n: int
    positives: int
    negatives: int
    auc: dict[str, Any]
    groups: list[dict[str, Any]]
    pairs: list[dict[str, Any]]
    overall: list[dict[str, Any]]
    audits: list[dict[str, Any]]
    rankings: list[dict[str, Any]] = field(default_factory=list)
    curves: list[dict[str, Any]] = field(default_factory=list)
    comparisons: list[dict[str, Any]] = field(default_factory=list)
    cluster: str | None = None
    gate: dict[str, Any] | None = None
    arguments: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=library_versions)
    git: str | None = field(default_factory=git_commit)
    created: str = field(default_factory=lambda: datetime.now(timezone.utc).isoformat(timespec="seconds"))
    schema_version: int = SCHEMA_VERSION

    def to_dict(self) -> dict[str, Any]:
        """Return the document as `audit.json` holds it, None for every undefined number."""
        content: dict[str, Any] = finite(asdict(self))
        return content

    def save(self, folder: str | Path) -> Path:
        """Write `audit.json` into `folder` (whole or not at all: rename over the old one).

        Raises:
            FairTuneError: the disk is full or not writable.
        """
        text = json.dumps(self.to_dict(), indent=2, ensure_ascii=False, allow_nan=False)
        return write_atomically(Path(folder) / FILE_NAME, text + "\n")

    @classmethod
    def load(cls, folder: str | Path) -> AuditDocument:
        """Read the document of an audit's folder, or of the file itself.

        Raises:
            FairTuneError: there is none, or it is not an audit of this schema version.
        """
        path = Path(folder)
        path = path / FILE_NAME if path.is_dir() else path
        if not path.is_file():
            raise FairTuneError(f"`{path}` does not exist; pass the output folder of `fairtune audit`.")
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise FairTuneError(f"`{path}` is not a fairtune audit ({error}); run the audit again.") from None
        _check(path, content)
        return cls(**content)

    def audit(self, target: str, attribute: str | None = None) -> dict[str, Any] | None:
        """Return the audit of a target by an attribute (None: all rows), or None where there is none."""
        rows = self.overall if attribute is None else self.audits
        found = (r["audit"] for r in rows if (r["target"], r.get("attribute")) == (target, attribute))
        return next(found, None)


def _check(path: Path, content: Any) -> None:
    """Refuse what lacks the document's fields or has others."""
    version = content.get("schema_version") if isinstance(content, dict) else None
    if version is None:
        raise FairTuneError(f"`{path}` is not a fairtune audit (no schema version); run the audit again.")
    if version != SCHEMA_VERSION:
        raise FairTuneError(f"`{path}` has schema version {version}; this fairtune reads {SCHEMA_VERSION}.")
    wrong = sorted({item.name for item in fields(AuditDocument)} ^ set(content))
    if wrong:
        raise FairTuneError(
            f"`{path}` is not a fairtune audit (missing or unknown: {', '.join(wrong)}); run the audit again."
        )
