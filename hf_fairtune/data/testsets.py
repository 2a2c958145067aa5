"""Test sets from elsewhere: their flag and their names."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from ..errors import FairTuneError
from .columns import SPLITS
from .scored import repeatable

RESERVED = (*SPLITS, "external")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass
class TestSetArguments:
    """Name test sets from elsewhere; the field is a flag that may be repeated."""

    __test__: ClassVar[bool] = False  # the name starts as that of a class of tests

    test: list[str] = repeatable(
        "Further test set as NAME=PATH, e.g. `clinic_b=data/clinic_b`: its whole table, read by the same --label, "
        "--positive, --group, --cluster and --image; relative image paths start from its own folder. Repeatable."
    )


def parse_test_sets(values: Sequence[str]) -> dict[str, str]:
    """Read `NAME=PATH` strings: path or Hub id of every test set by its name, in their order."""
    found: dict[str, str] = {}
    for value in values:
        name, equals, path = (part.strip() for part in value.partition("="))
        if not (name and equals and path):
            raise FairTuneError(f"--test {value} is not NAME=PATH; write e.g. --test clinic_b=data/clinic_b.")
        check_name(name, found)
        found[name] = path
    return found


def check_name(name: str, taken: Iterable[str] = ()) -> None:
    """Check that a test set may have this name."""
    if name in RESERVED:
        raise FairTuneError(f"The test set's name `{name}` is that of a split of the main data; choose another name.")
    if name in taken:
        raise FairTuneError(f"Two test sets have the name `{name}`; give each a name of its own.")
    if not NAME.fullmatch(name):
        raise FairTuneError(
            f"The test set's name `{name}` is not made of letters, digits, `-`, `_` and `.` after a letter or digit; "
            "choose another name."
        )
