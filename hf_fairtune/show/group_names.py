"""Attributes and groups in words: group `>60` of `age:60` is "age over 60" of "age"."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from functools import cache, partial
from typing import Any, get_args, get_type_hints

from ..data.attributes import AND
from ..document.data import AttributeSheet, Data, Reading
from ..document.document import Document
from ..document.scalar import GROUP
from .words import LETTER


def in_words(document: Document) -> Document:
    """Return the document with attributes and groups in words: group `>60` of `age:60` is "age over 60" of "age"."""
    titles, groups = wordings(document.data)
    name = partial(_named, titles=titles, groups=groups)
    readings = list(map(_read_in_words, document.data.readings))
    data = replace(document.data, splits=name(document.data.splits), readings=readings)
    run = document.run and replace(document.run, ladder=name(document.run.ladder))
    return replace(document, data=data, audits=name(document.audits), gate=name(document.gate), run=run)


def wordings(data: Data) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    """Return the words for every attribute, and by attribute those for every group, both by name."""
    titles, groups, columns = dict[str, str](), dict[str, dict[str, str]](), list[str]()
    for spec in data.groups:
        columns.append(spec.partition(":")[0])
    for sheet in data.splits.values():
        single: list[dict[str, str]] = []
        for part in sheet.attributes:
            own = groups.setdefault(part.name, {})
            for level in part.levels:
                levels = level.group.split(AND)
                if part.kind != "intersection":
                    own[level.group] = group_words(level.group, part.columns[0], part.kind == "cuts", level.missing)
                elif len(levels) == len(single):
                    own[level.group] = AND.join(map(dict.get, single, levels, levels))
            single += [own] if part.kind != "intersection" else []
            once = part.kind == "cuts" and columns.count(part.columns[0]) == 1
            specs = part.name.split(AND) if part.kind == "intersection" else [part.name]
            titles[part.name] = part.columns[0].replace("_", " ") if once else AND.join(map(titles.get, specs, specs))
    return titles, groups


def _read_in_words(found: Reading) -> Reading:
    """Return what a value was read as, with its group in words: only a cut column's values have one."""
    return replace(found, group=found.group and group_words(found.group, found.column, cuts=True))


def _named(
    part: Any, *, titles: Mapping[str, str], groups: Mapping[str, Mapping[str, str]], attribute: str = ""
) -> Any:
    """Return a part of a document, a part of an audit by `attribute`, with its attributes and groups renamed."""
    kind: type = type(part)
    attribute = part.name if isinstance(part, AttributeSheet) else getattr(part, "attribute", attribute) or ""
    name = partial(_named, titles=titles, groups=groups, attribute=attribute)
    if isinstance(part, dict):
        return dict(zip(part, map(name, part.values()), strict=True))
    if isinstance(part, (list, tuple)):
        return type(part)(map(name, part))
    if not is_dataclass(part):
        return part
    own, changed, holding = groups.get(attribute, {}), dict[str, Any](), _group_fields(kind)
    for field in fields(part):
        value = getattr(part, field.name)
        if field.name not in holding:
            changed[field.name] = name(value)
        elif isinstance(value, dict):
            changed[field.name] = dict(zip(map(own.get, value, value), value.values(), strict=True))
        elif isinstance(value, list):
            changed[field.name] = list(map(own.get, value, value))
        else:
            changed[field.name] = own.get(value, value)
    renamed = "name" if isinstance(part, AttributeSheet) else "attribute"
    if renamed in changed and attribute:
        changed[renamed] = titles.get(attribute, attribute)
    return replace(part, **changed)  # type: ignore[type-var]


@cache
def _group_fields(kind: type) -> frozenset[str]:
    """Return the fields of a part of a document that hold the name of a group, or several."""
    hints = get_type_hints(kind, include_extras=True)
    return frozenset(name for name, hint in hints.items() if _names_a_group(hint))


def _names_a_group(hint: Any) -> bool:
    return GROUP in getattr(hint, "__metadata__", ()) or any(map(_names_a_group, get_args(hint)))


def group_words(group: str, column: str, cuts: bool, missing: bool = False) -> str:
    """Name a group so that it can stand alone: "age over 60", "age missing", "skin 3"; others keep their name."""
    text, column = group, column.replace("_", " ")
    if cuts:
        # `<=40`, `(40,60]` and `>60`.
        text = text.replace("<=", "up to ").replace(">", "over ").replace("(", "over ").replace(",", " up to ")
        return f"{column} {text.removesuffix(']')}"
    return text if LETTER.search(text) and not missing else f"{column} {text}"
