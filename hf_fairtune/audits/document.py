"""The document of an audit: what `audit.json` holds."""

from __future__ import annotations

from typing import Any

from ..audit_document import AuditDocument
from ..data.attributes import Attribute
from ..data.scored import ScoredTable
from ..intervals.estimate import plain
from .attributes import AttributeAudits, Section


def document(
    scored: ScoredTable,
    found: AttributeAudits,
    source: dict[str, Any],
    *,
    cluster: str | None = None,
    finding: dict[str, str] | None = None,
    arguments: dict[str, Any] | None = None,
) -> AuditDocument:
    """Lay out an audit as `audit.json`.

    Args:
        scored: the rows.
        found: what the audit found in them.
        source: kind, name, model and split of the rows, see the schema.
        cluster: name of the column of clusters; None where there is none.
        finding: clinical words for a target, by target; its name where there are none.
        arguments: flags of the command that made it.
    """
    first = found.overall[0].audit
    return AuditDocument(
        source=source | {"rows": len(scored.labels), "hash": scored.row_hash},
        task=scored.task,
        label=scored.label_name,
        scores="probability" if scored.probability else "score",
        targets=[_target(scored, t, finding or {}) for t in range(len(scored.targets))],
        attributes=[_attribute(scored, attribute) for attribute in scored.attributes],
        options=_options(found),
        n=first.n,
        positives=first.positives,
        negatives=first.negatives,
        auc=plain(first.auc),
        groups=[_named(section) | row for section in found.sections for row in plain(section.audit.groups)],
        pairs=[_named(section) | _pair(row) for section in found.sections for row in plain(section.audit.pairs)],
        overall=[{"target": section.target, "audit": section.audit.to_dict()} for section in found.overall],
        audits=[_named(section) | {"audit": section.audit.to_dict()} for section in found.sections],
        rankings=[_named(section) | plain(section.ranking) for section in found.sections if section.ranking],
        curves=[_named(section) | plain(section.curves) for section in (*found.overall, *found.sections)],
        comparisons=[_compared(section) for section in found.sections if section.comparison],
        cluster=cluster,
        arguments=arguments or {},
    )


def _named(section: Section) -> dict[str, Any]:
    return {"target": section.target, "attribute": section.attribute}


def _pair(row: dict[str, Any]) -> dict[str, Any]:
    return {key: row[key] for key in ("group", "reference", "auc_difference", "p", "p_adjusted", "p_method")}


def _compared(section: Section) -> dict[str, Any]:
    assert section.comparison is not None
    return _named(section) | {"model": "model", "reference": "reference"} | section.comparison.to_dict()


def _target(scored: ScoredTable, target: int, finding: dict[str, str]) -> dict[str, Any]:
    name, labels = scored.targets[target], scored.labels[:, target]
    positives = int(labels.sum())
    counts = {"n": len(labels), "positives": positives, "negatives": len(labels) - positives}
    return {"name": name, "finding": finding.get(name, name), **counts}


def _attribute(scored: ScoredTable, attribute: Attribute) -> dict[str, Any]:
    levels = []
    for code, name in enumerate(attribute.names):
        inside = attribute.values == code
        positives = scored.labels[inside].sum(axis=0).tolist()
        counts = dict(zip(scored.targets, map(int, positives), strict=True))
        levels.append({"group": name, "n": int(inside.sum()), "missing": attribute.empty[code], "positives": counts})
    return {
        "name": attribute.name,
        "columns": attribute.columns,
        "kind": attribute.kind,
        "cuts": attribute.cuts,
        "missing": attribute.missing,
        "levels": levels,
    }


def _options(found: AttributeAudits) -> dict[str, Any]:
    first = found.overall[0].audit
    excluded = dict.fromkeys(name for section in found.sections for name in section.audit.excluded)
    return {
        "confidence": first.confidence,
        "n_boot": first.n_boot,
        "n_permutations": max((section.audit.auc_gap.permutations for section in found.sections), default=0),
        "seed": first.seed,
        "exclude": list(excluded),
        "correction": found.correction,
        "family": found.family,
    }
