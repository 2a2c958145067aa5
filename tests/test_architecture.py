"""The house: arrows point down the floors, varieties of a room never import each other, files stay short."""

import ast
from pathlib import Path

import pytest

from hf_fairtune.catalog import CONTRACTS

ROOT = Path(__file__).parent.parent / "hf_fairtune"
FILES = sorted(ROOT.rglob("*.py"))
FLOORS: dict[str, int] = {
    "cli": 6,
    "trainer": 5,
    "search": 4,
    "handover": 3,
    "methods": 3,
    "audits": 2,
    "audit_cells": 2,
    "page": 3,
    "masks": 2,
    "importance": 1,
    "intervals": 1,
    "hub": 1,
    "report": 1,
    "gate": 1,
    "scoring": 1,
    "fairness_metric": 3,
    "families": 0,
    "metrics": 0,
    "data": 0,
    "losses": 0,
    "small_cells": 0,
    "audit_document": -1,
    "record": -2,
    "document": -2,
    "folder": -3,
    "catalog": -3,
    "errors": -4,
}
FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "misc"}


def room_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imported_rooms(path: Path) -> set[str]:
    """Rooms of hf_fairtune that a file imports, at any depth of the file."""
    found: set[str] = set()
    depth = len(path.relative_to(ROOT).parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [a.name.split(".") for a in node.names if a.name.split(".")[0] == "hf_fairtune"]
            found |= {name[1] for name in names if len(name) > 1}
        elif isinstance(node, ast.ImportFrom):
            parts = (node.module or "").split(".")
            if node.level == 0 and parts[0] == "hf_fairtune":
                found |= set(parts[1:2]) or {alias.name for alias in node.names}
            elif node.level == depth:
                found |= {parts[0]} if parts[0] else {alias.name for alias in node.names}
            elif 0 < node.level < depth:
                found.add(room_of(path))
    return found & set(FLOORS)


@pytest.mark.parametrize("path", [f for f in FILES if room_of(f) in FLOORS], ids=lambda p: str(p.relative_to(ROOT)))
def test_arrows_point_down(path: Path) -> None:
    room = room_of(path)
    upward = {other for other in imported_rooms(path) - {room} if FLOORS[other] >= FLOORS[room]}
    assert not upward, f"{room} (floor {FLOORS[room]}) imports {upward}"


def test_every_file_has_a_room() -> None:
    assert {room_of(f) for f in FILES} <= set(FLOORS) | {"__init__", "__main__"}


def test_files_are_short_and_named_by_nouns() -> None:
    lengths = {str(f.relative_to(ROOT)): len(f.read_text(encoding="utf-8").splitlines()) for f in FILES}
    assert not {name: n for name, n in lengths.items() if n > 250}
    written = sorted(n for name, n in lengths.items() if not name.endswith("__init__.py"))
    assert written[len(written) // 2] <= 100
    assert not {f for f in FILES if f.stem in FORBIDDEN_NAMES}


def test_room_init_is_a_docstring() -> None:
    for path in FILES:
        if path.name == "__init__.py" and path.parent != ROOT:
            (only,) = ast.parse(path.read_text(encoding="utf-8")).body
            assert isinstance(only, ast.Expr), path


def test_varieties_do_not_import_each_other() -> None:
    """A family, a loss or a method knows its room's contract files and nothing of its sisters."""
    for room, contract in CONTRACTS.items():
        names = {f.stem for f in (ROOT / room).glob("*.py")} - {"__init__"}
        for path in (ROOT / room).glob("*.py"):
            if path.stem in contract:
                continue
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ImportFrom) and node.level == 1:
                    used = {(node.module or "").split(".")[0]} | {a.name for a in node.names}
                    assert not used & names - contract, path
