"""The house: arrows point down the floors, varieties of a room never import each other, names and types are plain."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from hf_fairtune import catalog

ROOT = Path(__file__).parent.parent / "hf_fairtune"
FILES = sorted(ROOT.rglob("*.py"))
FLOORS: dict[str, int] = {
    "cli": 11,
    "protocol": 10,
    "trainer": 9,
    "handover": 8,
    "search": 7,
    "show": 7,
    "hub": 6,
    "outgoing": 5,
    "publish": 6,
    "publish_benchmark": 6,
    "methods": 6,
    "gate": 5,
    "masks": 5,
    "importance": 4,
    "scoring": 4,
    "loading": 5,
    "fairness_metric": 5,
    "audits": 4,
    "combinations": 6,
    "selections": 5,
    "disclosure": 5,
    "recovery": 5,
    "losses": 3,
    "families": 3,
    "data": 3,
    "recipes": 3,
    "document": 2,
    "datasets": 2,
    "files": 1,
    "catalog": 1,
    "connection": 1,
    "signals": 1,
    "surroundings": 3,
    "errors": 0,
    "processes": 1,
    "progress": 0,
}
FORBIDDEN_FILES = {"utils", "util", "helpers", "helper", "common", "misc"}
# No nouns of the field; each has a plain one.
FORBIDDEN_WORDS = {"told", "spoken", "mute", "anew", "rival", "foresight", "relabelling"}
STRING_KEYS_PER_1000_LINES = 10


def room_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imported_rooms(path: Path) -> set[str]:
    """Rooms of hf_fairtune that a file imports, at any depth of the file."""
    found: set[str] = set()
    depth = len(path.relative_to(ROOT).parts)
    for node in ast.walk(tree_of(path)):
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


@pytest.mark.parametrize("path", [f for f in FILES if room_of(f) in FLOORS], ids=shown)
def test_arrows_point_down(path: Path) -> None:
    room = room_of(path)
    upward = {other for other in imported_rooms(path) - {room} if FLOORS[other] >= FLOORS[room]}
    assert not upward, f"{room} (floor {FLOORS[room]}) imports {upward}"


def test_every_file_has_a_room() -> None:
    assert {room_of(f) for f in FILES} <= set(FLOORS) | {"__init__", "__main__"}


def test_files_are_short_and_named_by_nouns() -> None:
    lengths = {shown(f): len(f.read_text(encoding="utf-8").splitlines()) for f in FILES}
    assert not {name: n for name, n in lengths.items() if n > 250}
    written = sorted(n for name, n in lengths.items() if not name.endswith("__init__.py"))
    assert written[len(written) // 2] <= 120
    assert not {f for f in FILES if f.stem in FORBIDDEN_FILES or f.stem.endswith("_test")}


def test_room_init_is_a_docstring() -> None:
    for path in FILES:
        if path.name == "__init__.py" and path.parent != ROOT:
            (only,) = tree_of(path).body
            assert isinstance(only, ast.Expr), path


@pytest.mark.parametrize("room", sorted(set(catalog.MARKS) - {"cli"}))
def test_varieties_do_not_import_each_other(room: str) -> None:
    """A family, a loss, a method or a metric knows its room's contract and nothing of its sisters."""
    folder, varieties = ROOT.joinpath(*room.split(".")), set(catalog.names(room))
    for path in (folder / f"{name}.py" for name in varieties):
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.ImportFrom) and node.level == 1:
                used = {(node.module or "").split(".")[0]} | {a.name for a in node.names}
                assert not used & varieties, path


def test_a_broad_except_says_why() -> None:
    """What catches every error hides those of our own, so the line has its reason."""
    lines = [line.strip() for path in FILES for line in path.read_text(encoding="utf-8").splitlines()]
    assert not [line for line in lines if re.fullmatch(r"except( \(?([\w., ]+, )?(Base)?Exception\b[^#]*)?:", line)]


def test_what_is_typed_stays_typed() -> None:
    """State lies in fields, not under string keys."""
    lines = sum(len(path.read_text(encoding="utf-8").splitlines()) for path in FILES)
    keys = [
        node
        for path in FILES
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Subscript)
        and isinstance(node.slice, ast.Constant)
        and isinstance(node.slice.value, str)
    ]
    assert len(keys) <= STRING_KEYS_PER_1000_LINES * lines / 1000


def public_functions(path: Path) -> Iterator[ast.FunctionDef]:
    """Yield a file's public functions and the public methods of its public classes."""
    for node in tree_of(path).body:
        inside = node.body if isinstance(node, ast.ClassDef) and not node.name.startswith("_") else [node]
        yield from (one for one in inside if isinstance(one, ast.FunctionDef) and not one.name.startswith("_"))


# Signatures that a library calls or defines, and values that it makes: hooks of callbacks and states of checkpoints,
# rows of `datasets` and of `evaluate`, arguments of PEFT, Optuna and the stock Trainer, a JSON schema; what marks
# a folder as a run's, as JSON.
STOCK = {"state", "from_peft_type", "hyperparameter_search", "push_to_hub", "json_schema"}
RUNS = {"cli/job.py", "trainer/arguments.py", "search/plan.py", "search/searcher.py", "trainer/searching.py"}
ROWS = RUNS | {"data/identity.py", "data/pixels.py", "importance/stable_rows.py", "fairness_metric/fairness_metric.py"}


@pytest.mark.parametrize("path", FILES, ids=shown)
def test_public_signatures_say_what_they_take(path: Path) -> None:
    for function in public_functions(path):
        if function.name in STOCK or function.name.startswith("on_") or shown(path) in ROWS:
            continue
        arguments = function.args
        kinds = [one.annotation for one in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
        texts = [ast.unparse(kind) for kind in (*kinds, function.returns) if kind is not None]
        assert not [text for text in texts if "dict[str, Any]" in text], function.name
        rest = arguments.kwarg and arguments.kwarg.annotation
        assert rest is None or ast.unparse(rest) != "Any", function.name


@pytest.mark.parametrize("path", FILES, ids=shown)
def test_names_are_the_fields(path: Path) -> None:
    found = {getattr(node, key, None) for node in ast.walk(tree_of(path)) for key in ("id", "attr", "arg", "name")}
    words = {word for name in found if isinstance(name, str) for word in name.lower().split("_")}
    assert not words & FORBIDDEN_WORDS
