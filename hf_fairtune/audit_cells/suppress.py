"""The document of an audit as it may be published: without what tells, or gives back, a count of 1 to 10."""

from __future__ import annotations

import copy
from typing import Any

from .blank import DIGITS, WITHHELD, blank, discreet, rounded, scrubbed
from .counts import EVERYONE, Group, counts_of
from .protect import withhold
from .spreads import same_spread

Row = dict[str, Any]
Triple = tuple[str, str | None, str]
SMALL = range(1, 11)
NAMED = ("group", "target", "attribute")
KEPT = (*NAMED, "status", "rank")


def suppress_audit(document: dict[str, Any]) -> dict[str, Any]:
    """Blank, in a copy, every count of 1 to 10 rows, positives or negatives of a group, and what would give it back.

    Withheld counts are None, and so are the AUCs, rates, curves and differences of their groups, with a reason; AUCs
    of large groups, withheld for the sake of others, are told to three digits, too few to give a count back. The
    totals, the intersections and the numerators of all that is still told leave each small count a range 11 wide or
    wider (see `withhold`). What a model predicts for a group whose counts are told is told.

    Args:
        document: as `AuditDocument.to_dict` returns it.
    """
    counts = counts_of(document)
    found = withhold(counts)
    rows = {counts.groups[i] for i in found.n.nonzero()[0]}
    pairs = {(counts.targets[t], *counts.groups[g]) for t, g in zip(*found.pairs.nonzero(), strict=True)}
    public = scrubbed(copy.deepcopy(document))
    spoken = {(counts.targets[t], *counts.groups[g]) for t, g in zip(*found.spoken.nonzero(), strict=True)}
    return _Suppression(rows, pairs, spoken).document(public) if pairs else public


class _Suppression:
    """The groups whose rows are not told, the (target, attribute, group) whose counts are not, and who has an AUC."""

    def __init__(self, rows: set[Group], pairs: set[Triple], spoken: set[Triple]) -> None:
        self.rows, self.pairs, self.spoken = rows, pairs, spoken

    def hidden(self, target: str, attribute: str | None) -> set[str]:
        """Name the groups of an attribute whose counts and rates are not told for a target."""
        return {group for t, a, group in self.pairs if (t, a) == (target, attribute)}

    def mute(self, target: str, attribute: str | None) -> set[str]:
        """Name those of which nothing is told, no AUC either."""
        return {group for t, a, group in self.pairs - self.spoken if (t, a) == (target, attribute)}

    def row(self, row: Row, target: str, attribute: str | None) -> Row:
        """Blank a group's row, down to its rows where these are told."""
        group = EVERYONE if attribute is None else (attribute, row["group"])
        if (target, *group) not in self.pairs:
            return row
        if (target, *group) in self.spoken and "auc" in row:
            return rounded(row, KEPT if group in self.rows else (*KEPT, "n"))
        kept = NAMED if group in self.rows else (*NAMED, "n")
        return {key: value if key in kept else blank(key, value) for key, value in row.items()}

    def listed(self, rows: list[Row], target: str, attribute: str | None) -> list[Row]:
        """Blank the rows of a list."""
        return [self.row(row, target, attribute) for row in rows]

    def summed(self, rows: list[Row], target: str, attribute: str | None) -> list[Row]:
        """Blank the rows of a list whose first is of all rows."""
        return [*self.listed(rows[:1], target, None), *self.listed(rows[1:], target, attribute)]

    def document(self, public: Row) -> Row:
        """Blank all parts of a document."""
        first = public["targets"][0]["name"]
        public |= self.total(public, first)
        public["targets"] = [row | self.total(row, row["name"]) for row in public["targets"]]
        public["source"] |= {"rows": public["n"]}
        public["attributes"] = [self.attribute(part, public["attributes"]) for part in public["attributes"]]
        public["groups"] = [self.row(row, row["target"], row["attribute"]) for row in public["groups"]]
        public["pairs"] = [self.pair(row, row["target"], row["attribute"]) for row in public["pairs"]]
        public["overall"] = [
            entry | {"audit": self.audit(entry["audit"], entry["target"], None)} for entry in public["overall"]
        ]
        for kind, change in {"rankings": self.ranking, "curves": self.curve, "comparisons": self.comparison}.items():
            public[kind] = [change(entry) for entry in public[kind]]
        public["audits"] = [
            entry | {"audit": self.audit(entry["audit"], entry["target"], entry["attribute"])}
            for entry in public["audits"]
        ]
        return public | {"gate": public["gate"] and discreet(_gate(public), {group for _, _, group in self.pairs})}

    def total(self, row: Row, target: str) -> Row:
        """Blank the counts, and the AUC, of all rows where they are withheld."""
        if (target, *EVERYONE) not in self.pairs:
            return {}
        gone = ("positives", "negatives", "auc", "p", *(("n",) if EVERYONE in self.rows else ()))
        return {key: blank(key, row[key]) for key in gone if key in row}

    def attribute(self, part: Row, parts: list[Row]) -> Row:
        """Blank the counts of an attribute's levels, and of its missing cells where a missing level is withheld."""
        levels = [
            level
            | {"n": None if (part["name"], level["group"]) in self.rows else level["n"]}
            | {
                "positives": {
                    t: self.positives(n, t, part["name"], level["group"]) for t, n in level["positives"].items()
                }
            }
            for level in part["levels"]
        ]
        linked = [p for p in parts if part["kind"] == "intersection" or p["name"] == part["name"]]
        gone = any(v["missing"] and (p["name"], v["group"]) in self.rows for p in linked for v in p["levels"])
        return part | {"levels": levels, "missing": None if gone else part["missing"]}

    def positives(self, count: int, target: str, attribute: str, group: str) -> int | None:
        """Return a count of positives, None where it is withheld."""
        return None if (target, attribute, group) in self.pairs else count

    def pair(self, row: Row, target: str, attribute: str) -> Row:
        """Blank a difference with a withheld group."""
        both = {row["group"], row["reference"]}
        if not both & self.hidden(target, attribute):
            return row
        if not both & self.mute(target, attribute):
            return rounded(row, (*NAMED, "reference"))
        return {key: value if key in (*NAMED, "reference") else blank(key, value) for key, value in row.items()}

    def audit(self, audit: Row, target: str, attribute: str | None) -> Row:
        """Blank an audit: the rows of withheld groups, and what across groups depends on them."""
        gone = self.hidden(target, attribute)
        found = audit | self.total(audit, target)
        found["groups"] = self.listed(audit["groups"], target, attribute)
        found["pairs"] = [self.pair(row, target, attribute or "") for row in audit["pairs"]]
        found["cross_group"] = self.listed(audit["cross_group"], target, attribute)
        found["operating_points"] = [
            point | {"groups": self.summed(point["groups"], target, attribute)} for point in audit["operating_points"]
        ]
        if audit["calibration"]:
            rows = self.summed(audit["calibration"]["groups"], target, attribute)
            found["calibration"] = audit["calibration"] | {"groups": rows}
        entering = gone - set(audit["excluded"])
        found["thresholds"] = [self.threshold(cut, target, attribute, bool(entering)) for cut in audit["thresholds"]]
        if entering:
            found |= self.extremes(audit, gone, self.mute(target, attribute))
        few = audit["clusters"] in SMALL
        found = found | ({"clusters": None} if few else {})
        return discreet(found, gone) if gone else found

    @staticmethod
    def extremes(audit: Row, hidden: set[str], mute: set[str]) -> Row:
        """Blank, or round, what a withheld group makes: the lowest AUC, the gap and the equity-scaled AUC."""
        lowest, gap = audit["min_group_auc"]["group"], {audit["auc_gap"]["best"], audit["auc_gap"]["worst"]}
        made = {"min_group_auc": {lowest}, "auc_gap": gap, "es_auc": hidden - set(audit["excluded"])}
        touched = {key: audit[key] for key, groups in made.items() if groups & hidden}
        return {
            key: blank(key, item) if made[key] & mute else rounded({key: item}, ())[key]
            for key, item in touched.items()
        }

    def threshold(self, cut: Row, target: str, attribute: str | None, entering: bool) -> Row:
        """Blank a threshold's rates; of its differences only those stay that told rates make."""
        groups = self.listed(cut["groups"], target, attribute)
        found = cut | {"groups": groups, "overall": self.row(cut["overall"], target, None)}
        if cut["by_group"]:
            gone = self.hidden(target, attribute)
            found["by_group"] = {group: None if group in gone else v for group, v in cut["by_group"].items()}
        if entering:
            across = [key for key in cut if key.endswith("_difference") and not same_spread(key, cut[key], groups)]
            found |= {key: blank(key, cut[key]) for key in (*across, "measures")}
        return found

    def ranking(self, entry: Row) -> Row:
        """Leave withheld groups out of a ranking."""
        where = (entry["target"], entry["attribute"])
        gone = self.mute(*where)
        left_out = [*entry["left_out"], *(row["group"] for row in entry["groups"] if row["group"] in gone)]
        rows = self.listed([row for row in entry["groups"] if row["group"] not in gone], *where)
        return entry | {"groups": rows, "left_out": left_out}

    def curve(self, entry: Row) -> Row:
        """Leave out the curves of withheld groups, and reliability with bins of 1 to 10 rows."""
        gone = self.hidden(entry["target"], entry["attribute"])
        kept = {kind: [r for r in entry[kind] or () if r["group"] not in gone] for kind in ("roc", "reliability")}
        kept["reliability"] = [r for r in kept["reliability"] if all(one["n"] not in SMALL for one in r["bins"])]
        return entry | kept | ({"reliability": None} if entry["reliability"] is None else {})

    def comparison(self, entry: Row) -> Row:
        """Blank the changes of withheld groups, and what depends on them."""
        target, attribute = entry["target"], entry["attribute"]
        gone = self.hidden(target, attribute)
        found = entry | self.total(entry, target) | {"groups": self.listed(entry["groups"], target, attribute)}
        found["thresholds"] = [
            cut | {"groups": self.listed(cut["groups"], target, attribute)} for cut in entry["thresholds"]
        ]
        if gone - set(entry["excluded"]):
            mute = self.mute(target, attribute) - set(entry["excluded"])
            for key in ("min_group_auc", "auc_gap"):
                found[key] = blank(key, entry[key]) if mute else rounded({key: entry[key]}, ())[key]
            spread = [key for key in (entry["thresholds"] or [{}])[0] if key.endswith("_difference")]
            found["thresholds"] = [cut | {key: blank(key, cut[key]) for key in spread} for cut in found["thresholds"]]
        return discreet(found, gone) if gone else found


def _gate(public: Row) -> Row:
    """Keep those numbers of a gate that the document tells elsewhere.

    One without an interval rests on few cases, and may equal another by chance: it goes.
    """
    told = set(_numbers({key: value for key, value in public.items() if key != "gate"}))
    rules = []
    for rule in public["gate"]["rules"]:
        keys = ("value", "low", "high")
        close = {key: rule[key] if rule[key] in told else rule[key] and round(rule[key], DIGITS) for key in keys}
        open_ = rule["low"] is not None and all(number is None or number in told for number in close.values())
        rules.append(rule | (close if open_ else {**dict.fromkeys(keys), "reason": WITHHELD}))
    return public["gate"] | {"rules": rules}


def _numbers(node: Any) -> Any:
    if isinstance(node, dict):
        node = list(node.values())
    if isinstance(node, list):
        for value in node:
            yield from _numbers(value)
    elif isinstance(node, float):
        yield node
