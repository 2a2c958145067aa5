"""Audit a classifier, or a table of its predictions, by group; no training."""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from ..audit_document import FILE_NAME, AuditDocument
from ..audits.attributes import audit_attributes, check_choices
from ..audits.document import document
from ..audits.overview import overview
from ..data.predictions import is_table, read_predictions
from ..data.scored_arguments import PredictionArguments
from ..errors import FairTuneError
from ..folder import write_atomically
from ..gate.check import check_rules
from ..gate.judge import EXIT, judge
from ..gate.rules import read_rules
from ..gate.table import gate_table
from ..page.files import WRITERS, write_audit
from ..page.page import page
from .audited import ALL, VALIDATION, Given, RowArguments, apart, called, doubts, findings, notes, of_table, policies
from .flags import positional

EXAMPLE = """  fairtune audit predictions.csv --label y --score p --group sex --group age:60 --cluster patient_id \\
      --output_dir audit
  fairtune audit my-team/melanoma --dataset lesions.csv --label diagnosis --positive malignant --group sex \\
      --gate rules.yaml --output_dir audit"""


@dataclass
class AuditArguments(RowArguments):
    """What to audit, and how."""

    threshold: list[str] = field(
        default_factory=list,
        metadata={
            "action": "extend",
            "nargs": "+",
            "help": "Cuts: a number, youden, f1, sensitivity=0.9, specificity=0.9, or one of these four `per group` "
            "(in quotes); for several classes also argmax. Those that are fitted need validation rows or --fit_on. "
            "Default: 0.5 (argmax for several classes), and youden where there are such rows.",
        },
    )
    exclude: list[str] = field(
        default_factory=list,
        metadata={
            "action": "extend",
            "nargs": "+",
            "help": "Groups left out of minimum and gap, by name; a level (`missing`) goes from intersections too.",
        },
    )
    finding: list[str] = field(
        default_factory=list,
        metadata={
            "action": "extend",
            "nargs": "+",
            "help": "The positive class in clinical words (`melanoma`), or CLASS=WORDS for one of several.",
        },
    )
    gate: str | None = field(
        default=None,
        metadata={
            "help": "YAML file of rules, see scripts/gate.yaml; the exit status tells the verdict: 0 pass, 1 fail, "
            "3 insufficient evidence (2 is bad input)."
        },
    )
    correction: str = field(
        default="holm", metadata={"help": "Of the p-values of all pairs together: holm or benjamini-hochberg."}
    )
    n_boot: int = field(default=2000, metadata={"help": "Bootstrap replicates."})
    n_permutations: int = field(default=1000, metadata={"help": "Permutations, for what chance alone makes of a gap."})
    confidence: float = field(default=0.95, metadata={"help": "Level of the intervals."})
    seed: int = field(default=0, metadata={"help": "Seed of the bootstrap and the permutations."})
    output_dir: str | None = field(
        default=None,
        metadata={"help": "Where audit.json, the page audit.html and its tables go; nowhere if not given."},
    )


ARGUMENTS = (AuditArguments, PredictionArguments)
OPTIONS = ("exclude", "correction", "n_boot", "n_permutations", "confidence", "seed")
PATHS = ("model", "dataset", "fit_on", "reference_model", "gate")
PLACES = ("output_dir", "image_root", "data_cache")
PRIVATE = "private"


def rewrite(argv: list[str]) -> list[str]:
    """Take the model as first argument; a table of predictions is its own data."""
    argv = positional(argv, "--model")
    if len(argv) > 1 and argv[0] == "--model" and is_table(argv[1]) and "--dataset" not in argv:
        argv += ["--dataset", argv[1]]
    return argv


def run(arguments: AuditArguments, data: PredictionArguments) -> int:
    """Print the audit, write the page and its files, and return the gate's exit status."""
    options = {name: getattr(arguments, name) for name in OPTIONS}
    check_choices(arguments.threshold, **options)  # before images are scored
    rules = read_rules(arguments.gate) if arguments.gate else None
    folder = None if arguments.output_dir is None else prepared(Path(arguments.output_dir))
    given = rows_of(arguments, data)
    scored, cuts = given.scored, policies(arguments.threshold, given)
    for note in notes(given):
        print(f"note: {note}", file=sys.stderr)
    words = findings(arguments.finding, scored.targets)
    if rules:
        names = {attribute.name: attribute.names for attribute in scored.attributes}
        check_rules(rules, scored.targets, names, cuts, scored.reference_scores is not None)
    found = audit_attributes(scored, fit_on=given.fit_on, policies=cuts, **options)
    told = document(
        scored, found, given.source, cluster=data.cluster, finding=words, arguments=flags_of(arguments, data)
    )
    told.gate = judge(told.to_dict(), rules) if rules else None
    # Files first: whoever reads the terminal may stop reading.
    if folder is not None:
        write(told, folder, given)
    for doubt in doubts(found):
        print(f"note: {doubt}", file=sys.stderr)
    print(
        "\n\n".join(
            [overview(found), *([places(folder)] if folder else []), *([gate_table(told.gate)] if told.gate else [])]
        )
    )
    return EXIT[told.gate["verdict"]] if told.gate else 0


def rows_of(arguments: AuditArguments, data: PredictionArguments) -> Given:
    """Read or score the rows to audit, and those to fit thresholds on.

    Raises:
        FairTuneError: the flags, the data and the model do not fit together.
    """
    if is_table(arguments.model):
        given = of_table(arguments, data)
    else:
        from .scored_model import of_model  # takes seconds, and a table of predictions needs no model

        given = of_model(arguments, data)
    if arguments.fit_on is None:
        return given
    other = read_predictions(replace(data, dataset=arguments.fit_on))
    divided = other.splits is not None and VALIDATION in other.splits
    return replace(given, fit_on=apart(other, VALIDATION if divided else ALL)[0])


def flags_of(*parts: Any) -> dict[str, Any]:
    """Return the flags as the document tells them: files by their base names, no places on the machine."""
    told = {name: value for part in parts for name, value in asdict(part).items() if name not in PLACES}
    return told | {name: called(told[name]) for name in PATHS if told[name] is not None}


def prepared(folder: Path) -> Path:
    """Make the folder, before long work: an earlier audit in it is replaced, files of others are not.

    Raises:
        FairTuneError: it cannot be made, or holds a file of a name that an audit writes, but no audit.
    """
    foreign = [name for name in WRITERS if (folder / name).exists() and not (folder / FILE_NAME).exists()]
    if foreign:
        raise FairTuneError(f"`{folder}` holds {', '.join(foreign)} of no audit; choose another --output_dir.")
    try:
        (folder / PRIVATE).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FairTuneError(f"`{folder}` cannot be made ({error.strerror}); choose another --output_dir.") from error
    return folder


def write(told: AuditDocument, folder: Path, given: Given) -> None:
    """Write what is made to be shared, and beside it what stays at home: exact counts, a model's scores."""
    private = folder / PRIVATE
    if given.frame is not None:
        write_atomically(private / "predictions.csv", given.frame.to_csv(index=False))
    told.save(folder)
    write_atomically(private / "audit.html", page(told.to_dict()))
    write_audit(told, folder)


def places(folder: Path) -> str:
    """Say where the pages are, and which of them may be shared."""
    return (
        f"page: {folder / PRIVATE / 'audit.html'}, with all counts, so not to be shared, as {folder / FILE_NAME}"
        f"\n      {folder / 'audit.html'}, to be shared: counts of 1 to 10 are withheld"
    )
