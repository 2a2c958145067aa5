"""Ask pip-audit whether a pinned version has a known vulnerability; where it cannot be asked, say why and pass.

python scripts/audit_dependencies.py
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

PINS = Path(__file__).parent.parent / "constraints.txt"
AUDIT = [
    sys.executable,
    "-m",
    "pip_audit",
    "--no-deps",
    "--disable-pip",
    "--format",
    "json",
    "--progress-spinner",
    "off",
]
PATIENCE = 120  # seconds


class SkippedError(Exception):
    """The pins could not be audited; says why."""


def vulnerable(audit: Sequence[str], pins: Path = PINS) -> tuple[int, list[str]]:
    """Return how many packages were audited, and a line for each known vulnerability.

    Args:
        audit: the command of pip-audit.
        pins: a file of requirements, a version each.

    Raises:
        SkippedError: pip-audit, or the service that it asks, does not answer.
    """
    try:
        done = subprocess.run([*audit, "--requirement", str(pins)], capture_output=True, text=True, timeout=PATIENCE)
        packages = json.loads(done.stdout)["dependencies"]
    except subprocess.TimeoutExpired:
        raise SkippedError(f"no answer in {PATIENCE} s") from None
    except (ValueError, KeyError, TypeError):
        reason = (done.stderr.strip().splitlines() or ["it printed no JSON"])[-1]
        raise SkippedError(f"pip-audit gave up: {reason}") from None
    known = [one for one in packages if "skip_reason" not in one]
    if not known:
        raise SkippedError(f"the service knows none of {len(packages)} packages; it cannot be reached from here")
    lines = []
    for one in known:
        for found in one["vulns"]:
            mended = ", ".join(found["fix_versions"]) or "no version"
            lines.append(f"{one['name']} {one['version']}: {found['id']}, mended in {mended}")
    return len(known), lines


def main() -> int:
    """Print what was found; 1 where there is a vulnerability."""
    try:
        if find_spec("pip_audit") is None:
            raise SkippedError("pip-audit is not installed; `make audit-dependencies` installs it")
        count, lines = vulnerable(AUDIT)
    except SkippedError as reason:
        print(f"dependencies are not audited: {reason}")
        return 0
    print("\n".join([*lines, f"{count} packages audited, {len(lines)} known vulnerabilities"]))
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
