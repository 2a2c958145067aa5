"""A gate's verdict as plain text."""

from __future__ import annotations

from typing import Any

HEAD = ("verdict", "rule", "target", "attribute", "bound", "value [interval]", "")


def gate_table(gate: dict[str, Any]) -> str:
    """Lay a gate out for a terminal: a row a number judged, then the verdict over all."""
    lines = [HEAD, *(_line(row) for row in gate["rules"])]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
    laid = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines]
    verdicts = [row["verdict"] for row in gate["rules"]]
    counts = ", ".join(f"{verdicts.count(kind)} {kind}" for kind in dict.fromkeys(verdicts))
    return "\n".join([*(line.rstrip() for line in laid), "", f"gate {gate['file']}: {gate['verdict']} ({counts})"])


def _line(row: dict[str, Any]) -> tuple[str, ...]:
    about = (row["verdict"], row["rule"], row["target"] or "", row["attribute"] or "", row["bound"])
    return tuple(" ".join(cell.split()) for cell in (*about, _span(row), row["reason"] or ""))


def _span(row: dict[str, Any]) -> str:
    if row["value"] is None:
        return "undefined" if row["metric"] != "verdict" else ""
    if row["low"] is None or row["high"] is None:
        return f"{row['value']:.3f} [no interval]"
    return f"{row['value']:.3f} [{row['low']:.3f}, {row['high']:.3f}]"
