"""The contract of a data set: how its table of images is written, and with which flags it is read."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from .. import catalog
from ..errors import FairTuneError


class Prepare(Protocol):
    """Write the table of images that `--dataset` reads."""

    def __call__(self, folder: Path, download: Path | None) -> Path:
        """Write the data set to `folder` and return what `--dataset` takes.

        Args:
            folder: new, empty, or prepared before.
            download: folder of the official files; None where the images are generated.
        """


@dataclass(frozen=True)
class PreparedDataset:
    """A data set is a file `datasets/<name>.py` that names one of these `DATASET`.

    Args:
        title: what is in it, one line.
        prepare: writes its table.
        label: column of the diagnosis.
        positive: the values of `label` that are class 1.
        groups: attribute columns, with cuts, as `--group` takes them.
        citation: BibTeX; empty if there is nothing to cite.
        cluster: column of the patient or lesion.
        official: address of the official download; None where the images are generated.
    """

    title: str
    prepare: Prepare
    label: str
    positive: tuple[str, ...]
    groups: tuple[str, ...]
    citation: str = ""
    cluster: str | None = None
    official: str | None = None

    def write(self, folder: Path, download: Path | None = None) -> Path:
        """Write the table and return what `--dataset` takes.

        Raises:
            FairTuneError: the official download is needed and not given, or `prepare` refuses.
        """
        if self.official is not None and (download is None or not download.is_dir()):
            where = "no folder is given" if download is None else f"`{download}` is no folder"
            raise FairTuneError(
                f"this data set is made of its official download ({self.official}), but {where}; get it, accept its "
                "terms, and name its folder by --download."
            )
        return self.prepare(folder, download)

    def flags(self, table: Path) -> list[str]:
        """Return the flags by which `fairtune search`, `train` and `audit` read the prepared table."""
        named = [("--dataset", str(table)), ("--label", self.label)]
        named += [("--positive", value) for value in self.positive] + [("--group", column) for column in self.groups]
        named += [("--cluster", self.cluster)] if self.cluster else []
        return [word for pair in named for word in pair]


def dataset_named(name: str) -> PreparedDataset:
    """Return the data set of `datasets/<name>.py`.

    Raises:
        FairTuneError: no data set of that name.
    """
    found: PreparedDataset = catalog.find("datasets", name).DATASET
    return found
