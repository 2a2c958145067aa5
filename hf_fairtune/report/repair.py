"""How a finished model was repaired, in words: the images, the mask, the head, the steps, the calibration."""

from __future__ import annotations

from typing import Any

from ..record import Record
from .layout import Table, number
from .models import reported_splits

KINDS = {
    "soft": "a soft mask, which lets each weight move by a share between 0 and 1 of its plain update: the more a "
    "weight matters for the bias loss and the less for the prediction, the more it moves",
    "hard": "a hard mask, which lets a weight move or keeps it: those move that matter most for the bias loss beside "
    "the prediction",
    "random": "a random mask, a control that knows nothing of bias",
    "none": "no mask: every weight moves freely",
}
FORMS = {
    "sample": "the mean squared gradients of single images, for bias too: on a balanced set that does not depend on "
    "who is in which group",
    "whole": "for prediction the mean squared gradient of single images, for bias the squared gradient of all of them",
    "batch": "the mean squared gradients of batches, as published",
}


def repair_lines(record: Record) -> list[tuple[str, str]]:
    """List what was done to the model, each with its heading; nothing without a repair."""
    repair = record.repair
    if repair is None:
        return []
    said = {
        "Images": external_line(record, repair["external"]),
        "Mask": mask_line(repair["mask"]),
        "Head": head_line(repair),
        "Probabilities": calibration_line(repair["calibration"]),
        "Thresholds": threshold_line(record),
    }
    return [(heading, text) for heading, text in said.items() if text]


def external_line(record: Record, external: dict[str, Any]) -> str:
    """Say which images the repair used, and what their balance means."""
    sheet = record.data["splits"].get(external["split"])
    size = f"{sheet['n']} images" if sheet else "a small set of images (its counts would tell of a few patients)"
    share = "" if external["fraction"] == 1 else f", {100 * external['fraction']:g} % of what balance allows"
    drawn = "with" if external["replacement"] else "without"
    return (
        f"{size}, drawn {drawn} replacement from {external['pool']} so that every group has equally many images of "
        f"each label{share}. That is not how common the finding is among patients, in any group."
    )


def mask_line(mask: dict[str, Any] | None) -> str:
    """Say which weights the first step moved, and how that was measured."""
    if mask is None:
        return ""
    said = [f"The feature extractor was trained under {KINDS[mask['kind']]}."]
    size = sum(row["parameters"] for row in mask["layers"])
    if size and mask["kind"] != "none":
        mean = sum(row["parameters"] * row["mean"] for row in mask["layers"]) / size
        said.append(f"The mask's mean over the weights is {number(mean)}; it scales each weight's {mask['mask_on']}.")
    if mask["importance"] is not None and mask["kind"] in ("soft", "hard"):
        rows = "" if mask["rows"] is None else f", measured on {mask['rows']} images"
        empty = mask["empty_cells"]
        lacked = f" {empty} of its terms lacked a group or a label in a batch." if empty else ""
        scaled = f", {mask['normalization']} normalised by tensor" if mask["normalization"] else ""
        against = f" ({mask['contrast']})" if mask["contrast"] else ""
        loss = f"bias loss {mask['bias_loss']}{against}" if mask["bias_loss"] else "bias loss"
        said.append(f"Importances are {FORMS[mask['importance']]}{rows}{scaled}; {loss}.{lacked}")
    return " ".join(said)


def head_line(repair: dict[str, Any]) -> str:
    """Say which of the head's weights started the second step at zero."""
    fresh = repair["reinitialised"]
    if fresh is None or not fresh["parameters"]:
        return f'The classification head is "{repair["head"]}"; none of its weights was set to zero.'
    return (
        f'The classification head is "{repair["head"]}"; {fresh["parameters"]} of its {fresh["of"]} weights were set '
        f"to zero before its own step ({fresh['kind']})."
    )


def calibration_line(calibration: dict[str, Any] | None) -> str:
    """Say whether the probabilities were made to fit the data's prevalence again."""
    if calibration is None:
        return (
            "Not calibrated again: trained on balanced images, the model gives probabilities for another prevalence."
        )
    loss = f"log loss there {number(calibration['log_loss_before'])} uncalibrated, "
    loss += f"{number(calibration['log_loss_after'])} calibrated"
    found = f"fitted on {calibration['fitted_on']}: slope {number(calibration['slope'])}, intercept "
    found += f"{number(calibration['intercept'])}, {loss}"
    if not calibration["applied"]:
        return (
            f"A calibration was {found}; it is not in the weights ({calibration['reason'] or 'no reason recorded'})."
        )
    return f"Calibrated again, in the weights of the head, {found}. That changes no ranking and no AUC."


def threshold_line(record: Record) -> str:
    """Say where the thresholds of each model were fitted."""
    audits = (record.evaluation(record.method, split) for split in reported_splits(record))
    cuts = [t for audit in audits if audit for t in audit["thresholds"]]
    places = list(dict.fromkeys(t["fitted_on"] for t in cuts if t["fitted_on"]))
    if not places:
        return ""
    return f"Fitted on {' and '.join(places)} for each model anew, as thresholds of the old model do not carry over."


def steps_table(record: Record) -> Table:
    """Build a row a step: its epochs, learning rate and the weights of its two losses."""
    steps = record.repair["steps"] if record.repair else []
    header = ["step", "epochs", "learning rate", "prediction weight", "bias weight", "batches", "seconds"]
    rows = [
        [
            step["name"],
            f"{step['epochs']:g}",
            f"{step['learning_rate']:.3g}",
            *(_plain(step[key]) for key in ("prediction_weight", "bias_weight", "batches")),
            number(step["seconds"], 1),
        ]
        for step in steps
    ]
    empty = sum(step["empty_cells"] or 0 for step in steps)
    note = f"{empty} terms of the bias loss were left out because a batch had no image of that group and label"
    return Table("Steps", header, rows, [note] if empty else [])


def _plain(value: float | None) -> str:
    return "–" if value is None else f"{value:g}"
