"""What a table or a folder names that does not lie on a disk; nothing is fetched for it."""

import re
from collections.abc import Iterator
from pathlib import Path

import yaml
from datasets import Dataset, Value

from ..errors import FairTuneError

# What `datasets` and fsspec open over a network or inside an archive: http://, s3://, hf://, zip://a.png::b.zip.
ADDRESS = re.compile(r"\s*[A-Za-z][A-Za-z0-9+.-]*://|.*::")
CARD = "README.md"
FRONT = re.compile(r"\A\s*---\s*\n(.*?)\n---\s*$", re.DOTALL | re.MULTILINE)


def check_card(folder: Path) -> None:
    """Check that the card of a folder, whose metadata `datasets` follows, names no file outside the disk.

    Raises:
        FairTuneError: it does.
    """
    try:
        front = FRONT.search((folder / CARD).read_text(encoding="utf-8", errors="replace"))
        content = yaml.load(front[1], yaml.BaseLoader) if front else None
    except (OSError, yaml.YAMLError):  # there is none, or one that `datasets` cannot read either
        return
    configs = content.get("configs") if isinstance(content, dict) else None
    for text in _texts(configs):
        if ADDRESS.match(text):
            raise FairTuneError(
                f"`{folder / CARD}` names the data `{text}`, and nothing is fetched for a folder; download it, or "
                "remove `configs` from the card."
            )


def check_hub_paths(dataset: str, column: str, part: Dataset, root: Path | None) -> None:
    """Check that the paths of a table of the Hub, if its column holds paths, stay in the folder that the user names.

    Raises:
        FairTuneError: no folder is named, or a path leaves it.
    """
    if not isinstance(part.features[column], Value):
        return
    if root is None:
        raise FairTuneError(
            f"`{dataset}` is of the Hub, and its column `{column}` holds paths; name their folder by --image_root."
        )
    for text in filter(None, map(str, part.with_format(None)[column][:])):
        if Path(text).is_absolute() or ".." in Path(text).parts:
            raise FairTuneError(f"`{dataset}` is of the Hub, and its path `{text}` leaves --image_root; drop its row.")


def _texts(part: object) -> Iterator[str]:
    """Yield every text inside lists and mappings; an alias of YAML may close a circle, which has no end."""
    seen, left = set[int](), [part]
    while left:
        one = left.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, dict | list) and id(one) not in seen:
            seen.add(id(one))
            left += one.values() if isinstance(one, dict) else one
