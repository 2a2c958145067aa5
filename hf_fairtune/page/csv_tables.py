"""An audit as tidy CSV: a row a group, and a row a rate or difference at each threshold."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from typing import Any

from .markup import encodable
from .view import Document, View, views

Row = dict[str, Any]
WHERE = ("target", "attribute")
COUNTED = ("n", "positives", "negatives", "prevalence", "status", "reason")
AUC = ("auc", "auc_low", "auc_high", "auc_method", "worst_share")
PAIR = ("reference", "auc_difference", "auc_difference_low", "auc_difference_high", "p", "p_adjusted")
MORE = ("pooled_auc", "pooled_low", "pooled_high", "rank")
GROUPS = (*WHERE, "group", *COUNTED, *AUC, *PAIR, *MORE)
CUT = ("policy", "fitted_on", "cut", "degenerate")
ESTIMATE = ("value", "low", "high", "method", "reason")
THRESHOLDS = (*WHERE, *CUT, "group", "measure", "numerator", "denominator", *ESTIMATE)
SHARES = {  # rate -> numerator, denominator
    "tpr": ("true_positives", "positives"),
    "fpr": ("false_positives", "negatives"),
    "selection_rate": ("predicted_positives", "n"),
}
FORMULA = re.compile(r"[=+@\t]|-(?![\d.]+$)")


def groups_csv(document: Document) -> str:
    """Write a row a target, attribute and group; all rows first, without an attribute.

    Args:
        document: content of `audit.json` with its small counts withheld, which are empty cells, as is what is
            undefined. Bounds are of the document's level of confidence; `p_adjusted` is over its family.
    """
    return _csv(GROUPS, _group_rows(document))


def thresholds_csv(document: Document) -> str:
    """Write a row a target, attribute, threshold, group and rate; differences over groups are without a group.

    Args:
        document: content of `audit.json` with its small counts withheld.
    """
    return _csv(THRESHOLDS, _threshold_rows(document))


def _csv(columns: Sequence[str], rows: Iterator[Row]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: _cell(row.get(key)) for key in columns} for row in rows)
    return text.getvalue()


def _cell(value: Any) -> Any:
    """Write truth as 0 or 1, and keep a spreadsheet from taking a name for a formula."""
    if isinstance(value, bool):
        return int(value)
    if not isinstance(value, str):
        return value
    text = encodable(value)
    return f"'{text}" if FORMULA.match(text) else text


def _group_rows(document: Document) -> Iterator[Row]:
    for entry in document["overall"]:
        for row in entry["audit"]["groups"]:
            yield row | {"target": entry["target"]}
    for view in views(document):
        where = {"target": view.target, "attribute": view.attribute}
        pairs = {pair["group"]: _pair(pair) for pair in view.of("pairs")}
        ranks = {row["group"]: _ranked(row) for entry in view.of("rankings") for row in entry["groups"]}
        for row in view.audit["groups"]:
            yield where | row | pairs.get(row["group"], {}) | ranks.get(row["group"], {})


def _pair(pair: Row) -> Row:
    found = pair["auc_difference"]
    return {
        "reference": pair["reference"],
        "auc_difference": found["value"],
        "auc_difference_low": found["low"],
        "auc_difference_high": found["high"],
        "p": pair["p"],
        "p_adjusted": pair["p_adjusted"],
    }


def _ranked(row: Row) -> Row:
    return {"pooled_auc": row["pooled"], "pooled_low": row["low"], "pooled_high": row["high"], "rank": row["rank"]}


def _threshold_rows(document: Document) -> Iterator[Row]:
    for entry in document["overall"]:
        for cut in entry["audit"]["thresholds"]:
            about = {"target": entry["target"], **_about(cut)}
            yield from _rates(about, cut["overall"] | {"group": "all rows"})
    for view in views(document):
        for cut in view.audit["thresholds"]:
            yield from _cut_rows(view, cut)


def _cut_rows(view: View, cut: Row) -> Iterator[Row]:
    about = {"target": view.target, "attribute": view.attribute, **_about(cut)}
    for row in cut["groups"]:
        own = {"cut": cut["by_group"].get(row["group"])} if cut["by_group"] else {}
        yield from _rates(about | own, row)
    named = {key: item for key, item in cut.items() if key.endswith("_difference")}
    for name, item in (named | cut["measures"]).items():
        yield about | item | {"measure": name}


def _about(cut: Row) -> Row:
    return {key: cut["value"] if key == "cut" else cut[key] for key in CUT}


def _rates(about: Row, row: Row) -> Iterator[Row]:
    """Yield a group's rates, those of counts with their numerators and denominators."""
    for name, item in ({name: row[name] for name in SHARES} | row["rates"]).items():
        over, under = SHARES.get(name, ("", ""))
        counts = {"numerator": row.get(over), "denominator": row.get(under)}
        yield about | counts | item | {"group": row["group"], "measure": name}
