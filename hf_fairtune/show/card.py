"""The model card of a run: its README on the Hub."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from ..document.document import Document
from ..document.run import Argument, Repair, Run, Training
from ..errors import FairTuneError
from . import drawing as ink
from .answer import compared, limits
from .drawing import Picture
from .figures import changes, forest
from .mask_figures import mask_frequency, mask_layers, mask_map, mask_words
from .metadata import base_model, card_data, short
from .page import render
from .search_history import STATES, search_history
from .table import Cell, Table
from .tables import auc_table, measure_table, pair_table, sheet_tables, threshold_tables
from .view import View, beside, splits, views
from .words import SHARING, number, percent, reasons, threshold

MASKS = {
    "soft": "a soft mask: each weight moves by a share of its plain update, the more it matters for the bias loss and "
    "the less for the prediction",
    "hard": "a hard mask: the weights move that matter most for the bias loss beside the prediction",
    "random": "a random mask, which serves as a control",
    "none": "no mask: every weight moves freely",
}


def card(document: Document, drawn: Sequence[Picture] | None = None, license: str | None = None) -> str:
    """Render the card of a run with the figures that apply.

    Args:
        document: of a run; what it holds is on the card, so one made by `publish`.
        drawn: the figures, if they are drawn already.
        license: of the weights, an identifier of the Hub; they derive from the base model, whose terms decide.

    Raises:
        FairTuneError: the document is of an audit, which has no card.
    """
    run, own = _parts(document)
    target, every = document.data.targets[0], views(document)
    before = next((m.title for m in document.models if m.id != document.model and m.training is None), "")
    text = render(
        "card.md.j2",
        metadata=card_data(document, run.base, license).to_yaml(),
        document=document,
        data=document.data,
        run=run,
        own=own,
        figures={picture.name: picture for picture in (pictures(document) if drawn is None else drawn)},
        base=short(run.base.name),
        hub_base=base_model(run.base.name),
        target=target,
        before=before,
        sharing=SHARING[document.shared or "rates"],
        counts=sheet_tables(document),
        thresholds=[_threshold(view, place) for view in every[:1] for place in range(len(view.audit.thresholds))],
        intervals=_intervals(every),
        worst=[view for view in every if view.audit.min_group_auc.group],
        verdicts=[text for text in map(compared, every) if text],
        tables=[t for view in every for t in (auc_table(view), pair_table(view), measure_table(view)) if t.rows],
        rates=[table for view in every for table in threshold_tables(view) if table.rows],
        repair=_repair(document, run.repair) if run.repair else {},
        steps=steps_table(own),
        limits=limits(document),
        training=_training(run, own),
        citations=list(dict.fromkeys(m.training.method.citation for m in document.models if m.training)),
        provenance=_provenance(document),
    )
    return re.sub(r"\n{3,}", "\n\n", text).rstrip() + "\n"


def _parts(document: Document) -> tuple[Run, Training]:
    training = document.model_named(document.model).training
    if document.run is None or training is None:
        raise FairTuneError("The document is of an audit, which has no model card; pass the one of a run.")
    return document.run, training


def pictures(document: Document) -> list[Picture]:
    """Draw the figures of a run that apply, in the order of the card."""
    run, own = _parts(document)
    every, split = views(document), next(iter(splits(document)), None)
    first = [view for view in every if view.split == split]
    drawn = [changes(every, ink.WIDE), forest(first, ink.WIDE) if first else None]
    drawn += [mask_layers(own.soft_mask.layers)] if own.soft_mask else []
    drawn += [mask_map(own.mask, own.trainable_parameters / run.base.parameters)] if own.mask else []
    drawn += [search_history(run.search)] if run.search else []
    drawn += [mask_frequency(run.search, own.mask)] if run.search and own.mask else []
    return [picture for picture in drawn if picture is not None]


def _threshold(view: View, place: int) -> str:
    """Say how a threshold was chosen, and its value for each model."""
    cuts = zip(view.audits, beside(view.audits.values(), "thresholds")[place], strict=True)
    values = (f"{number(cut.value)} ({title})" for title, cut in cuts)
    return f"{threshold(view.audit.thresholds[place])}: {', '.join(values)}"


def _intervals(every: Sequence[View]) -> str:
    """Say how the intervals were made."""
    if not every:
        return ""
    audit = every[0].audit
    named = {"AUC": audit.auc, "lowest group": audit.min_group_auc, "gap": audit.auc_gap}
    how = "; ".join(f"{what}: {found.method}" for what, found in named.items())
    return f"{percent(audit.confidence)} intervals, {audit.n_boot:,} bootstrap replicates, seed {audit.seed}. {how}."


def _repair(document: Document, repair: Repair) -> dict[str, str]:
    """Say what was done to a trained model: on which images, to which head, and to its probabilities."""
    external, found = repair.external, repair.calibration
    sheet = document.data.splits.get(external.split)
    share = "" if external.fraction == 1 else f", {percent(external.fraction)} of what balance allows"
    size = f"{sheet.n} images" if sheet and sheet.n is not None else "A small set of images"
    drawn = f"{size}, drawn {'with' if external.replacement else 'without'} replacement from {external.pool}{share}"
    said = {
        "Images": f"{drawn}. Every group has equally many images of each label, however common the finding is.",
        "Head": f'The classification head is "{repair.head}".',
    }
    if found is None:
        text = "Not calibrated: after training on balanced images the probabilities are those of another prevalence."
    else:
        loss = f"log loss there {number(found.log_loss_before)} before, {number(found.log_loss_after)} after"
        line = f"slope {number(found.slope)}, intercept {number(found.intercept)}, {loss}"
        how = "in the weights of the head" if found.applied else f"not in the weights: {reasons(found.reasons)}"
        text = f"Calibrated on {found.fitted_on} ({line}; {how}). That changes no ranking and no AUC."
    return said | {"Probabilities": text, "Thresholds": "Fitted again for each model."}


def steps_table(own: Training) -> Table:
    """Build a row a step of the training: its length, and what the method minimised or counted."""
    names = list(dict.fromkeys(key for step in own.steps for key in step.facts))
    rows: list[list[Cell]] = []
    for step in own.steps:
        facts = [_plain(step.facts.get(key)) for key in names]
        rate = f"{step.learning_rate:.3g}" if step.learning_rate == step.learning_rate else ""
        rows.append([step.name, f"{step.epochs:g}", rate, *facts, step.batches, number(step.seconds, 1)])
    header = ["step", "epochs", "learning rate", *(key.replace("_", " ") for key in names), "batches", "seconds"]
    return Table.of("Steps", header, rows)


def _plain(value: Argument) -> str:
    if isinstance(value, list):
        return " ".join(map(str, value))
    return "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def _training(run: Run, own: Training) -> dict[str, str]:
    """List the facts of the training, of the mask first, and of the search."""
    count, soft = own.trainable_parameters, own.soft_mask
    facts = {"method": own.method.title}
    facts |= {"parts trained": mask_words(own.mask)} if own.mask else {}
    facts |= {"weights trained under": MASKS.get(soft.kind, soft.kind)} if soft else {}
    facts |= {"parameters trained": f"{count:,} of {run.base.parameters:,} ({percent(count / run.base.parameters)})"}
    hidden = {"mask"} if own.mask else set()
    held = own.method.hyperparameters | own.arguments
    facts |= {
        key.replace("_", " "): _plain(value) for key, value in held.items() if key not in hidden and _plain(value)
    }
    facts |= {"seed": str(run.seed)}
    if run.search:
        search = run.search
        states = Counter(STATES[trial.state][2] for trial in search.trials if trial.state in STATES)
        ended = ", ".join(f"{count} {state}" for state, count in states.items())
        facts |= {"search mode": search.mode, "objective": f"{search.objective} on validation ({search.direction})"}
        facts |= {"trials": f"{search.n_trials} asked for; {ended or 'none ended'}"}
        facts |= {"epochs of a trial": f"{search.num_train_epochs:g}, {search.warmup_epochs:g} of them warm-up"}
        facts |= {"best trial": "none" if search.best_trial is None else str(search.best_trial)}
        facts |= {"hours of search": number(search.seconds / 3600)}
    return facts


def _provenance(document: Document) -> dict[str, str]:
    """List data hashes, versions, machine and code."""
    data, made = document.data, document.provenance
    rows = {"data": data.name, "data hash": data.hash}
    rows |= {f"{split} data": source for split, source in data.test_sets.items()}
    rows |= {f"{split} hash": sheet.hash for split, sheet in data.splits.items()} | made.versions
    if made.hardware:
        rows |= {"processors": str(made.hardware.cpu_count or "")}
        rows |= {"accelerators": ", ".join(made.hardware.gpus)} if made.hardware.gpus else {}
    return rows | {"git commit": made.git or "none", "created": made.created}
