"""Which models of a record stand side by side, and on which splits: the reference and the winner."""

from __future__ import annotations

from typing import Any

from ..record import Record

BASELINE, FULL = "baseline", "full"
TITLES = {BASELINE: "before", FULL: "full fine-tuning", "fairtune": "FairTune", "swift": "SWiFT", "bmft": "BMFT"}


def title(model: str) -> str:
    """Name a model as a reader knows it, at the head of a column."""
    return TITLES.get(model, model)


def phrase(model: str) -> str:
    """Name a model inside a sentence."""
    return "the model as it came" if model == BASELINE else title(model)


def reported_splits(record: Record) -> list[str]:
    """List "test" and the added test sets; without any of them, the first split with an audit."""
    splits = list(dict.fromkeys(entry["split"] for entry in record.evaluations))
    tests = [split for split in ("test", *record.data.get("test_sets", {})) if split in splits]
    return tests or splits[:1]


def reported_split(record: Record) -> str | None:
    """Return the first of the reported splits, or None where nothing was audited."""
    return next(iter(reported_splits(record)), None)


def reference(record: Record, split: str) -> str:
    """Name the model to compare with: the model as it came where it was audited, else full fine-tuning."""
    return BASELINE if record.evaluation(BASELINE, split) else FULL


def winner(record: Record, split: str) -> str | None:
    """Name the model the record is about among those audited on `split`."""
    there = [entry["model"] for entry in record.evaluations if entry["split"] == split]
    others = [model for model in there if model != reference(record, split)]
    return next((model for model in ("fairtune", record.method, *others, *there) if model in there), None)


def compared(record: Record, split: str | None = None) -> dict[str, dict[str, Any]]:
    """Return the audits to show, by model: the reference first where there is one, then the winner."""
    split = split or reported_split(record)
    if split is None:
        return {}
    audits = {}
    for model in (reference(record, split), winner(record, split)):
        audit = record.evaluation(model, split) if model else None
        if model is not None and audit is not None:
            audits[model] = audit
    return audits


def group_rows(audit: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return an audit's groups by name."""
    return {row["group"]: row for row in audit["groups"]}


def group_names(audits: dict[str, dict[str, Any]]) -> list[str]:
    """List the groups of any of the audits, the winner's order first."""
    return list(dict.fromkeys(name for audit in reversed(list(audits.values())) for name in group_rows(audit)))
