"""The model card of a run: its README on the Hub."""

import re
from collections.abc import Iterator, Sequence
from operator import attrgetter

from huggingface_hub import EvalResult, ModelCardData
from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id

from ..combinations.mean import script
from ..document.document import Document
from ..document.run import Base, RecipeFacts, Run, Training
from ..document.search import Search
from ..errors import FairTuneError, plain
from . import drawing as ink
from .answer import answers, headline, limits, reading
from .chosen import choice
from .classes import changed_views, class_cuts, class_figure, class_tables, drawn_changes, several, worst_cells
from .compared import compared
from .drawing import Picture
from .figures import changes, forest
from .group_names import in_words
from .ladder import ladder_said, ladder_table
from .mask_figures import mask_frequency, mask_layers, mask_map, mask_words
from .methods import budget_table, combined_alike, methods_said, needs_rows
from .methods import tables as method_tables
from .page import render
from .reading import reading_table
from .search_history import search_history
from .table import Cell, Table
from .tables import auc_table, measure_table, pair_table, sheet_tables, threshold_tables
from .trial_ends import trials_said
from .view import RANKED, View, beside, sides, splits, views
from .words import SEARCHED_ON, SHARING, number, percent, reasons, threshold, written

TASK = "image-classification"
MASKS = {
    "soft": "a soft mask: each weight moves by a share of its plain update, the more it matters for the bias loss and "
    "the less for the prediction",
    "hard": "a hard mask: the weights move that matter most for the bias loss beside the prediction",
    "random": "a random mask, which serves as a control",
    "none": "no mask: every weight moves freely",
}


def card(document: Document, drawn: Sequence[Picture], license: str | None = None) -> str:
    """Render the card of a run with its figures, see `pictures`; what the document holds is on the card.

    The license, an identifier of the Hub, is that of the weights; the base model's terms decide it.

    Raises:
        FairTuneError: the document is of an audit, which has no card.
    """
    document = in_words(document)
    run, own = _parts(document)
    every, found = views(document), answers(document)
    first = every[0] if every else None
    cuts = beside(first.audits.values(), "thresholds") if first and not several(document) else []
    models = models_of(run)
    text = render(
        "card.md.j2",
        metadata=card_data(document, run.base, own.method.name, license).to_yaml(),
        document=document,
        data=document.data,
        run=run,
        own=own,
        script=script(models, document.data.task) if models > 1 else "",
        several=several(document),
        worst=worst_cells(every) if several(document) else [],
        classes=class_tables(every) if several(document) else [],
        figures={picture.name: picture for picture in drawn},
        base=short(run.base.name),
        hub_base=base_model(run.base.name),
        sharing=SHARING[document.shared or "rates"],
        counts=[table for table in (*sheet_tables(document), reading_table(document.data)) if table.rows],
        first=first,
        cuts=[(threshold(some[-1]), [number(cut.value) for cut in some]) for some in cuts],
        class_cuts=class_cuts(every) if several(document) else {},
        license=license,
        headline=headline(found) if found else "",
        answers=sorted(found, key=attrgetter("rank")) if several(document) else found,
        reading=reading(found),
        combined=combined_alike(document),
        methods=[text for text in map(methods_said, changed_views(every)) if text],
        verdicts=[text for text in map(compared, changed_views(every)) if text],
        budgets=budget_table(document),
        tables=[t for view in every for t in (*method_tables(view), *audit_tables(view)) if t.rows],
        rates=[table for view in every for table in threshold_tables(view) if table.rows],
        steps=steps_table(own),
        ladder=ladder_table(document),
        limits=limits(document),
        training=_training(run, own),
        citations=list(dict.fromkeys(m.training.method.citation for m in document.models if m.training)),
        words={"number": number, "percent": percent, "reasons": reasons, "ladder": ladder_said},
    )
    return re.sub(r"\n{3,}", "\n\n", text).rstrip() + "\n"


def audit_tables(view: View) -> list[Table]:
    """Build the tables of an audit that a card shows unfolded."""
    return [auc_table(view), pair_table(view), measure_table(view)]


def _parts(document: Document) -> tuple[Run, Training]:
    training = document.model_named(document.model).training
    if document.run is None or training is None:
        raise FairTuneError("an audit has no model card, its page is audit.html; pass the output folder of a run.")
    return document.run, training


def pictures(document: Document) -> list[Picture]:
    """Draw the figures of a run that apply, in the order of the card."""
    document = in_words(document)
    run, own = _parts(document)
    every = views(document)
    first = [view for view in every if view.split == every[0].split]
    drawn = [changes(drawn_changes(every), ink.WIDE)]
    drawn += [class_figure(every) if several(document) else forest(first, ink.WIDE)] if first else []
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
        facts = [written(step.facts.get(key)) for key in names]
        rows.append([step.name, f"{step.epochs:g}", written(step.learning_rate), *facts, step.batches, step.seconds])
    header = ["step", "epochs", "learning rate", *(key.replace("_", " ") for key in names), "batches", "seconds"]
    return Table.of("Steps", header, rows, digits=1)


def _training(run: Run, own: Training) -> dict[str, str]:
    """List the facts of the training, of the mask first, and of the search."""
    facts = recipe_rows(run.recipe) if run.recipe else {}
    facts |= {"method": own.method.title} | needs_rows(own.method)
    facts |= {"parts trained": mask_words(own.mask)} if own.mask else {}
    facts |= {"weights trained under": MASKS.get(own.soft_mask.kind, own.soft_mask.kind)} if own.soft_mask else {}
    facts |= {"parameters trained": trained_said(run, own)}
    for key, value in (own.method.hyperparameters | own.arguments).items():
        # The bits of a mask, and a user's units of it, are in words above.
        if written(value) and not (key in ("mask", "units") and own.mask):
            facts[key.replace("_", " ")] = written(value)
    facts |= {"seed": str(run.seed)}
    if run.search:
        search = run.search
        where = SEARCHED_ON[search.folds > 0]
        facts |= {"search mode": search.mode, "objective": f"{search.objective} {where} ({search.direction})"}
        if search.min_auc is not None:
            facts |= {"floor of a trial": f"AUC of {search.min_auc:g} {where}"}
        facts |= {"trials": trials_said(search)}
        more = f" on each of {search.folds} folds" if search.folds else f", {search.warmup_epochs:g} of them warm-up"
        facts |= {"epochs of a trial": f"{search.num_train_epochs:g}{more}"}
        facts |= subset_said(search)
        facts |= choice(search)
        facts |= {"hours of search": number(search.seconds / 3600)}
    return facts


def models_of(run: Run) -> int:
    """Return how many models are handed over, to average their probabilities."""
    return run.search.combination.models if run.search and run.search.combination else 1


def trained_said(run: Run, own: Training) -> str:
    """Say how many parameters were trained, and which share that is of all models that are handed over."""
    count, each, models = own.trainable_parameters, run.base.parameters, models_of(run)
    whole = f"in {models} models of {each:,} each" if models > 1 else f"of {each:,}"
    return f"{count:,} {whole} ({percent(count / (models * each))})"


def recipe_rows(recipe: RecipeFacts) -> dict[str, str]:
    """Name the recipe of a run, and list what the run has instead of its values."""
    instead = [
        f"{flag.replace('_', ' ')} {written(value)} (there {written(recipe.values[flag])})"
        for flag, value in recipe.changed.items()
    ]
    return {"recipe": recipe.name, "departs from it": ", ".join(instead) or "nowhere"}


def subset_said(search: Search) -> dict[str, str]:
    """Say on which share of the training rows the trials trained, where it was not all."""
    if search.fraction == 1:
        return {}
    said = f"{percent(search.fraction)} of the training rows, of every group and label; the trainings took all"
    return {"rows of a trial": said}


def card_data(document: Document, base: Base, method: str, license: str | None) -> ModelCardData:
    """Build the metadata; the license is the base model's business and left out unless given."""
    results, hub = list(eval_results(document)), base_model(base.name)
    return ModelCardData(
        base_model=hub,
        base_model_relation="finetune" if hub and document.job == "debias" else None,
        library_name="transformers",
        license=license,
        metrics=["roc_auc"],
        model_name=slug(f"{short(base.name)}-{method}-{document.data.name}") if results else None,
        eval_results=results or None,
        pipeline_tag=TASK,
        tags=["fairness", "hf-fairtune", "medical", method],
    )


def eval_results(document: Document) -> Iterator[EvalResult]:
    """Yield the AUC of all rows of each test split, and the lowest of each attribute; undefined ones are left out.

    The group that has the lowest is named only where it is clearly served worst, as on page and card.
    """
    every = views(document)
    judged = list(zip(every, sides(every), strict=True))
    for split in splits(document):
        some, named = [(view, found[RANKED]) for view, found in judged if view.split == split], dict[str, float]()
        for view, side in some:
            what = f"AUC of {view.target}" if several(document) else "AUC"
            named[plain(f"{what}, all rows, {split}")] = view.audit.auc.value
            clear = side.kind == "beyond" and side.sure
            group = f" ({side.groups[0][0]})" if clear else ", none of them clearly served worst"
            named[plain(f"{what}, lowest group by {view.attribute}{group}, {split}")] = view.audit.min_group_auc.value
        data = plain(document.data.test_sets.get(split, document.data.name))
        for name, value in named.items():
            if value == value:
                result = round(value, 4)
                yield EvalResult(TASK, slug(data), data, "roc_auc", result, metric_name=name, dataset_split=split)


def base_model(name: str) -> str | None:
    """Return a base model that is a Hub id (`owner/name`), None for a local folder."""
    try:
        validate_repo_id(name)
    except HFValidationError:
        return None
    return name if "/" in name else None


def short(name: str) -> str:
    """Keep the last part of a Hub id or a path."""
    return re.split(r"[/\\]", name.rstrip("/\\"))[-1]


def slug(text: str) -> str:
    """Reduce a text to what an identifier may hold."""
    return re.sub(r"[^\w./-]+", "-", text).strip("-/.") or "data"
