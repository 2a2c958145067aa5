"""The flags of `fairtune audit`, and the rows that they name: of a table of predictions, or scored by a model."""

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd

from ..audits.audit_table import ARGMAX, check_policies
from ..data.scored import PredictionArguments, ScoredSpec, read_scored, repeatable
from ..data.scored_table import ScoredTable
from ..data.table_file import is_table, read_table
from ..document.comparison import MARGIN
from ..document.document import ALL_ROWS, Sharing
from ..errors import FairTuneError, listed

TEST, VALIDATION = "test", "validation"


@dataclass
class AuditArguments:
    """What to audit, and how."""

    model: str = field(
        metadata={
            "help": "Folder or Hub id of an image classifier, or a table of predictions.",
            "aliases": ["--model_name_or_path"],
        }
    )
    split: str | None = field(
        default=None,
        metadata={
            "help": "Rows to audit: train, validation, test or all, of which a model must have seen none. Default: "
            "test where there are splits; of a model without any it must be said."
        },
    )
    fit_on: str | None = field(
        default=None,
        metadata={
            "help": "Table of predictions for other patients, to fit thresholds on: its validation rows, or all."
        },
    )
    reference_model: str | None = field(
        default=None,
        metadata={"help": "Another model to compare with on the same images, which it must not have seen either."},
    )
    threshold: list[str] = repeatable(
        "Cuts: a number, youden, f1, sensitivity=0.9, specificity=0.9, or one of these four `per group` (in quotes); "
        "for several classes also argmax. Those that are fitted need validation rows or --fit_on. Default: 0.5 "
        "(argmax for several classes), and youden where there are such rows."
    )
    reference_group: list[str] = repeatable(
        "Group that the others of its attribute are compared with, by name, one an attribute. Default: the largest."
    )
    finding: list[str] = repeatable(
        "The positive class in clinical words (`melanoma`), or CLASS=WORDS for one of several."
    )
    gate: str | None = field(
        default=None,
        metadata={
            "help": "YAML file of rules, such as `rules: [{metric: min_group_auc, at_least: 0.75}]`, judged on whole "
            "confidence intervals; exit status 0 pass, 1 fail, 3 insufficient evidence."
        },
    )
    correction: str = field(
        default="holm", metadata={"help": "Of the p-values of all pairs together: holm or benjamini-hochberg."}
    )
    n_boot: int = field(default=2000, metadata={"help": "Bootstrap replicates."})
    n_permutations: int = field(default=1000, metadata={"help": "Permutations, for what chance alone makes of a gap."})
    confidence: float = field(default=0.95, metadata={"help": "Level of the intervals."})
    margin: float = field(
        default=MARGIN, metadata={"help": "Fall of a group's AUC against the reference that is let pass."}
    )
    seed: int = field(default=0, metadata={"help": "Seed of the bootstrap and the permutations."})
    output_dir: str | None = field(
        default=None,
        metadata={
            "help": "Where audit.json and audit.html go, and in share/ what may be shared; nowhere if not given."
        },
    )
    share: Sharing = field(
        default="rates",
        metadata={"help": "What share/ holds: all but small counts (rates), or AUCs and verdicts alone (auc)."},
    )


@dataclass(frozen=True)
class AuditInput:
    """What to audit.

    Args:
        table: the rows to audit.
        fit_on: rows of other patients on which thresholds are fitted; None where there are none.
        name: of the data; no path of the machine.
        split: the split that the rows are; None where nothing divides the data.
        frame: the columns of all rows with a model's scores; None where they are in a table of predictions.
    """

    table: ScoredTable
    fit_on: ScoredTable | None
    name: str
    split: str | None
    frame: pd.DataFrame | None = None

    @property
    def can_fit(self) -> bool:
        """Say whether thresholds can be fitted: there are rows for it, of both classes."""
        return self.fit_on is not None and bool(
            np.all((self.fit_on.labels == 0).any(axis=0) & (self.fit_on.labels == 1).any(axis=0))
        )


def read_input(arguments: AuditArguments, data: PredictionArguments) -> AuditInput:
    """Read or score the rows to audit, and read those to fit thresholds on."""
    if not is_table(arguments.model):
        from .scored_model import score_input  # takes seconds, and a table of predictions needs no model

        found = score_input(arguments, data)
    elif arguments.reference_model is not None:
        raise FairTuneError("--reference_model needs images; for a table name its score columns by --reference.")
    else:
        table, fit_on, split = select_split(read_predictions(data.dataset, data), arguments.split)
        found = AuditInput(table, fit_on, Path(data.dataset).name, split)
    if arguments.fit_on is None:
        return found
    other = read_predictions(arguments.fit_on, data)
    divided = other.splits is not None and VALIDATION in other.splits
    return replace(found, fit_on=select_split(other, VALIDATION if divided else ALL_ROWS)[0])


def read_predictions(file: str, spec: PredictionArguments) -> ScoredTable:
    """Read a table of predictions."""
    found = read_table(file)
    return read_scored(found.frame, spec, readings=found.readings)


def select_split(whole: ScoredTable, split: str | None) -> tuple[ScoredTable, ScoredTable | None, str | None]:
    """Return the rows of a split, the validation rows if they are others, and the split's name."""
    splits = whole.splits
    if splits is None:
        if split not in (None, ALL_ROWS):
            raise FairTuneError(f"--split is {split!r}, but the table has no column `split`; leave the flag out.")
        return whole, None, None
    wanted = split or TEST
    inside = np.full(len(splits), wanted == ALL_ROWS) | (splits == wanted)
    if not inside.any():
        found = ", ".join(np.unique(splits))
        raise FairTuneError(f"No row is in the split {wanted!r}, only in {found}; choose by --split, or all.")
    others = (splits == VALIDATION) & ~inside
    return whole.take(inside), whole.take(others) if others.any() else None, wanted


def read_findings(texts: Sequence[str], targets: Sequence[str]) -> dict[str, str]:
    """Read `WORDS`, or `CLASS=WORDS` for one of several targets: target -> clinical words."""
    found = {}
    for text in texts:
        target, equals, words = text.partition("=")
        if not equals and len(targets) == 1:
            target, words = targets[0], text
        if target not in targets or not words:
            raise FairTuneError(f"--finding {text} fits no class; write CLASS=WORDS for {', '.join(targets)}.")
        found[target] = words
    return found


def choose_policies(named: Sequence[str], rows: AuditInput) -> Sequence[str]:
    """Return the policies of thresholds that are named, or choose some."""
    table = rows.table
    if named:
        numbers = [policy.number for policy in check_policies(named) if policy]
        outside = [value for value in numbers if value is not None and not 0 <= value <= 1]
        if table.probability and outside:
            raise FairTuneError(
                f"--threshold {outside[0]:g} lies outside the scores, which are 0 to 1; choose between."
            )
        return named
    low, high = table.scores.min(), table.scores.max()
    if table.task != "multiclass" and not table.probability and low >= 0:
        raise FairTuneError(
            f"The scores lie in {low:g} to {high:g}, neither probabilities (0 to 1) nor log-odds (around 0): divide "
            f"percentages by 100, or name a cut, such as --threshold {(low + high) / 2:g}."
        )
    plain = ARGMAX if table.task == "multiclass" else "0.5" if table.probability else "0"
    return [plain, "youden"] if rows.can_fit else [plain]


def notes(rows: AuditInput, spec: ScoredSpec) -> Iterator[str]:
    """Say what was understood in which way, where a user might not expect it: a line each."""
    table, fit_on, n = rows.table, rows.fit_on, len(rows.table.labels)
    if rows.split not in (None, ALL_ROWS):
        thresholds = f"; thresholds are fitted on {len(fit_on.labels)} others" if fit_on is not None else ""
        yield f"{n} rows of the split {rows.split} are audited{thresholds}"
    if rows.frame is not None and rows.split is None:
        yield f"all {n} rows are audited; nothing says whether the model was trained on some of them"
    if rows.frame is not None and "score_LABEL_1" in rows.frame and table.task == "binary":
        yield f"the model's classes have no names: LABEL_1 is understood as {table.targets[0]}"
    if fit_on is not None and not rows.can_fit:
        yield "no threshold is fitted: the rows for it hold one class"
    if not table.probability:
        low, high = table.scores.min(), table.scores.max()
        yield f"scores lie in {low:g} to {high:g}, so they are no probabilities: no calibration and no net benefit"
    for target, column in zip(table.targets, table.scores.T, strict=True):
        values = set(np.unique(column))
        if len(values) == 1:
            yield f"every row has the score {column[0]:g} for {target}: the model does not rank the patients"
        elif values == {0.0, 1.0}:
            yield (
                f"the scores for {target} are decisions, 0 or 1, not probabilities: the AUC is that of one threshold, "
                "and no other can be chosen"
            )
        elif table.task == "binary" and column.min() >= 0.5 and column.max() <= 1:
            yield (
                "no score is below 0.5, as where each is that of the predicted class (top-1 confidence): "
                f"{target} needs its own probability in every row, 1 - score where the other class is predicted"
            )
    for attribute in table.attributes:
        unknown = attribute.unknown() if attribute.kind != "intersection" else []
        if left := [name for name in unknown if name not in {*spec.include, *spec.exclude}]:
            yield (
                f"no one knows who is {listed(left)} by {attribute.name}: these rows have their own numbers, and no "
                f"part in the comparison of groups unless by --include {' '.join(map(shlex.quote, left))}"
            )
        names = pd.Series(attribute.names)
        alike = names[names.str.casefold().duplicated(keep=False)]
        if attribute.kind == "levels" and len(alike):
            yield f"groups of {attribute.name} differ in case only, and stay groups of their own: {listed(alike)}"
