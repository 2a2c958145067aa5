"""Audit of scored rows by every attribute, for every target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from tqdm.auto import tqdm

from ..data.attributes import Attribute
from ..data.fitting_rows import refuse_shared
from ..data.scored import ScoredTable
from ..errors import FairTuneError
from ..intervals.multiplicity import adjusted
from ..metrics.operating_threshold import Policy, parse_policy
from ..metrics.rows import check_rows
from ..metrics.thresholds import Decision, given
from .audit import Audit, AuditOptions, audit_evidence, evidence_of
from .comparison import Comparison, compare
from .curves import reliability_curves, roc_curves
from .group_auc import group_auc
from .ranking import rank_groups

EVERYONE = "all rows"
ARGMAX = "argmax"


@dataclass(frozen=True)
class Section:
    """How well `target` is found among the groups of `attribute`; None: among all rows together.

    `ranking`, `curves` and `comparison` are those of `audit.schema.json`; None where there is none.
    """

    target: str
    attribute: str | None
    audit: Audit
    ranking: dict[str, Any] | None
    curves: dict[str, Any]
    comparison: Comparison | None


@dataclass(frozen=True)
class AttributeAudits:
    """All sections of an audit; p-values of pairs are adjusted over all of them together, as `family` says."""

    overall: list[Section]
    sections: list[Section]
    family: str
    correction: str


def audit_attributes(
    scored: ScoredTable,
    *,
    fit_on: ScoredTable | None = None,
    policies: Sequence[str] = ("0.5",),
    correction: str = "holm",
    **options: Any,
) -> AttributeAudits:
    """Audit scored rows by every attribute, for every target, and all rows together.

    Args:
        scored: labels and scores by target, attributes and clusters of the rows.
        fit_on: rows of other patients with the same targets, on which thresholds are fitted; None for none.
        policies: how thresholds are chosen, as `parse_policy` reads them, or "argmax" for classes that exclude each
            other.
        correction: of the p-values of all pairs together, "holm" or "benjamini-hochberg".
        options: fields of `AuditOptions` but for thresholds and clusters.

    Raises:
        FairTuneError: a policy needs rows to be fitted on, the targets differ, an excluded group does not exist, or
            rows do not fit together.
    """
    asked = _Asked(scored, fit_on, check_choices(policies, correction, **options), options)
    asked.check()
    targets = range(len(scored.targets))
    questions = [(t, attribute) for attribute in (None, *scored.attributes) for t in targets]
    with tqdm(questions, desc="Auditing", unit="table", disable=None) as bar:
        found = [asked.section(*question) for question in bar]
    overall, sections = found[: len(targets)], found[len(targets) :]
    sections.sort(key=lambda section: scored.targets.index(section.target))
    return AttributeAudits(overall, *_adjusted(sections, correction), correction)


def check_choices(policies: Sequence[str], correction: str, **options: Any) -> list[Policy | None]:
    """Read the policies, None for argmax; of the other choices check what needs no rows.

    Raises:
        FairTuneError: a threshold, the correction or a number is none that an audit takes.
    """
    adjusted(np.empty(0), correction)
    AuditOptions(**options)
    return [None if text == ARGMAX else parse_policy(text) for text in policies]


@dataclass(frozen=True)
class _Asked:
    """What is the same for all questions; a policy that is None takes the class with the highest score."""

    scored: ScoredTable
    fit_on: ScoredTable | None
    policies: Sequence[Policy | None]
    options: dict[str, Any]

    def check(self) -> None:
        """Refuse what no section could answer."""
        fitted = [policy.name for policy in self.policies if policy and policy.needs_rows]
        if fitted and self.fit_on is None:
            raise FairTuneError(
                f"The threshold `{fitted[0]}` is fitted on other rows than the audited ones, and there are none; give "
                "validation rows (--fit_on TABLE, or a column `split`), or a number such as 0.5."
            )
        if self.fit_on is not None and self.fit_on.targets != self.scored.targets:
            raise FairTuneError(
                f"The rows for thresholds have the targets {self.fit_on.targets}, the audited ones "
                f"{self.scored.targets}; give rows with the same classes."
            )
        if fitted and self.fit_on is not None:
            refuse_shared(self.scored, self.fit_on)
        if None in self.policies and self.scored.task != "multiclass":
            raise FairTuneError(f"`{ARGMAX}` is for one of several classes; choose a number such as 0.5, or youden.")
        names = [name for attribute in self.scored.attributes for name in attribute.names]
        unknown = [name for name in self.options.get("exclude", ()) if name not in names]
        if unknown:
            raise FairTuneError(f"`exclude` names {unknown}; the groups are {names[:30]}.")

    def section(self, target: int, attribute: Attribute | None) -> Section:
        """Answer one question."""
        table, seed = self.scored, self.options.get("seed", 0)
        groups, names = _groups(table, attribute)
        fit = None if self.fit_on is None else self.fit_on.scores
        decisions = self._decisions(target, attribute, table.scores, fit)
        exclude = attribute.within(self.options.get("exclude", ())) if attribute else []
        options = AuditOptions(**self.options | {"exclude": exclude, "clusters": table.clusters}, thresholds=decisions)
        rows = check_rows(table.labels[:, target], table.scores[:, target], groups, names, table.clusters)
        evidence = evidence_of(rows, options)
        aucs = [group_auc(evidence, code) for code in range(len(names))] if attribute else []
        return Section(
            target=table.targets[target],
            attribute=attribute.name if attribute else None,
            audit=audit_evidence(evidence, options),
            ranking=rank_groups(evidence, aucs, seed) if attribute else None,
            curves={"roc": roc_curves(rows), "reliability": reliability_curves(rows, confidence=options.confidence)},
            comparison=self._comparison(target, attribute, options),
        )

    def _decisions(
        self, target: int, attribute: Attribute | None, scores: np.ndarray, fit_scores: np.ndarray | None
    ) -> list[Decision]:
        """Fit every policy; a cut for each group takes an attribute."""
        found: list[Decision] = []
        for policy in self.policies:
            if policy is None:
                found.append(given(scores.argmax(axis=1) == target, ARGMAX))
            elif self.fit_on is None or fit_scores is None or not policy.needs_rows:
                found.append(policy.fit(self.scored.labels[:, target], scores[:, target]))
            elif attribute is not None or not policy.by_group:
                groups, names = _groups(self.fit_on, _same(self.fit_on, attribute))
                labels = self.fit_on.labels[:, target]
                found.append(policy.fit(labels, fit_scores[:, target], groups, names))
        return found

    def _comparison(self, target: int, attribute: Attribute | None, options: AuditOptions) -> Comparison | None:
        """Compare with the reference's scores, at thresholds chosen for each model in the same way."""
        table = self.scored
        if attribute is None or table.reference_scores is None:
            return None
        fit = None if self.fit_on is None else self.fit_on.reference_scores
        pairs = list(
            zip(options.thresholds, self._decisions(target, attribute, table.reference_scores, fit), strict=True)
        )
        groups, names = _groups(table, attribute)
        kept = {name: getattr(options, name) for name in ("clusters", "exclude", "n_boot", "seed", "confidence")}
        columns = (table.labels[:, target], table.scores[:, target], table.reference_scores[:, target])
        return compare(*columns, groups, names, thresholds=pairs, **kept)


def _groups(table: ScoredTable, attribute: Attribute | None) -> tuple[np.ndarray, list[str]]:
    if attribute is None:
        return np.zeros(len(table.labels), dtype=np.int64), [EVERYONE]
    return attribute.values, attribute.names


def _same(table: ScoredTable, attribute: Attribute | None) -> Attribute | None:
    """Find the attribute of this name in another table."""
    return next((own for own in table.attributes if attribute and own.name == attribute.name), None)


def _adjusted(sections: list[Section], correction: str) -> tuple[list[Section], str]:
    """Adjust the p-values of all pairs together for their number, and say what the family is."""
    p = np.array([pair.p for section in sections for pair in section.audit.pairs])
    tested = int((~np.isnan(p)).sum())
    after, place, changed = adjusted(p, correction), 0, []
    for section in sections:
        pairs = section.audit.pairs
        own = after[place : place + len(pairs)]
        place += len(pairs)
        told = [replace(pair, p_adjusted=float(value)) for pair, value in zip(pairs, own, strict=True)]
        changed.append(replace(section, audit=replace(section.audit, pairs=told)))
    return (
        changed,
        f"{tested} comparison{'' if tested == 1 else 's'}: every group with the reference of its attribute, over all "
        "attributes and targets",
    )
