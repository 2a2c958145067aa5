"""Where the table of images comes from: the Hub, a folder, or a CSV, TSV or Parquet file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from datasets import Dataset, DatasetDict, Image, concatenate_datasets, load_dataset, load_from_disk

from ..errors import FairTuneError
from .arguments import DataArguments
from .columns import attribute_frame, image_column, image_dataset
from .levels import as_levels, listed

TABLES = {".csv": ",", ".tsv": "\t"}
SPLITS = ("train", "validation", "test")
SPLIT_NAMES = {name: name for name in SPLITS} | {"training": "train", "valid": "validation"}
SPLIT_NAMES |= {"val": "validation", "dev": "validation", "testing": "test"}
SPLIT_COLUMN = "split"
METADATA = ("metadata.csv", "metadata.jsonl", "metadata.parquet")


@dataclass(frozen=True)
class Source:
    """A table of images as it was found, rows in order.

    Args:
        name: what to call it in a report; no path of the machine.
        frame: its attribute columns.
        images: one column `image` of undecoded images.
        root: the folder that image paths are told from, None on the Hub.
        given: the split of every row (one of `SPLITS`), None where the data do not say.
    """

    name: str
    frame: pd.DataFrame
    images: Dataset
    root: Path | None
    given: list[str] | None

    def column(self, name: str, flag: str) -> pd.Series:
        """Return an attribute column.

        Raises:
            FairTuneError: there is none of this name; the line lists those there are.
        """
        if self.frame.columns.empty:
            raise FairTuneError(
                f"--{flag} {name} names no column: `{self.name}` has images and nothing else. Put a metadata.csv with "
                "a column file_name and yours beside the images, or give a .csv, .tsv or .parquet file."
            )
        if name not in self.frame:
            raise FairTuneError(
                f"--{flag} {name} names no column of the data; the columns are {listed(self.frame.columns, 30)}. "
                "Name one of them."
            )
        return self.frame[name]


def load_source(arguments: DataArguments, *, divided: bool = True) -> Source:
    """Open the table that `arguments.dataset` names; with `divided=False` the splits it tells of are nothing.

    Raises:
        FairTuneError: it does not exist, cannot be read, has no image column, or its splits are unclear.
    """
    path = Path(arguments.dataset).expanduser()
    parts = _open(arguments.dataset, path)
    if not any(len(part) for part in parts.values()):
        raise FairTuneError(f"`{arguments.dataset}` has no rows; give a table with one row an image.")
    features = next(iter(parts.values())).features
    column = image_column(features, arguments.image)
    if arguments.image_root and isinstance(features[column], Image):
        raise FairTuneError(f"--image_root is for columns of paths, but `{column}` holds images; leave it out.")
    root = path.parent if path.is_file() else path if path.is_dir() else None
    root = Path(arguments.image_root).expanduser() if arguments.image_root else root
    frame = pd.concat([attribute_frame(part, column) for part in parts.values()], ignore_index=True)
    images = concatenate_datasets([image_dataset(part, column, root) for part in parts.values()])
    given = _given(parts, frame) if divided else None
    return Source(_name(arguments.dataset, path), frame, images, root, given)


def _open(dataset: str, path: Path) -> dict[str, Dataset]:
    suffix = path.suffix.lower()
    if not path.exists() and (suffix in {*TABLES, ".parquet"} or path.is_absolute() or dataset.startswith((".", "~"))):
        raise FairTuneError(f"`{dataset}` does not exist; give a Hub id, a folder or a .csv, .tsv or .parquet file.")
    if path.is_file() and suffix not in {*TABLES, ".parquet"}:
        raise FairTuneError(f"`{dataset}` is no .csv, .tsv or .parquet file; give one of these, a folder or a Hub id.")
    try:
        found = _read(dataset, path, suffix)
    except FairTuneError:
        raise
    except Exception as error:  # every builder of `datasets` raises its own kinds
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise FairTuneError(f"`{dataset}` could not be read ({reason}); check the id or the files.") from error
    return dict(found) if isinstance(found, DatasetDict) else {"train": found}


def _read(dataset: str, path: Path, suffix: str) -> Dataset | DatasetDict:
    if suffix in TABLES and path.is_file():
        frame = pd.read_csv(path, sep=TABLES[suffix], low_memory=False)
        return Dataset.from_pandas(frame, preserve_index=False)
    if path.is_file():
        return Dataset.from_parquet(str(path))
    if (path / "dataset_dict.json").is_file() or (path / "state.json").is_file():
        return load_from_disk(str(path))
    if _is_one_table(path):
        # Left to itself, `datasets` takes an image called my-test.png for the test split.
        return load_dataset(str(path), data_files={"train": "**"})
    return load_dataset(str(path) if path.is_dir() else dataset)


def _is_one_table(path: Path) -> bool:
    """Say whether a folder has its metadata at its root and no folder of a split."""
    if not any((path / name).is_file() for name in METADATA):
        return False
    return not any(part.is_dir() and part.name.lower() in SPLIT_NAMES for part in path.iterdir())


def _given(parts: dict[str, Dataset], frame: pd.DataFrame) -> list[str] | None:
    if len(parts) > 1:
        rows = [name for name, part in parts.items() for _ in range(len(part))]
        origin = "splits"
    elif SPLIT_COLUMN in frame:
        rows = as_levels(frame[SPLIT_COLUMN]).fillna("(empty)").tolist()
        origin = f"values in the column `{SPLIT_COLUMN}`"
    else:
        return None
    names = list(dict.fromkeys(rows))
    known = [SPLIT_NAMES.get(name.lower()) for name in names]
    if None in known or "train" not in known or len(set(known)) < len(known):
        raise FairTuneError(
            f"The data have the {origin} {listed(names)}; wanted are train and, if any, validation and test, each "
            "once. Rename them, or give one table without splits."
        )
    meaning = dict(zip(names, known, strict=True))
    return [str(meaning[name]) for name in rows]


def _name(dataset: str, path: Path) -> str:
    """Return a Hub id, or the name of a folder or file without what it lies in: it is published."""
    return path.resolve().name if path.exists() else dataset
