"""What to train on and how to read it, as dataclass fields that are command-line flags."""

from dataclasses import dataclass, field
from typing import Any

from datasets import Dataset

from ..errors import FairTuneError
from .augmentations import Augment, Augmentation, augmentation_of
from .scored import REPEATED, PredictionArguments, repeatable
from .uncertain import Uncertain


def _as_in_audit(name: str) -> Any:
    """Make a field with the help of the audit's flag of the same name, empty by default."""
    help = PredictionArguments.__dataclass_fields__[name].metadata["help"]
    return (
        repeatable(help)
        if name in ("positive", "exclude", "include")
        else field(default=None, metadata={"help": help})
    )


@dataclass
class DataArguments:
    """Name a table of images, its label, its groups and its splits.

    Every field is a flag through `transformers.HfArgumentParser`; `label`, `positive` and `group` may be repeated. One
    label may be given as a text.
    """

    dataset: str = field(
        metadata={
            "help": "Hub id, folder of images with a metadata.csv, or a table (csv, xlsx, json, parquet, ...) with an "
            "image column. A column `split` (train, validation, test) is kept as the given splits.",
            "aliases": ["--dataset_name"],
        }
    )
    label: list[str] | str = field(
        metadata=REPEATED
        | {
            "help": "Column of the diagnosis; of more than two values and no --positive each is a class. Several are "
            "several findings an image can have, each a column of 0 and 1, empty where it is not known."
        }
    )
    positive: list[str] = _as_in_audit("positive")
    group: list[str] = repeatable(
        "Attribute column, or column:cuts (`age:60` is <=60 against >60; `age:40,60` three bins). Several give their "
        "intersections."
    )
    cluster: str | None = field(
        default=None, metadata={"help": "Column of the patient or lesion; one never lies in two splits."}
    )
    image: str | None = _as_in_audit("image")
    image_size: int | None = _as_in_audit("image_size")
    image_root: str | None = _as_in_audit("image_root")
    validation_fraction: float = field(
        default=0.2, metadata={"help": "Share of the divided rows for validation, where the data give none."}
    )
    test_fraction: float = field(
        default=0.2, metadata={"help": "Share of the divided rows for the test, where the data give none."}
    )
    augment: Augment = field(
        default="crop",
        metadata={
            "help": "Training images: a mirrored crop of the resized image, or with original_crop of the original, "
            "decoded at each use (FairTune's code); flips: mirrored both ways and transposed (SWiFT)."
        },
    )
    smallest_crop: float = field(
        default=0.08, metadata={"help": "Smallest share of an image that a training crop keeps; 1: only flips."}
    )
    stored_views: int = field(
        default=0,
        metadata={
            "help": "Ways to crop and flip a training image, drawn once and used in turn, one an epoch, so that "
            "frozen first layers are calculated once for each: faster, on fewer different images. 0: a new way at "
            "each epoch."
        },
    )
    data_cache: str | None = _as_in_audit("data_cache")
    exclude: list[str] = _as_in_audit("exclude")
    include: list[str] = _as_in_audit("include")
    uncertain: Uncertain | None = _as_in_audit("uncertain")

    def __post_init__(self) -> None:
        self.label = [self.label] if isinstance(self.label, str) else [*self.label]
        if not 0 < self.smallest_crop <= 1:
            raise FairTuneError(f"--smallest_crop is {self.smallest_crop}; give a share above 0, at most 1.")
        if self.stored_views < 0:
            raise FairTuneError(f"--stored_views is {self.stored_views}; give a number of views, or 0 for none.")

    def augmentation(self, images: Dataset, size: tuple[int, int]) -> Augmentation:
        """Return how training images are changed; `images` are the originals, `size` their (height, width) resized.

        Raises:
            FairTuneError: an unknown `augment`, or one that such images do not allow.
        """
        return augmentation_of(self.augment, self.smallest_crop, images, size)
