"""An audit as LaTeX tables for a paper: one for each target and attribute."""

from __future__ import annotations

from ..report.layout import estimate, interval
from ..report.paired import change
from .markup import clean
from .view import Document, View, count, informative, probability, title_of, views

HEAD = """% Tables of an audit. They need \\usepackage{booktabs}; names beyond Latin letters need XeLaTeX or LuaLaTeX.
% An en dash stands for what is undefined or withheld: counts of 1 to 10, and what would give them back.
"""
SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": "$<$",
    ">": "$>$",
    "|": r"\textbar{}",
    "[": "{[}",
    "]": "{]}",
    "*": "{*}",
    '"': "''",
}


def latex(text: str) -> str:
    r"""Make a text safe inside LaTeX, a cell's beginning after `\\` included."""
    return "".join(SPECIAL.get(letter, letter) for letter in clean(text))


def audit_tex(document: Document) -> str:
    """Write a booktabs table for each target and attribute: AUC, difference, adjusted p, and rates at a threshold.

    Args:
        document: content of `audit.json` with its small counts withheld.
    """
    return "\n".join([HEAD, *(latex_table(view, place) for place, view in enumerate(views(document), 1))])


def latex_table(view: View, place: int) -> str:
    """Write one audit as a table environment with caption and label."""
    cut = informative(view.audit)
    rates = {row["group"]: row for row in cut["groups"]} if cut else {}
    pairs = {pair["group"]: pair for pair in view.of("pairs")}
    rows = []
    for row in view.audit["groups"]:
        cells = [row["group"], count(row["n"]), count(row["positives"])]
        cells.append(interval(row["auc"], row["auc_low"], row["auc_high"]))
        pair = pairs.get(row["group"])
        cells += [change(pair["auc_difference"]) or "–", probability(pair["p_adjusted"])] if pair else ["", ""]
        cells += [estimate(rates[row["group"]][rate]) for rate in ("tpr", "fpr")] if cut else []
        rows.append(cells)
    total = ["all rows", count(view.audit["n"]), count(view.audit["positives"]), estimate(view.audit["auc"]), "", ""]
    total += [estimate(cut["overall"][rate]) for rate in ("tpr", "fpr")] if cut else []
    header = ["group", "rows", "positive", "AUC", "difference", "p"] + (["sensitivity", "FPR"] if cut else [])
    return _environment(view, place, header, [*rows, total])


def _environment(view: View, place: int, header: list[str], rows: list[list[str]]) -> str:
    *body, last = (" & ".join(map(latex, cells)) + r" \\" for cells in [header, *rows])
    return "\n".join(
        [
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{latex(_caption(view))}}}",
            rf"\label{{tab:audit-{place}}}",
            rf"\begin{{tabular}}{{l{'r' * (len(header) - 1)}}}",
            r"\toprule",
            body[0],
            r"\midrule",
            *body[1:],
            r"\midrule",
            last,
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def _caption(view: View) -> str:
    """Say what the columns are, whom groups are compared with, and what p is adjusted over."""
    options, reference = view.document["options"], next((p["reference"] for p in view.audit["pairs"]), None)
    said = [f"{view.finding}, by {view.attribute}: AUC with {view.level} intervals"]
    if reference:
        adjusted = f"p adjusted ({options['correction']}) over {options['family']}"
        said += [f"difference of AUC from {reference}, {adjusted}"]
    cut = informative(view.audit)
    return "; ".join([*said, *([f"rates at {title_of(cut)}"] if cut else [])]) + "."
