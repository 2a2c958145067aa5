"""What a document says of its data: targets, attributes, splits and their counts."""

from collections.abc import Mapping

import numpy as np

from ..document.data import AttributeSheet, Data, Level, SplitSheet, Target
from ..document.document import ALL_ROWS
from .attributes import MISSING
from .scored import ScoredSpec
from .scored_table import ScoredTable


def split_sheet(table: ScoredTable, hash: str) -> SplitSheet:
    """Count the rows of one split, which have this `hash`: clusters, positives by target, groups of each attribute."""
    sheets, positive = [], (table.labels == 1).astype(np.int64)
    for part in table.attributes:
        sizes = np.bincount(part.values, minlength=len(part.names))
        counts = np.zeros((len(part.names), len(table.targets)), dtype=np.int64)
        np.add.at(counts, part.values, positive)
        levels, missing = [], 0
        for name, own, n, positives in zip(part.names, part.levels, sizes.tolist(), counts.tolist(), strict=True):
            empty = MISSING in own
            missing += n if empty else 0
            levels.append(Level(name, n, empty, dict(zip(table.targets, positives, strict=True))))
        sheets.append(AttributeSheet(part.name, part.columns, part.kind, part.cuts, missing, levels))
    return SplitSheet(
        n=len(table.labels),
        hash=hash,
        clusters=None if table.clusters is None else len(np.unique(table.clusters)),
        positives=dict(zip(table.targets, positive.sum(axis=0).tolist(), strict=True)),
        attributes=sheets,
    )


def audit_data(
    table: ScoredTable,
    name: str,
    spec: ScoredSpec,
    *,
    split: str | None = None,
    findings: Mapping[str, str] | None = None,
) -> Data:
    """Return the facts about the audited rows, which are one split: `split`, or None where nothing divides them.

    The `name` is their table's, without a path of the machine; `findings` are clinical words by target.
    """
    hash = table.row_hash
    return Data(
        name=name,
        label=table.label_name,
        task=table.task,
        targets=[Target(target, finding=(findings or {}).get(target)) for target in table.targets],
        groups=list(spec.group),
        cluster=spec.cluster,
        hash=hash,
        probability=table.probability,
        splits={split or ALL_ROWS: split_sheet(table, hash)},
        split_source=None if split is None else "given",
        readings=table.readings,
        weight=spec.weight,
    )
