"""Groups of few patients but many rows: how few is not told, neither in words nor by which intervals there are."""

from __future__ import annotations

from typing import Any

from .blank import UNTOLD, without_interval

Row = dict[str, Any]
Triple = tuple[str, str | None, str]
FEW = "few patients"
REASON = "fewer than 20 patients with or without the finding; intervals are withheld, as they would tell how few"
TESTED = ("p", "p_adjusted", "p_method", "detectable", "positives_wanted", "negatives_wanted")
ENDS = ("auc_low", "auc_high", *TESTED)
POOLED = ("pooled", "low", "high", "rank", "worst_share")


def told_few(public: Row, document: Row) -> Row:
    """Call groups of few patients alike, whether 3 or 19, and withhold all intervals that they take part in.

    Where every row is a patient of its own this says nothing that counts of rows do not tell, and all stays.

    Args:
        public: what is left of the document so far.
        document: as it was.
    """
    few = few_groups(document)
    return _Few(few).document(public) if few else public


def where_of(entry: Row) -> tuple[str, str | None]:
    """Return the target and attribute of an entry; None for all rows."""
    return entry["target"], entry.get("attribute")


def few_groups(document: Row) -> set[Triple]:
    """Find the groups with fewer than 20 clusters with, or without, the finding."""
    every = [*document["audits"], *document["overall"]]
    parts = [(*where_of(e), row) for e in every if _many_rows(e["audit"]) for row in _rows(e)]
    return {(target, name, row["group"]) for target, name, row in parts if row["status"] in ("weak", "not estimable")}


def _many_rows(audit: Row) -> bool:
    return audit["clusters"] not in (None, audit["n"])


def _rows(entry: Row) -> list[Row]:
    return [row for row in entry["audit"]["groups"] if row["positives"] and row["negatives"]]


class _Few:
    """All parts of a document, one after the other."""

    def __init__(self, few: set[Triple]) -> None:
        self.few = few

    def document(self, public: Row) -> Row:
        """Withhold the intervals in all parts of a document."""
        found = {
            "groups": [self.row(row, where_of(row)) for row in public["groups"]],
            "pairs": [self.pair(row, where_of(row)) for row in public["pairs"] if self.is_kept(row, public)],
            "rankings": [self.ranking(entry) for entry in public["rankings"]],
            "comparisons": [self.comparison(entry) for entry in public["comparisons"]],
        }
        for kind in ("overall", "audits"):
            found[kind] = [e | {"audit": self.audit(e["audit"], where_of(e))} for e in public[kind]]
        return public | found

    def names(self, where: tuple[str, str | None]) -> set[str]:
        """Name the groups of few patients of an attribute."""
        return {group for *place, group in self.few if tuple(place) == where}

    def row(self, row: Row, where: tuple[str, str | None]) -> Row:
        """Withhold the intervals of a group's row, and what of its status tells how few it has."""
        if (*where, row["group"]) not in self.few or row.get("status") == UNTOLD:
            return row
        said = {"status": FEW, "reason": REASON} if "status" in row else {}
        return _lean(row) | said | ({"auc_method": ""} if "auc_method" in row else {})

    def pair(self, row: Row, where: tuple[str, str | None]) -> Row:
        """Withhold the interval of a difference, its test, and how large it would have to be."""
        return _lean(row) if {row["group"], row["reference"]} & self.names(where) else row

    def is_kept(self, pair: Row, public: Row) -> bool:
        """Tell whether a reference says nothing: were the largest group one of few patients, it would of that one."""
        where = where_of(pair)
        audit = next(e["audit"] for e in public["audits"] if where_of(e) == where)
        return self._has_reference(audit, where)

    def _has_reference(self, audit: Row, where: tuple[str, str | None]) -> bool:
        sizes = {row["group"]: row["n"] or 0 for row in audit["groups"] if row["group"] not in audit["excluded"]}
        return not sizes or max(sizes, key=lambda group: sizes[group]) not in self.names(where)

    def audit(self, audit: Row, where: tuple[str, str | None]) -> Row:
        """Withhold the intervals of an audit's groups, and of what goes across groups."""
        found = {key: [self.row(row, where) for row in audit[key]] for key in ("groups", "cross_group")}
        found["pairs"] = [self.pair(row, where) for row in audit["pairs"] if self._has_reference(audit, where)]
        found["operating_points"] = [self.listed(point, where) for point in audit["operating_points"]]
        found["thresholds"] = [self.threshold(cut, where, audit) for cut in audit["thresholds"]]
        told = {"calibration": audit["calibration"] and self.listed(audit["calibration"], where)}
        across = ("min_group_auc", "auc_gap", "es_auc") if self.enter(audit, where) else ()
        return audit | found | told | {key: without_interval(audit[key]) for key in across}

    def enter(self, audit: Row, where: tuple[str, str | None]) -> bool:
        """Tell whether a group of few patients takes part in what goes across groups."""
        return bool(self.names(where) - set(audit["excluded"]))

    def listed(self, part: Row, where: tuple[str, str | None]) -> Row:
        """Withhold the intervals of the rows of a part."""
        return part | {"groups": [self.row(row, where) for row in part["groups"]]}

    def threshold(self, cut: Row, where: tuple[str, str | None], audit: Row) -> Row:
        """Withhold the intervals of rates at a threshold, and of their differences."""
        found = self.listed(cut, where)
        if self.enter(audit, where):
            found |= {key: without_interval(item) for key, item in cut.items() if key.endswith("_difference")}
            found["measures"] = {key: without_interval(item) for key, item in cut["measures"].items()}
        return found

    def ranking(self, entry: Row) -> Row:
        """Withhold what small groups pull, and are pulled to."""
        where = where_of(entry)
        if not self.names(where):
            return entry
        rows = [self.row(row, where) | dict.fromkeys(POOLED) for row in entry["groups"]]
        return entry | {"groups": rows, "mean": None, "tau": None}

    def comparison(self, entry: Row) -> Row:
        """Withhold the intervals of changes, and the verdict, which rests on them."""
        where = where_of(entry)
        if not self.enter(entry, where):
            return self.listed(entry, where)
        across = {key: without_interval(entry[key]) for key in ("min_group_auc", "auc_gap")}
        return self.listed(entry, where) | across | {"verdict": UNTOLD}


def _lean(row: Row) -> Row:
    """Take the intervals of a row, and of its estimates at any depth, away."""
    return {key: None if key in ENDS else _estimates(item) for key, item in row.items()}


def _estimates(item: Any) -> Any:
    if isinstance(item, dict):
        return without_interval(item) if "method" in item else {key: _estimates(one) for key, one in item.items()}
    return item
