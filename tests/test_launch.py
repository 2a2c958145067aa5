"""Scripts that start workers: they parse, and their flags are there."""

import re
import subprocess
from dataclasses import fields
from pathlib import Path

import pytest
import yaml

from hf_fairtune.cli.search import ARGUMENTS

LAUNCH = Path(__file__).parent.parent / "scripts" / "launch"
KNOWN = {field.name for kind in ARGUMENTS for field in fields(kind)}


def flags(text: str) -> list[str]:
    """Return the flags that follow `fairtune search`."""
    return re.findall(r"--(\w+)", text.partition("search")[2])


@pytest.mark.parametrize("path", sorted(LAUNCH.glob("*.sh")), ids=lambda path: path.stem)
def test_a_script_parses_and_its_flags_are_known(path: Path) -> None:
    subprocess.run(["bash", "-n", path], check=True)
    text = path.read_text()
    found = flags("search" + text.partition("fairtune search \\\n")[2])
    assert {"storage", "output_dir", "grace_period"} <= {*found} <= KNOWN
    assert not re.search(r"://[^/\s]+:[^/\s]+@", text), "a password in a URL"


def test_the_job_of_kubernetes_is_a_command_that_exists() -> None:
    job = yaml.safe_load((LAUNCH / "kubernetes.yaml").read_text())
    (worker,) = job["spec"]["template"]["spec"]["containers"]
    assert job["spec"]["completions"] == job["spec"]["parallelism"]
    assert worker["command"][:2] == ["fairtune", "search"]
    found = flags(" ".join(worker["command"]))
    assert {"storage", "output_dir", "grace_period"} <= {*found} <= KNOWN
    volumes = {volume["name"] for volume in job["spec"]["template"]["spec"]["volumes"]}
    assert {mount["name"] for mount in worker["volumeMounts"]} == volumes


def test_the_page_names_every_file() -> None:
    text = (LAUNCH / "README.md").read_text()
    for path in LAUNCH.iterdir():
        assert path.name == "README.md" or path.name in text
    assert {*re.findall(r"`--(\w+)", text)} <= KNOWN
