"""What to load and how to read it, as dataclass fields that are command-line flags."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..errors import FairTuneError


@dataclass
class DataArguments:
    """Name a table of images, its label, its groups and its splits.

    Every field is a flag through `transformers.HfArgumentParser`; `positive` and `group` may be repeated.
    """

    dataset: str = field(
        metadata={
            "help": "Hub id, folder of images with a metadata.csv, or a .csv, .tsv or .parquet file with an "
            "image column. A column `split` (train, validation, test) is kept as the given splits."
        }
    )
    label: str = field(metadata={"help": "Column of the diagnosis."})
    positive: list[str] = field(
        default_factory=list,
        metadata={
            "action": "extend",
            "nargs": "+",
            "help": "Value(s) of the label that mean disease; needed unless the labels are 0 and 1. Repeatable.",
        },
    )
    group: list[str] = field(
        default_factory=list,
        metadata={
            "action": "extend",
            "nargs": "+",
            "help": "Attribute column, or column:cuts (`age:60` is <=60 against >60; `age:40,60` three bins). "
            "Several give their intersections.",
        },
    )
    cluster: str | None = field(
        default=None,
        metadata={"help": "Column of the patient or lesion; one never lies in two splits."},
    )
    image: str | None = field(
        default=None,
        metadata={"help": "Image column. Default: found by its type, else image, file_name, path or filename."},
    )
    image_size: int | None = field(
        default=None, metadata={"help": "Side in pixels. Default: the image processor's own."}
    )
    image_root: str | None = field(
        default=None,
        metadata={"help": "Folder that relative image paths start from. Default: the table's own folder."},
    )
    validation_fraction: float = field(
        default=0.2, metadata={"help": "Share of the divided rows for validation, where the data give none."}
    )
    test_fraction: float = field(
        default=0.2, metadata={"help": "Share of the divided rows for the test, where the data give none."}
    )
    smallest_crop: float = field(
        default=0.08, metadata={"help": "Smallest share of an image that a training crop keeps; 1: only flips."}
    )
    data_cache: str | None = field(
        default=None,
        metadata={"help": "Folder of the decoded pixels. Default: $FAIRTUNE_CACHE or ~/.cache/hf_fairtune."},
    )

    def __post_init__(self) -> None:
        if not 0 < self.smallest_crop <= 1:
            raise FairTuneError(f"--smallest_crop is {self.smallest_crop}; give a share above 0, at most 1.")
