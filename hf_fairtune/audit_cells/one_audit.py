"""One audit without what it withholds: rows of groups, what goes across groups, rates at cuts."""

from __future__ import annotations

from typing import Any

from .blank import blank, discreet, rounded, without_interval
from .counts import EVERYONE
from .cut_rates import told_cut, told_differences, told_rates
from .cuts import Cuts
from .operating import told_point
from .ranges import SMALL
from .scope import Scope
from .spreads import same_spread

Row = dict[str, Any]
Where = tuple[str, str | None]


def told_audit(audit: Row, where: Where, scope: Scope, cuts: Cuts) -> Row:
    """Blank an audit: the rows of withheld groups, what across groups depends on them, and small confusion counts.

    Args:
        where: target and attribute; None for that of all rows.
    """
    target, attribute = where
    gone = scope.hidden(*where)
    found = audit | scope.total(audit, target)
    found["groups"] = scope.listed(audit["groups"], *where)
    found["pairs"] = [scope.pair(row, target, attribute or "") for row in audit["pairs"]]
    found["cross_group"] = scope.listed(audit["cross_group"], *where)
    found["operating_points"] = [_point(point, where, scope, cuts) for point in audit["operating_points"]]
    if audit["calibration"]:
        found["calibration"] = audit["calibration"] | {"groups": scope.summed(audit["calibration"]["groups"], *where)}
    entering = gone - set(audit["excluded"])
    shown = [_hidden_left_out(cut, where, scope, entering) for cut in audit["thresholds"]]
    found["thresholds"] = [_sided(cut, where, place, cuts) for place, cut in enumerate(shown)]
    if entering:
        found |= _extremes(audit, gone, scope.mute(*where) & entering)
    few = audit["clusters"] in SMALL
    found = found | ({"clusters": None} if few else {})
    return discreet(found, gone) if gone else found


def _extremes(audit: Row, hidden: set[str], mute: set[str]) -> Row:
    """Blank, or round, what a withheld group makes: the lowest AUC, the gap and the equity-scaled AUC.

    None has an interval where a group of which nothing is told takes part: it would tell whether that one has.
    """
    lowest, gap = audit["min_group_auc"]["group"], {audit["auc_gap"]["best"], audit["auc_gap"]["worst"]}
    made = {"min_group_auc": {lowest}, "auc_gap": gap, "es_auc": hidden - set(audit["excluded"])}
    return {key: _extreme(key, audit[key], (groups, hidden, mute)) for key, groups in made.items()}


def _extreme(key: str, item: Row, sets: tuple[set[str], set[str], set[str]]) -> Row:
    groups, hidden, mute = sets
    if groups & mute or (mute and item["value"] is None):
        return blank(key, item)
    told = rounded({key: item}, ())[key] if groups & hidden else item
    return without_interval(told) if mute else told


def _hidden_left_out(cut: Row, where: Where, scope: Scope, entering: set[str]) -> Row:
    """Blank the rates of withheld groups; of the differences only those stay that told rates make.

    Where a group of which nothing is told takes part, these go, too: that it widens no difference bounds its rates.
    """
    groups = scope.listed(cut["groups"], *where)
    found = cut | {"groups": groups, "overall": scope.row(cut["overall"], where[0], None)}
    if cut["by_group"]:
        gone = scope.hidden(*where)
        found["by_group"] = {group: None if group in gone else v for group, v in cut["by_group"].items()}
    if entering:
        mute = scope.mute(*where) & entering
        spreads = [key for key in cut if key.endswith("_difference")]
        across = [key for key in spreads if mute or not same_spread(key, cut[key], groups)]
        found |= {key: blank(key, cut[key]) for key in (*across, "measures")} | {"degenerate": None}
    return found


def _sided(cut: Row, where: Where, place: int, cuts: Cuts) -> Row:
    """Blank what rests on a side of the confusion counts that is not told at a threshold."""
    sides, every = cuts.told(*where, place), cuts.told(where[0], where[1] if cut["by_group"] else None, place)
    rows = {"groups": [told_rates(row, sides) for row in cut["groups"]], "overall": told_rates(cut["overall"], every)}
    return told_cut(told_differences(cut | rows, sides))


def _point(point: Row, where: Where, scope: Scope, cuts: Cuts) -> Row:
    rows = scope.summed(point["groups"], *where)
    groups = [EVERYONE, *(EVERYONE if where[1] is None else (where[1], row["group"]) for row in rows[1:])]
    told = [
        told_point(row, point["criterion"], cuts.ladder(where[0], group))
        for row, group in zip(rows, groups, strict=True)
    ]
    return point | {"groups": told}
