"""The pinned versions have no known vulnerability, where pip-audit and its service can be asked."""

import json
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from scripts import audit_dependencies
from scripts.audit_dependencies import AUDIT, SkippedError, vulnerable


def stand_in(folder: Path, printed: str, status: int = 0) -> list[str]:
    """Write a program that prints what pip-audit would."""
    script = folder / "audit.py"
    script.write_text(f"import sys\nprint({printed!r})\nprint('a reason', file=sys.stderr)\nsys.exit({status})\n")
    return [sys.executable, str(script)]


def test_no_pin_has_a_known_vulnerability() -> None:
    if find_spec("pip_audit") is None:
        pytest.skip("pip-audit is not installed: `make audit-dependencies` installs it")
    try:
        _, lines = vulnerable(AUDIT)
    except SkippedError as reason:
        pytest.skip(f"dependencies are not audited: {reason}")
    assert not lines


def test_a_vulnerability_is_a_line(tmp_path: Path) -> None:
    flaw = {"id": "CVE-1", "fix_versions": ["2.1"]}
    packages = [
        {"name": "a", "version": "2.0", "vulns": [flaw]},
        {"name": "b", "version": "1.0", "vulns": []},
        {"name": "c", "skip_reason": "unknown"},
    ]
    assert vulnerable(stand_in(tmp_path, json.dumps({"dependencies": packages}), 1)) == (
        2,
        ["a 2.0: CVE-1, mended in 2.1"],
    )


@pytest.mark.parametrize(
    ("printed", "reason"),
    [
        ("", "pip-audit gave up: a reason"),
        ("[]", "pip-audit gave up: a reason"),
        (json.dumps({"dependencies": [{"name": "c", "skip_reason": "unknown"}]}), "knows none of 1 packages"),
    ],
)
def test_what_cannot_be_asked_is_skipped(tmp_path: Path, printed: str, reason: str) -> None:
    with pytest.raises(SkippedError, match=reason):
        vulnerable(stand_in(tmp_path, printed))


def test_where_it_is_missing_the_command_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(audit_dependencies, "find_spec", lambda _: None)
    assert audit_dependencies.main() == 0
    assert capsys.readouterr().out.startswith("dependencies are not audited: pip-audit is not installed")
