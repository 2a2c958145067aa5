"""The document of an audit as it may be published: without what tells, or gives back, a count of 1 to 10."""

from __future__ import annotations

import copy
from typing import Any

from .blank import UNTOLD, blank, discreet, rounded, scrubbed
from .counts import EVERYONE, counts_of
from .curves import told_bins, told_roc
from .cut_rates import told_cut
from .cuts import Cuts
from .digits import coarse
from .family import told_family
from .few import POOLED, few_groups, told_few
from .few_values import told_scores
from .one_audit import told_audit
from .protect import withhold
from .ranges import SMALL
from .rules import told_rules
from .scope import Scope, scope_of

Row = dict[str, Any]


def suppress_audit(document: dict[str, Any]) -> dict[str, Any]:
    """Blank, in a copy, every count of 1 to 10 rows and what would give it back.

    Counted are the rows, positives and negatives of every group (see `withhold`), those above and below every cut,
    and those between two cuts (see `Cuts`). Withheld counts are None, and so are the AUCs, rates and differences of
    their groups, with a reason; AUCs of large groups, withheld for the sake of others, are told to three digits, too
    few to give a count back. At a threshold a side, those with the finding or those without, is told of all groups of
    an attribute or of none, and no side whose other one the AUC would give away (see `Ladder.bares`). Curves keep the
    points and bins that can be told. Of groups of few patients it is not told how few (see `told_few`), of withheld
    groups not which is the small one. All other numbers but told rates are rounded.

    Args:
        document: as `AuditDocument.to_dict` returns it.
    """
    counts = counts_of(document)
    found = withhold(counts)
    scope, cuts = scope_of(counts, found), Cuts(document, counts, found)
    public = _Suppression(scope, cuts).document(scrubbed(copy.deepcopy(document)))
    public = told_scores(told_few(public, document), document)
    public = told_family(public, scope, few_groups(document))
    return public | {"gate": public["gate"] and discreet(told_rules(public), {group for _, _, group in scope.pairs})}


class _Suppression:
    """All parts of a document, blanked one after the other: what is told first is not told again more finely."""

    def __init__(self, scope: Scope, cuts: Cuts) -> None:
        self.scope, self.cuts = scope, cuts

    def document(self, public: Row) -> Row:
        """Blank all parts but the gate."""
        public |= self.scope.total(public, public["targets"][0]["name"])
        public["targets"] = [row | self.scope.total(row, row["name"]) for row in public["targets"]]
        public["source"] |= {"rows": public["n"]}
        public["attributes"] = [self.attribute(part, public["attributes"]) for part in public["attributes"]]
        public["groups"] = [self.scope.row(row, row["target"], row["attribute"]) for row in public["groups"]]
        public["pairs"] = [self.scope.pair(row, row["target"], row["attribute"]) for row in public["pairs"]]
        units = {entry["target"]: entry["audit"] for entry in public["overall"]}
        for kind in ("overall", "audits"):
            public[kind] = [
                e | {"audit": told_audit(e["audit"], (e["target"], e.get("attribute")), self.scope, self.cuts)}
                for e in public[kind]
            ]
        public["curves"] = [self.curve(entry, units[entry["target"]]) for entry in public["curves"]]
        for kind, change in {"rankings": self.ranking, "comparisons": self.comparison}.items():
            public[kind] = [change(entry) for entry in public[kind]]
        rounded_ = ("auc", "groups", "pairs", "overall", "audits", "rankings", "comparisons")
        return public | {key: coarse(public[key]) for key in rounded_}

    def attribute(self, part: Row, parts: list[Row]) -> Row:
        """Blank the counts of an attribute's levels, and of its missing cells where a missing level is withheld."""
        levels = [
            level
            | {"n": None if (part["name"], level["group"]) in self.scope.rows else level["n"]}
            | {
                "positives": {
                    target: None if (target, part["name"], level["group"]) in self.scope.pairs else count
                    for target, count in level["positives"].items()
                }
            }
            for level in part["levels"]
        ]
        linked = [p for p in parts if part["kind"] == "intersection" or p["name"] == part["name"]]
        gone = any(v["missing"] and (p["name"], v["group"]) in self.scope.rows for p in linked for v in p["levels"])
        return part | {"levels": levels, "missing": None if gone else part["missing"]}

    def ranking(self, entry: Row) -> Row:
        """Leave withheld groups out of a ranking, and what they pulled the others' numbers to."""
        where = (entry["target"], entry["attribute"])
        gone, ranked = self.scope.mute(*where), {row["group"] for row in entry["groups"]}
        # In the order of their names: that of the document would tell which of them lack a class.
        left_out = sorted({*entry["left_out"], *(ranked & gone)})
        rows = self.scope.listed([row for row in entry["groups"] if row["group"] not in gone], *where)
        if not ranked & self.scope.hidden(*where):
            return entry | {"groups": rows, "left_out": left_out}
        rows = [row | dict.fromkeys(POOLED) for row in rows]
        return entry | {"groups": rows, "left_out": left_out, "mean": None, "tau": None}

    def curve(self, entry: Row, overall: Row) -> Row:
        """Coarsen the curves of groups, and leave out those of withheld groups and those of which nothing is left."""
        ladders = {
            group: self.cuts.ladder(entry["target"], (entry["attribute"], group) if entry["attribute"] else EVERYONE)
            for group in [row["group"] for kind in ("roc", "reliability") for row in entry[kind] or ()]
        }
        clusters = overall["clusters"]
        units = 1.0 if clusters is None else clusters / overall["n"]
        kept: dict[str, list[Row]] = {"roc": [], "reliability": []}
        for row in entry["reliability"] or () if clusters not in SMALL else ():
            ladder = ladders[row["group"]]
            bins = told_bins(row["bins"], ladder, overall["confidence"], units) if ladder else []
            kept["reliability"] += [row | {"bins": coarse(bins)}] if bins else []
        for row in entry["roc"]:
            ladder = ladders[row["group"]]
            told = ladder and told_roc(row, ladder)
            kept["roc"] += [told] if told else []
        return entry | kept | ({"reliability": None} if entry["reliability"] is None else {})

    def comparison(self, entry: Row) -> Row:
        """Blank the changes of withheld groups and what depends on them, and all changes of rates.

        These would tell how many rows one model finds and the other does not.
        """
        target, attribute = entry["target"], entry["attribute"]
        gone = self.scope.hidden(target, attribute)
        found = entry | self.scope.total(entry, target)
        found["groups"] = self.scope.listed(entry["groups"], target, attribute)
        found["thresholds"] = [_unchanged(cut) for cut in entry["thresholds"]]
        if entry["clusters"] in SMALL:
            found["clusters"] = None
        if gone - set(entry["excluded"]):
            mute = self.scope.mute(target, attribute) - set(entry["excluded"])
            for key in ("min_group_auc", "auc_gap"):
                found[key] = blank(key, entry[key]) if mute else rounded({key: entry[key]}, ())[key]
            # "pareto-better" says that every group has an interval, and so cases enough.
            found |= {"verdict": UNTOLD} if mute else {}
        return discreet(found, gone) if gone else found


def _unchanged(cut: Row) -> Row:
    """Blank every change of a rate at a threshold."""
    spreads = {key: blank(key, item) for key, item in cut.items() if key.endswith("_difference")}
    rows = [{key: item if key == "group" else blank(key, item) for key, item in row.items()} for row in cut["groups"]]
    return told_cut(cut | spreads | {"groups": rows})
