"""What several trainings of each method show: the verdict on a method, its table, and what choosing each took."""

import math
from collections.abc import Sequence

from ..document.document import Document
from ..document.replication import Repeated, Replication
from ..document.run import SINGLE, MethodFacts, Needs
from ..document.search import Search
from .compared import Said, verdict
from .table import Cell, Table
from .view import View, digits_of
from .words import SEARCHED_ON, listed, name, number, written

MOST = 8
NO_WINNER = "no feasible trial"
VARIANCES = (
    "trainings: of one recipe with several seeds; the interval of a mean holds the variance of training and of rows",
    "from training, from rows: the two standard errors of the mean of the lowest group's AUC",
)


def methods_said(view: View) -> str:
    """Say of each baseline what the trainings of both methods show."""
    return " ".join(one.text for one in each_said(view))


def each_said(view: View) -> list[Said]:
    """Say it of each baseline apart."""
    said = []
    for title, found in view.baselines.items():
        rows = {row.group: (row.auc.change.mean, row.fall) for row in found.groups if row.group not in found.excluded}
        text = f"{view.title} against {title}, {trainings(found)}: {verdict(found.verdict, rows, found.margin)}"
        said.append(Said(text, any(change.high < 0 for change, _ in rows.values())))
    return said


def combined_alike(document: Document) -> str:
    """Say which baselines' trials were combined as the model's were; "" where those were not."""
    search = document.run.search if document.run else None
    titles = [
        model.title
        for model in document.models
        if model.budget and model.training and model.id not in (document.model, SINGLE)
    ]
    if search is None or search.combination is None or not titles:
        return ""
    rule = search.combination.title
    return f"The trials of each baseline were combined by the same rule, {rule}: {listed(titles, MOST, ', ')}."


def trainings(found: Replication) -> str:
    """Say how often both methods were trained."""
    own = len(found.auc.method.runs)
    if found.fixed:
        return f"{own} trainings against this one model"
    other = len(found.auc.baseline.runs)
    return f"{own} trainings of each" if own == other else f"{own} and {other} trainings"


def methods_table(view: View) -> Table:
    """Build a row a method: its lowest AUC, gap and AUC of all rows as means over trainings."""
    rows: list[list[Cell]] = []
    for title, found in view.baselines.items():
        if not rows:
            parts = found.min_group_auc.method, found.auc_gap.method, found.auc.method
            rows.append(_row(view.title, parts, ""))
        parts = found.min_group_auc.baseline, found.auc_gap.baseline, found.auc.baseline
        rows.append(_row(title, parts, found.verdict))
    header = ["method", "trainings", "lowest group's AUC", "from training", "from rows", "gap", "AUC of all rows"]
    header.append(f"verdict on {view.title}")
    title = f"Methods {view.place}, means over trainings [{view.level}]"
    return Table.of(title, header, rows, VARIANCES if rows else (), digits=view.digits)


def _row(title: str, parts: tuple[Repeated, Repeated, Repeated], found: str) -> list[Cell]:
    lowest, gap, whole = parts
    errors: list[Cell] = [lowest.training_error, lowest.sampling_error]
    return [title, len(lowest.runs), lowest.mean, *errors, gap.mean, whole.mean, found]


def changes_tables(view: View) -> list[Table]:
    """Build, for each baseline, a row a group: the AUC by both methods and the change."""
    tables = []
    for title, found in view.baselines.items():
        rows: list[list[Cell]] = []
        for row in found.groups:
            contrast = row.auc
            rows.append([name(row.group), contrast.method.mean, contrast.baseline.mean, contrast.change.mean])
        header = ["group", f"AUC, {view.title}", f"AUC, {title}", "change"]
        whole = f"{view.title} against {title} {view.place}, means over trainings [{view.level}]"
        note = "change: its interval is simultaneous over the groups that changed"
        tables.append(Table.of(whole, header, rows, [note], digits=view.digits))
    return tables


def budget_table(document: Document) -> Table:
    """Build a row a method that was searched: what its search took, what it chose, and its value there."""
    rows: list[list[Cell]] = []
    objectives: list[str] = []
    for model in document.models:
        if model.budget is None:
            continue
        budget, training = model.budget, model.training
        objectives.append(budget.objective)
        rate = written(training.steps[0].learning_rate) if training and training.steps else ""
        minutes = number(budget.seconds / 60, digits=1)
        seeds = ", ".join(map(str, model.seeds))
        parameters = f"{training.trainable_parameters:,}" if training else ""
        trials = budget.trials if budget.trials >= (budget.asked or 0) else f"{budget.trials} of {budget.asked}"
        value: Cell = NO_WINNER if training is None and math.isnan(budget.value) else budget.value
        rows.append([model.title, trials, f"{budget.epochs:g}", minutes, rate, parameters, value, seeds])
    folded = bool(document.run and document.run.search and document.run.search.folds)
    best = f"{listed(list(dict.fromkeys(objectives)), MOST)} of the chosen trial, {SEARCHED_ON[folded]}"
    header = ["method", "trials", "epochs of all trials", "minutes", "learning rate", "parameters", best, "seeds"]
    said = hours_note(document)
    return Table.of("What choosing each method took", header, rows, said, digits=digits_of(document))


def hours_note(document: Document) -> list[str]:
    """Say that the hours of a run ended its search, and what a baseline that was searched had then."""
    if not (document.run and document.run.search and document.run.search.out_of_hours):
        return []
    # The chosen trial alone has the budget of the run's own search.
    own = document.model_named(document.model).budget
    searched = any(model.budget not in (None, own) for model in document.models)
    equal = "; a baseline had as many trials as the winner finished" if searched else ""
    return [f"The run's limit of hours ended the search{equal}."]


def hours_said(search: Search) -> str:
    """Say how many trials the hours of a run held, where there were not enough."""
    if not search.out_of_hours:
        return ""
    cut = sum(trial.stopped_by == "hours" for trial in search.trials)
    pruned = f" and pruned {cut}" if cut else ""
    return f"; the limit of {search.max_hours:g} hours ended the search{pruned}"


def needs_rows(method: MethodFacts) -> dict[str, str]:
    """Return what the method needs as a row of the card; none where the document is of an earlier version."""
    return {} if method.needs is None else {"the method needs": needs_said(method.needs)}


def needs_said(needs: Needs) -> str:
    """Say when a method needs the attribute, and whether it needs the original training data."""
    data = "the original training data" if needs.original_training_data else "no original training data"
    return f"{times_said(needs)}; {data}"


def times_said(needs: Needs) -> str:
    """Say when a method needs the attribute."""
    times = {
        "to train": needs.attribute_at_train,
        "to choose on validation": needs.attribute_at_validation,
        "to predict": needs.attribute_at_inference,
    }
    asked = " and ".join(when for when, needed in times.items() if needed)
    return f"the attribute {asked}" if asked else "no attribute"


def tables(view: View) -> Sequence[Table]:
    """Build the tables of the methods, the summary first."""
    return [methods_table(view), *changes_tables(view)] if view.baselines else []
