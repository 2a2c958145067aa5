"""The rows of a test set from elsewhere, read as the main data are."""

from dataclasses import replace

from ..errors import FairTuneError, listed
from .arguments import DataArguments
from .image_rows import ImageRows, read_rows
from .leakage import check_test_set
from .source import load_source
from .table_object import Table


def added_rows(name: str, arguments: DataArguments, main: ImageRows, table: Table = None) -> tuple[str, ImageRows]:
    """Read the whole table of a test set, and return its name and rows; it may lack some of several classes.

    Raises:
        FairTuneError: see `FairDataset.with_test_set`.
    """
    task, wanted = main.table.task, main.label_names
    try:
        source = load_source(arguments.dataset, image=arguments.image, divided=False, table=table)
        source = source.certain(arguments.label, arguments.positive, arguments.uncertain)
        known = () if task == "binary" or len(arguments.label) > 1 else wanted
        rows = read_rows(source, arguments, name, known=known, lone_levels=True)
    except FairTuneError as error:
        raise FairTuneError(f"Test set `{name}`: {error}") from error
    if rows.label_names != wanted:
        raise FairTuneError(
            f"Test set `{name}` has the labels {listed(rows.label_names)}, the main data {listed(wanted)}"
            f"{' (negative, positive)' if task == 'binary' else ''}; write the same values in both tables."
        )
    if rows.table.task != task and task == "multiclass":
        raise FairTuneError(f"Test set `{name}` has rows of several classes, the main data none; split such cells.")
    check_test_set(name, rows, main)
    return source.name, replace(rows, table=replace(rows.table, task=task))
