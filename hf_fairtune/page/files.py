"""The files of an audit that may leave the house: page, tables and card sections, small cells withheld."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..audit_cells.suppress import suppress_audit
from ..audit_document import AuditDocument
from ..errors import FairTuneError
from ..folder import write_atomically
from ..record import finite
from .csv_tables import groups_csv, thresholds_csv
from .factors import factors
from .latex import audit_tex
from .page import page

WRITERS = {
    "audit.html": page,
    "groups.csv": groups_csv,
    "thresholds.csv": thresholds_csv,
    "audit.tex": audit_tex,
    "factors.md": factors,
}


def write_audit(document: AuditDocument | dict[str, Any], folder: str | Path) -> list[Path]:
    """Write audit.html, groups.csv, thresholds.csv, audit.tex and factors.md; return their paths.

    All come from the document without its counts of 1 to 10 and what would give them back (`suppress_audit`). None
    holds an id, a path or an image of a patient. `audit.json`, with exact numbers, is `AuditDocument.save`'s.

    Raises:
        FairTuneError: the folder cannot be made or written to.
    """
    content = asdict(document) if isinstance(document, AuditDocument) else document
    public = suppress_audit(finite(content))
    place = Path(folder)
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FairTuneError(f"`{place}` cannot be made ({error.strerror}); choose another --output_dir.") from error
    return [write_atomically(place / name, write(public)) for name, write in WRITERS.items()]
