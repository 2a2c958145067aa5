"""Which models of a record stand side by side: full fine-tuning and the winner, on one split."""

from __future__ import annotations

from typing import Any

from ..record import Record

REFERENCE = "full"
TITLES = {"full": "full fine-tuning", "fairtune": "FairTune"}


def title(model: str) -> str:
    """Name a model as a reader knows it."""
    return TITLES.get(model, model)


def reported_split(record: Record) -> str | None:
    """Return "test", or the first split with an audit where test has none."""
    splits = [entry["split"] for entry in record.evaluations]
    return "test" if "test" in splits else next(iter(splits), None)


def winner(record: Record, split: str) -> str | None:
    """Name the model the record is about among those audited on `split`."""
    there = [entry["model"] for entry in record.evaluations if entry["split"] == split]
    others = [model for model in there if model != REFERENCE]
    return next((model for model in ("fairtune", record.method, *others, *there) if model in there), None)


def compared(record: Record, split: str | None = None) -> dict[str, dict[str, Any]]:
    """Return the audits to show, by model: full fine-tuning first where there is one, then the winner."""
    split = split or reported_split(record)
    if split is None:
        return {}
    first = record.evaluation(REFERENCE, split)
    audits = {REFERENCE: first} if first else {}
    best = winner(record, split)
    audit = record.evaluation(best, split) if best else None
    if best is not None and audit is not None:
        audits[best] = audit
    return audits


def group_rows(audit: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return an audit's groups by name."""
    return {row["group"]: row for row in audit["groups"]}


def group_names(audits: dict[str, dict[str, Any]]) -> list[str]:
    """List the groups of any of the audits, the winner's order first."""
    return list(dict.fromkeys(name for audit in reversed(list(audits.values())) for name in group_rows(audit)))
