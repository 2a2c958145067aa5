"""The data sheet: counts and hashes of the splits, as `data` of `fairtune.json`, and the checks on them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ..errors import FairTuneError
from .identity import unordered_digest
from .levels import listed
from .rows import Rows
from .source import SPLITS


def check(rows: Rows) -> None:
    """Check that no cluster or image lies in two splits and that every group has both classes in each.

    Raises:
        FairTuneError: the first of these that fails.
    """
    check_apart(rows.split, rows.units, clustered=rows.clusters is not None)
    for name in SPLITS:
        for group, (negatives, positives) in zip(rows.groups.names, rows.cells(rows.inside(name)), strict=True):
            if negatives + positives == 0:
                raise FairTuneError(
                    f"Group `{group}` has no row in the {name} split; merge it with another, drop it from the table, "
                    "or enlarge the split."
                )
            if negatives == 0 or positives == 0:
                counts = f"{positives} `{rows.labels.positive}`, {negatives} `{rows.labels.negative}`"
                raise FairTuneError(
                    f"Group `{group}` has one class in the {name} split ({counts}); merge it with another, drop its "
                    "rows from the table, or choose another --group."
                )


def check_apart(split: np.ndarray, units: list[str], *, clustered: bool) -> None:
    """Check that no cluster, or where there are none no image, lies in two splits.

    Args:
        split: name of the split of every row, [n].
        units: what must not be torn apart, [n].
        clustered: whether these are clusters.

    Raises:
        FairTuneError: some do; the line names the first five.
    """
    splits = pd.Series(split).groupby(units).nunique()
    shared = splits.index[splits > 1]
    if len(shared):
        what = "clusters lie" if clustered else "images lie"
        raise FairTuneError(
            f"{len(shared)} {what} in more than one split ({listed(shared, 5)}); the test would be seen in training: "
            "put each in one split, or give the table without splits."
        )


def split_sheet(rows: Rows, inside: np.ndarray) -> dict[str, Any]:
    """Return `$defs/split` of the record for some rows: their number, hash, clusters and the count of every cell."""
    labels = [rows.labels.negative, rows.labels.positive]
    cells = [
        {"group": group, "label": label, "n": int(n)}
        for group, counts in zip(rows.groups.names, rows.cells(inside), strict=True)
        for label, n in zip(labels, counts, strict=True)
    ]
    clusters = None if rows.clusters is None else len({rows.clusters[i] for i in inside})
    hashed = unordered_digest(rows.identities.rows[i] for i in inside)
    return {"n": len(inside), "hash": hashed, "clusters": clusters, "cells": cells}


def data_hash(rows: Rows) -> str:
    """Hash image, label, group and cluster of all rows, whatever their order."""
    labels = [rows.labels.negative, rows.labels.positive]
    clusters = rows.clusters or [""] * len(rows.identities.rows)
    columns = zip(rows.identities.rows, rows.labels.values, rows.groups.values, clusters, strict=True)
    return unordered_digest([image, labels[y], rows.groups.names[g], c] for image, y, g, c in columns)
