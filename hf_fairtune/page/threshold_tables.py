"""The tables of one audit that rest on cuts and probabilities: rates, differences, operating points, calibration."""

from __future__ import annotations

from typing import Any

from ..report.layout import Table, estimate, number
from ..report.threshold_table import DEGENERATE_NOTE, DIFFERENCES
from .data_sheet import COUNT_NOTE
from .tables import EVERY, HELD, reasons
from .view import View, count, is_withheld, probability, share, title_of

Cut = dict[str, Any]
COUNTED = ("found / with finding", "flagged in error / without", "flagged / rows")
SHARES = {
    "sensitivity": ("tpr", "true_positives", "positives"),
    "FPR": ("fpr", "false_positives", "negatives"),
    "share flagged": ("selection_rate", "predicted_positives", "n"),
}
FIRST = {one[0] for one in SHARES.values()}
NAMES = {
    "tnr": "specificity",
    "ppv": "positive predictive value",
    "npv": "negative predictive value",
    "f1": "F1",
}
EVERY_DIFFERENCE = "every difference"
OPTIMISTIC = (
    "each group at its own cut, read off these same rows: the values are somewhat too good and the cuts are not "
    "offered for use"
)


def rate_tables(view: View) -> list[Table]:
    """Build, for each threshold, every group's rates with their numerators and denominators, and the differences."""
    makers = (_rates, _more_rates, _differences)
    return [table for cut in view.audit["thresholds"] for make in makers for table in [make(view, cut)] if table.rows]


def _everybody(cut: Cut) -> list[Cut]:
    return [*cut["groups"], cut["overall"] | {"group": "all rows"}]


def _rates(view: View, cut: Cut) -> Table:
    rows, by_group = [], cut["by_group"] or {}
    for row in _shown(cut):
        cells = [cell for one in SHARES.values() for cell in (share(row[one[1]], row[one[2]]), estimate(row[one[0]]))]
        own = [number(by_group[row["group"]]) if row["group"] in by_group else ""] if by_group else []
        rows.append([row["group"], *own, *cells])
    counts = [name for both in zip(COUNTED, SHARES, strict=True) for name in both]
    if _all_withheld(cut):
        rows.insert(0, [EVERY, HELD, *[""] * (len(counts) - 1 + bool(by_group))])
    items = _by_measure(cut, {what: one[0] for what, one in SHARES.items()})
    withheld = any(row[key] is None for row in cut["groups"] for key in ("n", "positives", "true_positives"))
    notes = [*reasons(items), *([DEGENERATE_NOTE] if cut["degenerate"] else []), *([COUNT_NOTE] if withheld else [])]
    header = ["group", *(["cut"] if by_group else []), *counts]
    return Table(f"Rates {view.place} at {title_of(cut)} [{view.level} interval]", header, rows, notes)


def _all_withheld(cut: Cut) -> bool:
    rows = cut["groups"]
    return bool(rows) and all(is_withheld(row[one[0]]) for row in rows for one in SHARES.values())


def _shown(cut: Cut) -> list[Cut]:
    """Return the rows to write: without the groups where everything of all is withheld."""
    return _everybody(cut)[-1:] if _all_withheld(cut) else _everybody(cut)


def _by_measure(cut: Cut, measures: dict[str, str]) -> dict[str, Cut]:
    """Gather every group's rates for their reasons; one for all where a rate is withheld of every group."""
    items: dict[str, Cut] = {}
    for what, key in measures.items():
        found = {f"{row['group']}, {what}": row[key] for row in cut["groups"]}
        whole = bool(found) and all(map(is_withheld, found.values()))
        items |= {f"{what} of every group": next(iter(found.values()))} if whole else found
    return items


def _more_rates(view: View, cut: Cut) -> Table:
    """Build the rates beyond sensitivity, FPR and share flagged; no row where there are none."""
    names = dict.fromkeys(n for row in cut["groups"] for n in row["rates"] if n not in FIRST)
    more = [name for name in names if not all(is_withheld(row["rates"][name]) for row in cut["groups"])]
    every = _everybody(cut) if more else []
    rows = [[row["group"], *(estimate(row["rates"][name]) for name in more)] for row in every]
    items = {f"{row['group']}, {NAMES.get(n, n)}": row["rates"][n] for row in every for n in more}
    header = ["group", *(NAMES.get(name, name.replace("_", " ")) for name in more)]
    title = f"More rates {view.place} at {title_of(cut)} [{view.level} interval]"
    return Table(title, header, rows, reasons(items))


def _differences(view: View, cut: Cut) -> Table:
    items = {what.strip(): cut[key] for what, key in DIFFERENCES.items()}
    items |= {name.replace("_", " "): item for name, item in cut["measures"].items() if name not in items}
    if _all_withheld(cut):
        items = {}
    told = {what: item for what, item in items.items() if not is_withheld(item)}
    rows = [[what, estimate(item)] for what, item in told.items()] or ([[EVERY_DIFFERENCE, HELD]] if items else [])
    notes = [*reasons(items), *([DEGENERATE_NOTE] if cut["degenerate"] else [])]
    header = ["measure", f"value [{view.level} interval]"]
    return Table(f"Differences {view.place} at {title_of(cut)}", header, rows, notes)


def operating_tables(view: View) -> list[Table]:
    """Build, for each criterion and target, what every group reaches at its own cut."""
    tables = []
    for point in view.audit["operating_points"]:
        told = [row for row in point["groups"] if not is_withheld(row["value"])]
        cuts = any(row["threshold"] is not None for row in told)
        rows = [
            [_everyone(row["group"]), estimate(row["value"]), number(row["achieved"])]
            + ([number(row["threshold"])] if cuts else [])
            for row in told
        ] or [[EVERY, HELD, ""]]
        wanted, held = point["criterion"].split(" at ")
        title = f"{point['criterion'].capitalize()} {point['target']:g}, {view.place}"
        header = ["group", f"{wanted} [{view.level} interval]", f"{held} achieved", *(["cut"] if cuts else [])]
        notes = [OPTIMISTIC, *reasons({_everyone(row["group"]): row["value"] for row in point["groups"]})]
        tables.append(Table(title, header, rows, notes))
    return tables


def calibration_table(view: View) -> Table | None:
    """Build the calibration of every group; None where the scores are no probabilities."""
    found = view.audit["calibration"]
    if found is None:
        return None
    rows = []
    for row in found["groups"]:
        errors = [number(row[key]) for key in ("ece", "ece_null", "ece_null_high", "ece_excess")]
        own = [estimate(row[key]) for key in ("brier", "slope", "intercept")]
        rows.append([_everyone(row["group"]), count(row["n"]), *own, *errors, probability(row["p"])])
    header = ["group", "rows", "Brier score", "slope (1 is right)", "intercept (0 is right)"]
    header += ["ECE", "ECE by chance", "by chance, up to", "excess", "p"]
    keys = ("brier", "slope", "intercept")
    notes = [
        f"ECE: error of calibration over {found['bins']} bins; even a perfectly calibrated model has the value "
        "'by chance' with so few patients, so only the excess tells",
        "slope below 1: scores too extreme; intercept below 0: scores too high on the whole",
        *reasons({f"{_everyone(row['group'])}, {key}": row[key] for row in found["groups"] for key in keys}),
    ]
    return Table(f"Calibration {view.place} [{view.level} interval]", header, rows, notes)


def _everyone(name: str) -> str:
    return "all rows" if name == "overall" else name
