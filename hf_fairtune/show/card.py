"""The model card of a run: its README on the Hub."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from ..document.document import Document
from ..document.run import Argument, Run, Training
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
from .view import beside, views
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
    every = views(document)
    first = every[0] if every else None
    cuts = beside(first.audits.values(), "thresholds") if first else []
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
        sharing=SHARING[document.shared or "rates"],
        counts=sheet_tables(document),
        first=first,
        cuts=[(threshold(some[-1]), [number(cut.value) for cut in some]) for some in cuts],
        lowest=[view for view in every if view.audit.min_group_auc.group],
        verdicts=[text for text in map(compared, every) if text],
        tables=[t for view in every for t in (auc_table(view), pair_table(view), measure_table(view)) if t.rows],
        rates=[table for view in every for table in threshold_tables(view) if table.rows],
        steps=steps_table(own),
        limits=limits(document),
        training=_training(run, own),
        citations=list(dict.fromkeys(m.training.method.citation for m in document.models if m.training)),
        words={"number": number, "percent": percent, "reasons": reasons},
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
    every = views(document)
    first = [view for view in every if view.split == every[0].split]
    drawn = [changes(every, ink.WIDE), forest(first, ink.WIDE) if first else None]
    drawn += [mask_layers(own.soft_mask.layers)] if own.soft_mask else []
    drawn += [mask_map(own.mask, own.trainable_parameters / run.base.parameters)] if own.mask else []
    drawn += [search_history(run.search)] if run.search else []
    drawn += [mask_frequency(run.search, own.mask)] if run.search and own.mask else []
    return [picture for picture in drawn if picture is not None]


def steps_table(own: Training) -> Table:
    """Build a row a step of the training: its length, and what the method minimised or counted."""
    names = list(dict.fromkeys(key for step in own.steps for key in step.facts))
    rows: list[list[Cell]] = []
    for step in own.steps:
        facts = [_plain(step.facts.get(key)) for key in names]
        rows.append([step.name, f"{step.epochs:g}", _plain(step.learning_rate), *facts, step.batches, step.seconds])
    header = ["step", "epochs", "learning rate", *(key.replace("_", " ") for key in names), "batches", "seconds"]
    return Table.of("Steps", header, rows, digits=1)


def _plain(value: Argument) -> str:
    if isinstance(value, list):
        return " ".join(map(str, value))
    return "" if value is None or value != value else f"{value:.4g}" if isinstance(value, float) else str(value)


def _training(run: Run, own: Training) -> dict[str, str]:
    """List the facts of the training, of the mask first, and of the search."""
    count = own.trainable_parameters
    facts = {"method": own.method.title}
    facts |= {"parts trained": mask_words(own.mask)} if own.mask else {}
    facts |= {"weights trained under": MASKS.get(own.soft_mask.kind, own.soft_mask.kind)} if own.soft_mask else {}
    facts |= {"parameters trained": f"{count:,} of {run.base.parameters:,} ({percent(count / run.base.parameters)})"}
    for key, value in (own.method.hyperparameters | own.arguments).items():
        # The bits of a mask are in words above.
        facts |= {key.replace("_", " "): _plain(value)} if _plain(value) and not (key == "mask" and own.mask) else {}
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
