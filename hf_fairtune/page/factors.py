"""The sections of a model card on groups: Factors, Metrics and Quantitative Analyses.

Headings and content follow Mitchell et al. (2019), Model Cards for Model Reporting, sections 4.3, 4.4 and 4.7:
which groups and why, which measures at which thresholds with which uncertainty, and results one factor at a time
(unitary) and together (intersectional).
"""

from __future__ import annotations

from ..report.layout import Table, as_markdown, escape
from .answer import answers
from .data_sheet import data_sheets
from .limits import audit_limits
from .tables import auc_table, pair_table
from .threshold_tables import calibration_table, rate_tables
from .view import Document, View, title_of, views

KINDS = {"levels": "as recorded", "cuts": "cut", "intersection": "together"}
UNKNOWN = "Whether an attribute was told by the patient, recorded by staff or inferred is not known here."


def factors(document: Document) -> str:
    """Write the three sections as Markdown, headings of the second level down.

    Args:
        document: content of `audit.json` with its small counts withheld.
    """
    every = list(views(document))
    kinds = {part["name"]: part["kind"] for part in document["attributes"]}
    lines = ["## Factors", "", *_factors(document), "", "## Metrics", "", *_metrics(document)]
    lines += ["", "## Quantitative Analyses", "", *_answers(document)]
    for title, joint in (("Unitary results", False), ("Intersectional results", True)):
        chosen = [view for view in every if (kinds[view.attribute] == "intersection") == joint]
        lines += ["", f"### {title}", "", *(block for view in chosen for block in _results(view))]
        lines += [] if chosen else ["No intersection of attributes was audited.", ""]
    lines += ["### Caveats", "", *(f"- {escape(text)}" for text in audit_limits(document))]
    return "\n".join(lines) + "\n"


def _factors(document: Document) -> list[str]:
    listed = [f"- **{escape(part['name'])}** ({_made(part)})" for part in document["attributes"]]
    by = document["cluster"]
    together = f"Rows with the same {escape(by)} belong together." if by else "Rows are taken to be independent."
    said = [f"Groups are levels of these attributes. {UNKNOWN} {together}", "", *listed, ""]
    return said + [block for table in data_sheets(document) for block in _block(table)]


def _made(part: dict[str, object]) -> str:
    cuts, columns = part["cuts"], part["columns"]
    at = f" at {', '.join(f'{cut:g}' for cut in cuts)}" if isinstance(cuts, list) and cuts else ""
    names = ", ".join(map(str, columns)) if isinstance(columns, list) else ""
    return escape(f"{KINDS[str(part['kind'])]}{at}; column {names}")


def _metrics(document: Document) -> list[str]:
    options = document["options"]
    first = document["audits"][0]["audit"]["thresholds"] if document["audits"] else []
    cuts = [f"  - {escape(title_of(cut))}" for cut in first]
    return [
        "- AUC within each group, over all rows at once; the lowest group, the gap between best and lowest, and "
        "signed differences from a reference group.",
        "- Sensitivity, false-positive rate and share flagged of each group, and their differences, at:",
        *(cuts or ["  - no threshold"]),
        f"- {100 * options['confidence']:g} % intervals, from {options['n_boot']:,} bootstrap replicates where no "
        f"formula serves; p-values adjusted ({options['correction']}) over {escape(options['family'])}.",
        "- Counts of 1 to 10 rows of a group - with or without the finding, found or missed, flagged or not - are "
        "withheld, with what would give them back.",
    ]


def _answers(document: Document) -> list[str]:
    return [f"- **{escape(one.place)}**: {escape(' '.join(one.paragraphs))}" for one in answers(document)]


def _results(view: View) -> list[str]:
    tables = [auc_table(view), pair_table(view), *rate_tables(view), calibration_table(view)]
    return [block for table in tables if table is not None and table.rows for block in _block(table)]


def _block(table: Table) -> list[str]:
    return [f"**{escape(table.title)}**", "", as_markdown(table), ""]
