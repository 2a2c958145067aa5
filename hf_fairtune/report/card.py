"""The model card: from a record to the README of a Hub repository."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jinja2

from ..record import Record
from .citations import citation
from .gallery import Picture, pictures, trained_share
from .layout import as_markdown, escape, number
from .limits import limits
from .metadata import base_model, card_data, short
from .models import compared, reported_split, reported_splits, title
from .repair import repair_lines, steps_table
from .search_history import STATES
from .space import words
from .table import comparison, count_table, split_rates, worst_group
from .threshold_table import thresholds
from .verdict import verdicts

TEMPLATE = "card.md.j2"


def card(record: Record, drawn: Sequence[Picture] | None = None, license: str | None = None) -> str:
    """Render the card of a record with the figures that apply.

    Args:
        drawn: the figures, if they are drawn already.
        license: of the weights, an identifier of the Hub; they derive from the base model, whose terms decide.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"escape": lambda value: escape(str(value)), "table": as_markdown}
    shown = pictures(record) if drawn is None else drawn
    text = environment.get_template(TEMPLATE).render(
        metadata=card_data(record, license).to_yaml(),
        figures={picture.name: picture for picture in shown},
        **facts(record),
    )
    return re.sub(r"\n{3,}", "\n\n", text).rstrip() + "\n"


def facts(record: Record) -> dict[str, Any]:
    """Collect what the template prints."""
    return {
        "record": record,
        "data": record.data,
        "test_sets": record.data.get("test_sets", {}),
        "model": record.model,
        "search": record.search,
        "base": short(record.model["name"]),
        "hub_base": base_model(record),
        "method": title(record.method),
        "split": reported_split(record),
        "tables": comparison(record),
        "rates": [table for split in reported_splits(record) for table in split_rates(record, split)],
        "counts": count_table(record),
        "thresholds": threshold_lines(record),
        "intervals": interval_line(record),
        "worst": worst_group(record),
        "verdicts": dict.fromkeys(found.text for found in verdicts(record).values()),
        "repair": repair_lines(record),
        "steps": steps_table(record),
        "limits": limits(record),
        "training": training(record),
        "provenance": provenance(record),
        "citation": citation(record),
    }


def threshold_lines(record: Record) -> list[str]:
    """Say for each threshold how it was chosen, where, and its value by model."""
    lines = []
    for name, found in thresholds(compared(record)):
        values = ", ".join(f"{number(t['value'])} ({title(model)})" for model, t in found.items())
        lines.append(f"{name}: {values}")
    return lines


def interval_line(record: Record) -> str | None:
    """Say how the intervals were made."""
    audits = compared(record)
    if not audits:
        return None
    audit = list(audits.values())[-1]
    methods = {
        "overall AUC": audit["auc"]["method"],
        "lowest group": audit["min_group_auc"]["method"],
        "gap": audit["auc_gap"]["method"],
    }
    each = "; ".join(f"{what}: {method}" for what, method in methods.items() if method)
    by = f" in {audit['clusters']} clusters" if audit["clusters"] is not None else ""
    draws = f"{audit['n_boot']} bootstrap replicates, seed {audit['seed']}, {audit['n']} images{by}"
    return f"{100 * audit['confidence']:g} % intervals ({draws}). {each}."


def training(record: Record) -> list[tuple[str, str]]:
    """List the facts of training, mask in words first."""
    share = trained_share(record)
    rows = [("method", title(record.method))]
    if record.mask is not None:
        rows.append(("parts trained", words(record.space, record.mask, record.model["blocks"])))
    counts = f"{record.model['trainable_parameters']:,} of {record.model['parameters']:,}"
    rows.append(("parameters trained", counts + (f" ({100 * share:.1f} %)" if share is not None else "")))
    if record.learning_rate is not None and record.repair is None:
        rows.append(("learning rate", f"{record.learning_rate:.3g}"))
    rows.append(("seed", str(record.seed)))
    rows += [(name.replace("_", " "), str(value)) for name, value in record.arguments.items() if _plain(value)]
    return rows + searching(record)


def _plain(value: Any) -> bool:
    return isinstance(value, (int, float, str)) and value != ""


def searching(record: Record) -> list[tuple[str, str]]:
    """List the facts of the search; none without one."""
    search = record.search
    if search is None:
        return []
    states: dict[str, int] = {}
    for trial in record.trials:
        word = STATES[trial["state"]][2].split()[0] if trial["state"] in STATES else trial["state"].lower()
        states[word] = states.get(word, 0) + 1
    ended = ", ".join(f"{count} {state}" for state, count in states.items())
    rows = [
        ("search mode", search["mode"]),
        ("objective", f"{search['objective']} on validation ({search['direction']})"),
        ("trials", f"{search['n_trials']} asked for; {ended or 'none recorded'}"),
        (
            "epochs of a trial",
            f"{search['num_train_epochs']:g}, of which {search['warmup_epochs']:g} warm-up",
        ),
    ]
    rows += [("best trial", str(search["best_trial"]))] if search["best_trial"] is not None else []
    return rows + ([("hours of search", f"{search['seconds'] / 3600:.2f}")] if search["seconds"] is not None else [])


def provenance(record: Record) -> list[tuple[str, str]]:
    """List data hashes, versions, machine and code."""
    rows = [("data", record.data["name"]), ("data hash", record.data["hash"])]
    rows += [(f"{name} data", source) for name, source in record.data.get("test_sets", {}).items()]
    rows += [(f"{split} hash", content["hash"]) for split, content in record.data["splits"].items()]
    rows += [(name, version) for name, version in record.versions.items()]
    rows += [("processors", str(record.hardware["cpu_count"]))] if record.hardware.get("cpu_count") else []
    rows += [("accelerators", ", ".join(record.hardware["gpus"]))] if record.hardware.get("gpus") else []
    return [*rows, ("git commit", record.git or "none"), ("created", record.created)]
