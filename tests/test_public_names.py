"""The public names: all importable, typed for mypy, and importing the package costs no torch."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import hf_fairtune


@pytest.mark.parametrize("name", hf_fairtune.__all__)
def test_every_name_is_there_and_documented(name: str) -> None:
    assert getattr(hf_fairtune, name).__doc__
    assert name in dir(hf_fairtune)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'magic'"):
        _ = hf_fairtune.magic


def test_importing_is_light() -> None:
    code = "import sys, hf_fairtune; assert not {'torch', 'transformers', 'pandas'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_what_mypy_imports_is_what_python_does() -> None:
    tree = ast.parse(Path(hf_fairtune.__file__).read_text(encoding="utf-8"))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level]
    assert {alias.name: node.module for node in imports for alias in node.names} == hf_fairtune._HOMES


def test_mypy_knows_every_name_in_a_users_script(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    names = hf_fairtune.__all__
    shown = "\n".join(f"reveal_type({name})" for name in names)
    # Strict for the script alone, so that what mypy knows of the package from `make types` serves again.
    strict = "# mypy: disallow-any-unimported, disallow-untyped-calls, warn-return-any, disallow-any-generics"
    script.write_text(f"{strict}\nfrom hf_fairtune import {', '.join(names)}\n{shown}\n")
    root = Path(hf_fairtune.__file__).parent.parent
    command = [sys.executable, "-m", "mypy", "--config-file", str(root / "pyproject.toml"), str(script)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=root, check=False)
    revealed = re.findall(r"script\.py:\d+: note: Revealed type is \"(.*)\"", done.stdout)
    assert len(revealed) == len(names), done.stdout + done.stderr
    assert not [name for name, kind in zip(names, revealed, strict=True) if kind in ("Any", "builtins.object")]
    assert "error:" not in "\n".join(line for line in done.stdout.splitlines() if "script.py" in line)
