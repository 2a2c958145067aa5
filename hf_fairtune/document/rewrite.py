"""A document changed part by part, by the types of its fields."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from functools import cache
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

# From the document down to a part: each owner and the name of its field, or the key of its mapping.
Path = tuple[tuple[Any, str], ...]
Change = Callable[[Any, Any, Path], Any]
Part = TypeVar("Part")
# What a change returns of a part whose own parts are to be changed instead.
DESCEND = object()


def rewrite(part: Part, change: Change, kind: Any = None, path: Path = ()) -> Part:
    """Return a copy of a part of a document in which every part is what `change` makes of it.

    Args:
        part: a dataclass of a document, or what one holds.
        change: takes a part, its type and its path, and returns the new part, or `DESCEND`.
        kind: type of the part.
        path: of the part.
    """
    found = change(part, kind, path)
    if found is not DESCEND:
        return found
    if is_dataclass(part) and not isinstance(part, type):
        types = _hints(type(part)).items()
        return replace(part, **{n: rewrite(getattr(part, n), change, k, (*path, (part, n))) for n, k in types})
    if isinstance(part, (dict, list, tuple)):
        # A field that may also be another thing, such as None, is a union.
        inner = next(get_args(one) for one in (kind, *get_args(kind)) if get_origin(one) is type(part))
        if isinstance(part, dict):
            items = part.items()
            return {key: rewrite(item, change, inner[1], (*path, (part, key))) for key, item in items}  # type: ignore[return-value]
        return type(part)(rewrite(item, change, inner[0], path) for item in part)
    return part


@cache
def _hints(kind: Any) -> dict[str, Any]:
    """Return the types of a dataclass's fields."""
    types = get_type_hints(kind, include_extras=True)
    return {field.name: types[field.name] for field in fields(kind)}
