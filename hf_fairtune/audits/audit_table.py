"""Audit of scored rows by every attribute, for every target."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice, product, repeat

import numpy as np
from tqdm.auto import tqdm

from ..data.attributes import MISSING, UNKNOWN_NAMES, Attribute
from ..data.scored import ScoredTable
from ..document.audit import Audit
from ..document.comparison import MARGIN, Comparison, Power
from ..document.document import Audited
from ..errors import FairTuneError
from .audit import AuditOptions, audit_rows
from .engine.auc_tests import adjusted
from .engine.resampled_rows import ESTIMABLE
from .engine.rows import ScoredRows, check_rows, included_codes, reference_code
from .metrics.auc_gap import adjusted_pairs
from .thresholds import Decision, Policy, fixed, given, parse_policy

ALL_ROWS = "all rows"
ARGMAX = "argmax"


def audit_table(
    table: ScoredTable,
    *,
    model: str = "model",
    split: str = "all",
    reference: str = "reference",
    fit_on: ScoredTable | None = None,
    policies: Sequence[str] = ("0.5",),
    correction: str = "holm",
    exclude: Sequence[str] = (),
    n_boot: int = 2000,
    n_permutations: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
    margin: float = MARGIN,
    reference_group: Sequence[str] = (),
) -> list[Audited]:
    """Audit scored rows by every attribute, for every target, and all rows together.

    Args:
        table: labels and scores by target, attributes and clusters; where it has the scores of a reference, every
            attribute's entry holds a comparison.
        model: id of the model whose scores they are.
        split: name of the rows.
        reference: id of the reference.
        fit_on: rows of other patients with the same targets, on which thresholds are fitted; None for none.
        policies: of the thresholds, as `parse_policy` reads them, or "argmax" for classes that exclude each other.
        correction: of the p-values of all pairs of all entries together, "holm" or "benjamini-hochberg".
        exclude: groups to leave out; a level leaves out the groups of intersections that lie in it, too. Rows without
            a value are left out where they are too few to be estimable.
        n_boot: see `AuditOptions`, as `n_permutations`, `seed`, `confidence` and `margin`.
        reference_group: groups that the others of their attribute are compared with, one an attribute at most; an
            intersection takes the group that is named, or whose levels all are. Else the largest estimable one.

    Returns:
        An entry a target for all rows together, attribute None, then one a target and attribute.

    Raises:
        FairTuneError: a policy needs rows to be fitted on, the targets differ, a group that is named does not exist
            or two references lie in one attribute, or rows do not fit together.
    """
    options = AuditOptions(tuple(exclude), n_boot, n_permutations, seed, confidence, margin, tuple(reference_group))
    asked = _Asked(table, fit_on, check_policies(policies, correction), options)
    asked.check()
    targets, entries, pairs = range(len(table.targets)), [], []
    parts = [*zip(targets, repeat(None)), *product(targets, table.attributes)]
    for target, attribute in tqdm(parts, desc="Auditing", unit="table", disable=None):
        found, comparison = asked.audit(target, attribute)
        name, beside = attribute.name if attribute else None, reference if comparison else None
        entries.append(Audited(model, split, table.targets[target], name, found, beside, comparison))
        pairs += found.pairs
    tested = iter(adjusted_pairs(pairs, correction))
    for place, entry in enumerate(entries):
        own = list(islice(tested, len(entry.audit.pairs)))
        entries[place] = replace(entry, audit=replace(entry.audit, pairs=own))
    return entries


def check_policies(policies: Sequence[str], correction: str = "holm") -> list[Policy | None]:
    """Read the policies of thresholds, None for argmax; FairTuneError for an unknown one, or an unknown correction."""
    found = [None if text == ARGMAX else parse_policy(text) for text in policies]
    adjusted(np.empty(0), correction)
    return found


def powers(
    table: ScoredTable, exclude: Sequence[str] = (), confidence: float = 0.95
) -> Iterator[tuple[str, str, Power]]:
    """Yield each target and attribute, and what a comparison with a reference can show of it, see `power_of`."""
    from .power import power_of  # only where there is a reference

    for target, attribute in product(range(len(table.targets)), table.attributes):
        rows = rows_of(table, table.scores, target, attribute, table.clusters)
        included = included_codes(rows.group_names, left_out(rows, attribute, exclude))
        others = None if table.reference_scores is None else table.reference_scores[:, target]
        yield table.targets[target], attribute.name, power_of(rows, others, included, confidence)


def left_out(rows: ScoredRows, attribute: Attribute | None, exclude: Sequence[str]) -> list[str]:
    """Name the groups that are left out: those that `exclude` names, and rows without a value that are too few."""
    if attribute is None:
        return []
    found, few = attribute.within(exclude), rows.cases()[:-1, :2].min(axis=1) < ESTIMABLE
    # Rows without a value are no group of patients: they keep their numbers, and must not undo the others'.
    for name, levels, is_few in zip(attribute.names, attribute.levels, few, strict=True):
        blank = {MISSING, *UNKNOWN_NAMES} & set(map(str.casefold, levels))
        found += [name] if blank and is_few and name not in found else []
    return found


@dataclass(frozen=True)
class _Asked:
    """What is the same for all entries; a policy that is None takes the class with the highest score."""

    table: ScoredTable
    fit_on: ScoredTable | None
    policies: Sequence[Policy | None]
    options: AuditOptions

    def check(self) -> None:
        """Refuse what no entry could hold."""
        table, fit_on, groups = self.table, self.fit_on, []
        if fit_on is not None and fit_on.targets != table.targets:
            raise FairTuneError(
                f"The rows for thresholds have the targets {fit_on.targets}, the audited ones {table.targets}; give "
                "rows with the same classes."
            )
        for policy in self.policies:
            if policy is None and table.task != "multiclass":
                raise FairTuneError(
                    f"`{ARGMAX}` is for one of several classes; choose a number such as 0.5, or youden."
                )
            if policy is None or policy.number is not None:
                continue
            if fit_on is None:
                raise FairTuneError(
                    f"The threshold `{policy.name}` is fitted on other rows than the audited ones, and there are "
                    "none; give validation rows (--fit_on TABLE, or a column `split`), or a number such as 0.5."
                )
            from ..data.leakage import refuse_shared  # loads what tables of images need

            refuse_shared(table, fit_on)
        for attribute in table.attributes:
            groups += attribute.names
        for flag in ("exclude", "reference_group"):
            unknown = sorted({*getattr(self.options, flag)} - {*groups})
            if unknown:
                raise FairTuneError(f"`{flag}` names {unknown}; the groups are {groups[:30]}.")
        named = self.options.reference_group
        for attribute in table.attributes if named else ():
            included = included_codes(attribute.names, attribute.within(self.options.exclude))
            reference_code(attribute.names, included, _reference_group(attribute, named))

    def audit(self, target: int, attribute: Attribute | None) -> tuple[Audit, Comparison | None]:
        """Audit a target by the groups of an attribute (None: all rows), and compare with the reference."""
        table, fit_on = self.table, self.fit_on
        rows = rows_of(table, table.scores, target, attribute, table.clusters)
        left = left_out(rows, attribute, self.options.exclude)
        options = replace(self.options, exclude=left)
        if options.reference_group:
            options = replace(options, reference_group=_reference_group(attribute, options.reference_group))
        fit_scores = None if fit_on is None else fit_on.scores
        decisions = self._decisions(target, attribute, table.scores, fit_scores, table.chosen)
        found = audit_rows(rows, decisions, options)
        if attribute is None or table.reference_scores is None:
            return found, None
        from .comparison import compare_rows  # only where there is a reference

        fit_scores = None if fit_on is None else fit_on.reference_scores
        others = self._decisions(target, attribute, table.reference_scores, fit_scores, table.reference_chosen)
        cuts = list(zip(decisions, others, strict=True))
        return found, compare_rows(rows, table.reference_scores[:, target], cuts, options)

    def _decisions(
        self,
        target: int,
        attribute: Attribute | None,
        scores: np.ndarray,
        fit_scores: np.ndarray | None,
        chosen: np.ndarray | None,
    ) -> list[Decision]:
        """Fit every policy; a cut for each group takes an attribute."""
        found: list[Decision] = []
        for policy in self.policies:
            if policy is None:
                found.append(given((scores.argmax(axis=1) if chosen is None else chosen) == target, ARGMAX))
            elif policy.number is not None:
                found.append(fixed(policy.number))
            elif self.fit_on is None or fit_scores is None:
                found.append(policy.fit(rows_of(self.table, scores, target, attribute)))
            elif attribute is not None or not policy.by_group:
                same = next((own for own in self.fit_on.attributes if attribute and own.name == attribute.name), None)
                found.append(policy.fit(rows_of(self.fit_on, fit_scores, target, same)))
        return found


def _reference_group(attribute: Attribute | None, names: Sequence[str]) -> list[str]:
    """Return the groups of an attribute that are named; of an intersection else the one whose levels all are."""
    named, joint = [], []
    for name, levels in zip(attribute.names, attribute.levels, strict=True) if attribute else ():
        named += [name] if name in names else []
        joint += [name] if {*levels} <= {*names} else []
    return named or joint


def rows_of(
    table: ScoredTable,
    scores: np.ndarray,
    target: int,
    attribute: Attribute | None,
    clusters: np.ndarray | None = None,
) -> ScoredRows:
    """Return the rows of a target by the groups of an attribute, or as one group."""
    labels, ranked = table.labels[:, target], scores[:, target]
    if attribute is None:
        return check_rows(labels, ranked, np.zeros_like(labels), [ALL_ROWS], clusters)
    return check_rows(labels, ranked, attribute.values, attribute.names, clusters)
