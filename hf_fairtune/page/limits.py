"""What an audit does not show, and how it was made."""

from __future__ import annotations

from ..report.layout import Table, number, one_line
from ..report.limits import WITHIN
from .markup import isolated
from .view import Document, View, views

MOST = 8
STATUSES = {
    "withheld": "a group of which nothing is told here, small or not, so that no count of 1 to 10 patients can be "
    "worked out; the private page tells it",
    "few patients": "fewer than 20 patients with or without the finding; how few is not told here, and so no interval",
    "not estimable": "fewer than 10 patients with or without the finding: next to nothing is known",
    "weak": "fewer than 20 patients with or without the finding: intervals hold less often than they claim",
}
CURVE = (
    "Its points would give away a count of 1 to 10 patients, of this group or another; its AUC tells how it lies on "
    "the whole."
)
ALWAYS = (
    "The intervals tell how much the numbers could move with other patients drawn from the same place. They tell "
    "nothing of another hospital, scanner or population, nor of training the model again.",
    "Whether the model saw any of these rows in its training is not known here; if so, it looks better than it is.",
    "How each attribute was recorded - told by the patient, by staff, or guessed from an image - is not known here.",
    "Only the attributes named above were looked at. Within their groups, and for others, the model may be unequal.",
    WITHIN,
    "No number here says why groups differ, and none is a permission to use the model.",
)


def audit_limits(document: Document) -> list[str]:
    """List the limits this audit has."""
    every = list(views(document))
    said = [line for status in STATUSES for line in _by_status(every, status)]
    said += [*_without_curve(every), *_excluded(document)]
    if any(cut["fitted_on"] is None for view in every for cut in view.audit["thresholds"]):
        said.append("A threshold that was not fitted on other patients (such as 0.5) may not be the one used in care.")
    return [*said, *_prevalence(every), *ALWAYS]


def _by_status(every: list[View], status: str) -> list[str]:
    names = [f"{isolated(r['group'])} ({v.place})" for v in every for r in v.audit["groups"] if r["status"] == status]
    return [f"{status.capitalize()}: {_listed(names)}. That is {STATUSES[status]}."] if names else []


def _listed(names: list[str]) -> str:
    return "; ".join(names[:MOST]) + (f" and {len(names) - MOST} more" if len(names) > MOST else "")


def _without_curve(every: list[View]) -> list[str]:
    """Name the groups that have an AUC but no ROC curve, as every point of it would tell a small count."""
    names = []
    for view in every:
        drawn = {curve["group"] for curve in view.curves("roc")}
        gone = [row["group"] for row in view.audit["groups"] if row["auc"] is not None and row["group"] not in drawn]
        names += [f"{isolated(name)} ({view.place})" for name in gone]
    return [f"No ROC curve is told of: {_listed(names)}. {CURVE}"] if names else []


def _excluded(document: Document) -> list[str]:
    names = document["options"]["exclude"]
    listed = "; ".join(map(isolated, names))
    return [f"Left out of the lowest group and all differences on request: {listed}."] if names else []


def _prevalence(every: list[View]) -> list[str]:
    """Say how far apart the shares with the finding are: where they differ, equal shares flagged are no goal."""
    spread = []
    for view in every:
        known = [row["prevalence"] for row in view.audit["groups"] if row["prevalence"] is not None]
        spread += [(max(known) - min(known), min(known), max(known), view)] if len(known) > 1 else []
    if not spread:
        return []
    _, low, high, view = max(spread, key=lambda item: item[0])
    return [
        f"The share with the finding runs from {number(low, 2)} to {number(high, 2)} {isolated(view.place)}. Where "
        "groups truly differ in it, flagging equal shares of them (demographic parity) is not a goal of diagnosis."
    ]


def methods(document: Document) -> list[tuple[str, str]]:
    """List how the audit was made: data, settings, methods, versions."""
    source, options = document["source"], document["options"]
    rows = [("made", document["created"]), ("from", f"{source['kind']}: {source['name']}")]
    rows += [("model", source["model"])] if source["model"] else []
    rows += [("rows and their hash", f"{source['rows']:,}; {source['hash']}")] if source["rows"] is not None else []
    rows += [("label, kind of task, kind of scores", f"{document['label']}, {document['task']}, {document['scores']}")]
    rows += [("clusters", document["cluster"] or "none: rows are taken to be independent")]
    rows += [("intervals", f"{100 * options['confidence']:g} %, {options['n_boot']:,} bootstrap replicates")]
    rows += [("permutations of the groups", f"{options['n_permutations']:,}"), ("seed", str(options["seed"]))]
    rows += [("p adjusted", f"{options['correction']} over {options['family']}")] if options["family"] else []
    rows += [(f"method, {what}", how) for what, how in _how(document).items() if how]
    given = {name: value for name, value in document["arguments"].items() if value not in (None, [], "")}
    rows += [(f"--{name}", one_line(_written(value))) for name, value in given.items()]
    rows += [(f"version of {name}", version) for name, version in document["versions"].items()]
    return [*rows, ("git commit", document["git"] or "none")]


def _written(value: object) -> str:
    """Write a flag's value as it is typed."""
    return " ".join(map(_written, value)) if isinstance(value, list) else str(value)


def _how(document: Document) -> dict[str, str]:
    """Name how each kind of number was made, as the first audit says."""
    if not document["audits"]:
        return {}
    audit = document["audits"][0]["audit"]
    group = next((row["auc_method"] for row in audit["groups"] if row["auc_method"]), "")
    tests = "; ".join(dict.fromkeys(pair["p_method"] for pair in audit["pairs"] if pair["p_method"]))
    told = {"AUC of a group": group, "tests of differences": tests}
    return {what: audit[key]["method"] for what, key in KEYS.items()} | told


KEYS = {"AUC of all rows": "auc", "lowest group": "min_group_auc", "gap": "auc_gap", "equity-scaled AUC": "es_auc"}


def gate_table(document: Document) -> Table | None:
    """Lay the rules of the gate out; None where none was asked for."""
    gate = document["gate"]
    if gate is None:
        return None
    rows, notes = [], []
    for rule in gate["rules"]:
        ends = f" [{number(rule['low'])}, {number(rule['high'])}]" if None not in (rule["low"], rule["high"]) else ""
        where = ", ".join(str(rule[key]) for key in ("target", "attribute") if rule[key])
        rows.append([rule["rule"], where, rule["bound"], f"{number(rule['value'])}{ends}", rule["verdict"]])
        notes += [f"{rule['rule']} ({where}): {rule['reason']}"] if rule["reason"] else []
    title = f"Rules of {gate['file']}: {gate['verdict']}"
    return Table(title, ["rule", "where", "bound", "found", "verdict"], rows, list(dict.fromkeys(notes)))
