"""Audit of scored rows by every attribute, for every target."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice, product, repeat

import numpy as np

from ..data.attributes import Attribute
from ..data.scored_table import ScoredTable
from ..document.audit import Audit
from ..document.comparison import MARGIN, Comparison, Power
from ..document.document import Audited
from ..errors import FairTuneError, listed
from ..progress import Progress
from .audit import AuditOptions, audit_rows
from .engine.auc_tests import adjusted
from .engine.rows import included_codes, reference_code
from .metrics.auc_gap import adjusted_pairs
from .table_rows import named_reference, rows_of
from .thresholds import Decision, Policy, fixed, given, parse_policy

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
    include: Sequence[str] = (),
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
        exclude: groups to leave out; a level leaves out the groups of intersections that lie in it, too. Groups of
            rows without a known value are left out as well: they are no group of patients.
        include: those of them that take part all the same.
        n_boot: see `AuditOptions`, as `n_permutations`, `seed`, `confidence` and `margin`.
        reference_group: groups that the others of their attribute are compared with, one an attribute at most; an
            intersection takes the group that is named, or whose levels all are. Else the largest estimable one.

    Returns:
        An entry a target for all rows together, attribute None, then one a target and attribute. Columns that the
        table has to `explain` errors are in the former, at the threshold that is told, `deployed`.

    Raises:
        FairTuneError: a policy needs rows to be fitted on, the targets differ, a group that is named does not exist
            or two references lie in one attribute, or rows do not fit together.
    """
    options = AuditOptions(tuple(exclude), n_boot, n_permutations, seed, confidence, margin, tuple(reference_group))
    asked = _Asked(table, fit_on, check_policies(policies, correction), options, (*include, *reference_group))
    asked.check()
    targets, entries, pairs = range(len(table.targets)), [], []
    parts = [*zip(targets, repeat(None)), *product(targets, table.attributes)]
    with Progress("Auditing", len(parts), "table") as bar:
        for target, attribute in parts:
            with Progress(f"by {attribute.name}" if attribute else "all rows"):
                found, comparison = asked.audit(target, attribute)
            name, beside = attribute.name if attribute else None, reference if comparison else None
            entries.append(Audited(model, split, table.targets[target], name, found, beside, comparison))
            pairs += found.pairs
            bar.update()
    tested = iter(adjusted_pairs(pairs, correction))
    for place, entry in enumerate(entries):
        own = list(islice(tested, len(entry.audit.pairs)))
        entries[place] = replace(entry, audit=replace(entry.audit, pairs=own))
    if table.explain:
        whole = slice(len(table.targets))
        entries[whole] = asked.explained(entries[whole])
    return entries


def check_policies(policies: Sequence[str], correction: str = "holm") -> list[Policy | None]:
    """Read the policies of thresholds, None for argmax; FairTuneError for an unknown one, or an unknown correction."""
    found = [None if text == ARGMAX else parse_policy(text) for text in policies]
    adjusted(np.empty(0), correction)
    return found


def powers(
    table: ScoredTable, exclude: Sequence[str] = (), include: Sequence[str] = (), confidence: float = 0.95
) -> Iterator[tuple[str, str, Power]]:
    """Yield each target and attribute, and what a comparison with a reference can show of it, see `power_of`."""
    from .power import power_of  # only where there is a reference

    for target, attribute in product(range(len(table.targets)), table.attributes):
        known = table.known(target)
        part = known.attribute(attribute.name)
        rows = rows_of(known, known.scores, target, part, known.clusters)
        included = included_codes(rows.group_names, part.left_out(exclude, include))
        others = None if known.reference_scores is None else known.reference_scores[:, target]
        yield table.targets[target], attribute.name, power_of(rows, others, included, confidence)


@dataclass(frozen=True)
class _Asked:
    """What is the same for all entries; a policy that is None takes the class with the highest score.

    `include` names groups without a known value that take part, as one that is the reference does.
    """

    table: ScoredTable
    fit_on: ScoredTable | None
    policies: Sequence[Policy | None]
    options: AuditOptions
    include: Sequence[str] = ()

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
            if policy is not None and policy.number is None:
                self._check_fitting(policy)
        if table.explain:
            from .enrichment import check_shared

            if (table.labels < 0).any():
                raise FairTuneError("--explain counts errors of all rows, but some labels are empty; leave it out.")
            check_shared([policy is not None and policy.by_group for policy in self.policies])
        for attribute in table.attributes:
            groups += attribute.names
        asked = {"exclude": self.options.exclude, "reference_group": self.options.reference_group}
        for flag, names in (asked | {"include": self.include}).items():
            unknown = sorted({*names} - {*groups})
            if unknown:
                raise FairTuneError(f"`{flag}` names {unknown}; the groups are {groups[:30]}.")
        named = self.options.reference_group
        for attribute in table.attributes if named else ():
            included = included_codes(attribute.names, attribute.left_out(self.options.exclude, self.include))
            reference_code(attribute.names, included, named_reference(attribute, named))

    def _check_fitting(self, policy: Policy) -> None:
        """Refuse a threshold for which there are no other rows, or rows that lack a column."""
        table, fit_on = self.table, self.fit_on
        if fit_on is None:
            raise FairTuneError(
                f"The threshold `{policy.name}` is fitted on other rows than the audited ones, and there are "
                "none; give validation rows (--fit_on TABLE, or a column `split`), or a number such as 0.5."
            )
        known = {own.name for own in fit_on.attributes}
        lacking = [
            f"the column of {own.name}" for own in table.attributes if policy.by_group and own.name not in known
        ]
        if table.reference_scores is not None and fit_on.reference_scores is None:
            lacking.append("the scores of the reference")
        if lacking:
            raise FairTuneError(
                f"The rows to fit `{policy.name}` on lack {listed(lacking)}, which the audited rows have; give both "
                "the same columns, or a number such as 0.5."
            )
        from ..data.leakage import refuse_shared  # loads what tables of images need

        refuse_shared(table, fit_on)

    def audit(self, target: int, attribute: Attribute | None) -> tuple[Audit, Comparison | None]:
        """Audit a target by the groups of an attribute (None: all rows), and compare with the reference."""
        table, fit_on = self.table.known(target), None if self.fit_on is None else self.fit_on.known(target)
        attribute = attribute and table.attribute(attribute.name)
        rows = rows_of(table, table.scores, target, attribute, table.clusters)
        # Rows without a known value are no group of patients: they keep their numbers, and must not undo the others'.
        left = attribute.left_out(self.options.exclude, self.include) if attribute else []
        options = replace(self.options, exclude=left)
        if options.reference_group:
            options = replace(options, reference_group=named_reference(attribute, options.reference_group))
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

    def explained(self, entries: Sequence[Audited]) -> list[Audited]:
        """Add to the entries of all rows, one a target, which columns go with errors."""
        from .enrichment import Decisions, enrich, shared_threshold  # only where it is asked for

        table, decided, found = self.table, [], []
        for target, entry in enumerate(entries):
            place = shared_threshold(entry.audit.thresholds)
            rows = rows_of(table, table.scores, target, None, table.clusters)
            fit_scores = None if self.fit_on is None else self.fit_on.known(target).scores
            decision = self._decisions(target, None, table.scores, fit_scores, table.chosen)[place]
            decided.append(Decisions(rows, decision.apply(rows), place))
        for entry, own in zip(entries, enrich(decided, table.explain, self.options.confidence), strict=True):
            found.append(replace(entry, audit=replace(entry.audit, enrichment=own)))
        return found

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
            elif self.fit_on is not None and fit_scores is not None and (attribute or not policy.by_group):
                fit_on = self.fit_on.known(target)
                if len(self.table.targets) > 1 and len(np.unique(fit_on.labels[:, target])) < 2:
                    continue  # of several classes one may be too rare to have a cut
                same = next((own for own in fit_on.attributes if attribute and own.name == attribute.name), None)
                found.append(policy.fit(rows_of(fit_on, fit_scores, target, same)))
        return found
