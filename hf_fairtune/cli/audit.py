"""Audit a classifier, or a table of its predictions, by group; no training."""

import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from ..audits.audit import AuditOptions
from ..audits.audit_table import audit_table, check_policies, powers
from ..data.facts import audit_data
from ..data.scored import PredictionArguments
from ..data.table_file import is_table
from ..document.data import Data
from ..document.document import ALL_ROWS, AUDIT_FILE, RUN_FILE, Document, Settings
from ..document.run import Model
from ..document.scalar import Argument
from ..errors import FairTuneError, plain
from ..files.atomic import write_atomically
from ..files.folder import SHARE, check_place
from ..progress import Progress
from ..show.compared import power
from ..show.files import PAGE, spreadsheet, write_audit
from ..show.terminal import audit_text
from .audit_input import AuditArguments, AuditInput, choose_policies, notes, read_findings, read_input

EXAMPLE = """  fairtune audit predictions.csv --label y --score p --group sex --group age:60 --cluster patient_id \\
      --output_dir audit
  fairtune audit my-team/melanoma --dataset lesions.csv --label diagnosis --positive malignant --group sex \\
      --gate rules.yaml --output_dir audit"""
POSITIONAL = "--model"
ARGUMENTS = (AuditArguments, PredictionArguments)
PATHS = ("model", "dataset", "fit_on", "reference_model", "gate")
PLACES = ("output_dir", "image_root", "data_cache")
PRIVATE = "private"
MODEL, REFERENCE = "model", "reference"
COIN = 0.5


def run(arguments: AuditArguments, data: PredictionArguments) -> int:
    """Print the audit, write the page and its files, and return the gate's exit status."""
    alone = os.environ.get("RANK", "0") == "0"
    if is_table(arguments.model):  # of predictions, which is its own data
        if not alone:
            return 0  # one process is enough
        data = replace(data, dataset=data.dataset or arguments.model)
    # What can be refused is refused before images are scored.
    check_policies(arguments.threshold, arguments.correction)
    AuditOptions(
        data.exclude,
        arguments.n_boot,
        arguments.n_permutations,
        arguments.seed,
        arguments.confidence,
        arguments.margin,
    )
    rules = None
    if arguments.gate:
        from ..gate.check import check_rules  # most audits have no gate, and need no code of it
        from ..gate.judge import EXIT, judge
        from ..gate.rules import read_rules

        rules = read_rules(arguments.gate)
    folder = None if arguments.output_dir is None else Path(arguments.output_dir)
    if folder is not None:
        check_place(folder)
        # An earlier audit in it is replaced; files of others and runs are not.
        for name in (PAGE, SHARE, RUN_FILE):
            if (folder / name).exists() and not (folder / AUDIT_FILE).exists():
                raise FairTuneError(f"`{folder}` holds {name} but no {AUDIT_FILE}; choose another --output_dir.")
    with Progress(f"Reading {base_name(arguments.model)}"):
        rows = read_input(arguments, data)
    if not alone:
        return 0  # the images were scored together, and the main process audits
    policies = choose_policies(arguments.threshold, rows)
    for note in notes(rows, data):
        print(f"note: {plain(note)}", file=sys.stderr)
    table, findings = rows.table, read_findings(arguments.finding, rows.table.targets)
    compares = table.reference_scores is not None
    facts = audit_data(table, rows.name, data, split=rows.split, findings=findings)
    if rules:
        groups = {attribute.name: attribute.names for attribute in table.attributes}
        check_rules(rules, table.targets, groups, policies, compares)
    for target, attribute, found in (
        powers(table, data.exclude, data.include, arguments.confidence) if compares else ()
    ):
        place = f"by {attribute}" + (f", {target}" if len(table.targets) > 1 else "")
        print(plain(f"note: comparison {place}: {power(found, arguments.margin)}"), file=sys.stderr)
    document = replace(audited(arguments, data, rows, policies, facts), arguments=recorded(arguments, data))
    document = replace(document, gate=judge(document, rules)) if rules else document
    # Files first: whoever reads the terminal may stop reading.
    if folder is not None:
        if rows.frame is not None:
            write_atomically(folder / PRIVATE / "predictions.csv", spreadsheet(rows.frame))
        with Progress("Writing the page"):
            write_audit(document, folder, arguments.share)
    for entry in document.audits:
        auc = entry.audit.auc
        if entry.attribute is None and auc.high < COIN:
            print(
                f"note: the AUC for {plain(entry.target)} is {auc.value:.3f} [{auc.low:.3f}, {auc.high:.3f}], worse "
                "than a coin: are these the scores of the other class?",
                file=sys.stderr,
            )
    print(audit_text(document, colour=sys.stdout.isatty() and not os.environ.get("NO_COLOR")))
    if folder is None:
        print("\nevery table and figure is on the page, every number in audit.json: pass --output_dir FOLDER")
    else:
        print(f"\nall tables: {folder / PAGE}, all numbers: {folder / AUDIT_FILE}, for your own use")
        print(f"{folder / SHARE} may be shared")
    return EXIT[document.gate.verdict] if document.gate else 0


def audited(
    arguments: AuditArguments, data: PredictionArguments, rows: AuditInput, policies: Sequence[str], facts: Data
) -> Document:
    """Audit the rows, and compare them with those of a reference where there is one."""
    found = audit_table(
        rows.table,
        model=MODEL,
        split=rows.split or ALL_ROWS,
        reference=REFERENCE,
        fit_on=rows.fit_on,
        policies=policies,
        correction=arguments.correction,
        exclude=data.exclude,
        include=data.include,
        n_boot=arguments.n_boot,
        n_permutations=arguments.n_permutations,
        seed=arguments.seed,
        confidence=arguments.confidence,
        margin=arguments.margin,
        reference_group=arguments.reference_group,
    )
    models = [Model(MODEL, base_name(arguments.model))]
    if rows.table.reference_scores is not None:
        models.append(Model(REFERENCE, base_name(arguments.reference_model or REFERENCE)))
    asked = data.exclude, arguments.reference_group, data.include
    settings = Settings(arguments.n_permutations, arguments.correction, *asked)
    return Document("audit", facts, MODEL, models, found, settings)


def base_name(name: str) -> str:
    """Return a Hub id, or the name of a folder or file without what it lies in."""
    return Path(name).resolve().name if Path(name).exists() else name


def recorded(arguments: AuditArguments, data: PredictionArguments) -> dict[str, Argument]:
    """Return the flags as the document has them: files by their base names, no places on the machine."""
    flags = asdict(arguments) | asdict(data)
    for name in PLACES:
        del flags[name]
    for name in PATHS:
        flags[name] = flags[name] and base_name(flags[name])
    return flags
