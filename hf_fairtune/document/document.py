"""`Document` <-> `fairtune.json` of a run or `audit.json` of an audit: one type, whose schema is generated."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from operator import attrgetter
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError

from ..errors import FairTuneError
from ..files.atomic import write_atomically
from ..files.folder import check_ended
from .audit import Audit
from .comparison import Comparison
from .consistency import contradictions
from .data import Data
from .gate import Gate
from .provenance import Provenance
from .replication import Replication
from .run import Model, Run
from .scalar import Argument

AUDIT_FILE, RUN_FILE = "audit.json", "fairtune.json"
SCHEMA_VERSION: Literal[3] = 3
ALL_ROWS = "all"

Job = Literal["audit", "search", "train", "debias"]
# How much of a document is shared: all but small counts, or AUCs and verdicts alone.
Sharing = Literal["rates", "auc"]


@dataclass(frozen=True)
class Audited:
    """One audit: of `model` on `split`, for `target` by the groups of `attribute` (None: all rows together).

    `comparison` is the model minus `reference` on the same rows: two checkpoints. `replications` compare methods, each
    by several training runs.
    """

    model: str
    split: str
    target: str
    attribute: str | None
    audit: Audit
    reference: str | None = None
    comparison: Comparison | None = None
    replications: list[Replication] = field(default_factory=list)


@dataclass(frozen=True)
class Settings:
    """How all audits of a document were made; `include` names unknown groups that take part all the same."""

    n_permutations: int
    correction: str
    exclude: list[str] = field(default_factory=list)
    reference_group: list[str] = field(default_factory=list)
    include: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Document:
    """What a run or an audit found, complete enough for every page, card and table.

    `model` is the id of the one it is about, `models` holds it and those beside it. Counts are exact, and the document
    stays at home, where `shared` is None; `publish` makes the one to be shared.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    job: Job
    data: Data
    model: str
    models: list[Model]
    audits: list[Audited] = field(default_factory=list)
    settings: Settings = field(default_factory=lambda: Settings(0, "holm"))
    run: Run | None = None
    gate: Gate | None = None
    arguments: dict[str, Argument] = field(default_factory=dict)
    provenance: Provenance = field(default_factory=Provenance)
    shared: Sharing | None = None
    schema_version: Literal[3] = SCHEMA_VERSION

    def model_named(self, id: str) -> Model:
        """Return a model by its id."""
        return self.models[[*map(attrgetter("id"), self.models)].index(id)]

    def select(
        self, model: str | None = None, split: str | None = None, target: str | None = None
    ) -> Iterator[Audited]:
        """Yield the audits of a model, a split and a target; None for every one."""
        for entry in self.audits:
            if model in (None, entry.model) and split in (None, entry.split) and target in (None, entry.target):
                yield entry

    def find(self, model: str, split: str, target: str, attribute: str | None) -> Audited | None:
        """Return one audit, or None where there is none."""
        for entry in self.select(model, split, target):
            if entry.attribute == attribute:
                return entry
        return None

    def to_json(self) -> str:
        """Write the document as JSON, null for every undefined number."""
        return adapter().dump_json(self, indent=2).decode() + "\n"

    def save(self, folder: str | Path) -> Path:
        """Write the document's file into `folder`, whole or not at all.

        Raises:
            FairTuneError: the disk is full or not writable.
        """
        name = AUDIT_FILE if self.job == "audit" else RUN_FILE
        return write_atomically(Path(folder) / name, self.to_json())

    @classmethod
    def from_json(cls, text: str | bytes, name: str = "the text") -> Document:
        """Read a document from JSON.

        Raises:
            FairTuneError: it is no document of this schema version; the line says where it differs.
        """
        try:
            found = adapter().validate_json(text)
            reason = next(contradictions(found), "")
        except ValidationError as error:
            first = error.errors()[0]
            reason = f"{'.'.join(map(str, first['loc'])) or 'its top'}: {first['msg']}"
        if reason:
            raise FairTuneError(
                f"`{name}` is no fairtune document of version {SCHEMA_VERSION} ({reason}); delete it, and give the "
                "command that wrote it again."
            )
        return found

    @classmethod
    def load(cls, folder: str | Path) -> Document:
        """Read the document of a folder of a run or an audit, or the file itself.

        Raises:
            FairTuneError: there is none, or it is no document of this schema version.
        """
        path = Path(folder)
        check_ended(path)
        files = [path / RUN_FILE, path / AUDIT_FILE] if path.is_dir() else [path]
        found = next((file for file in files if file.is_file()), None)
        if found is None:
            raise FairTuneError(f"`{files[0]}` does not exist; pass the output folder of a fairtune run or audit.")
        return cls.from_json(found.read_bytes(), str(found))

    @staticmethod
    def json_schema() -> dict[str, Any]:
        """Return the JSON schema of `fairtune.json` and `audit.json`."""
        return adapter().json_schema(mode="serialization")


@cache
def adapter() -> TypeAdapter[Document]:
    """Build what reads and writes documents; once, as it takes a tenth of a second."""
    return TypeAdapter(Document)
