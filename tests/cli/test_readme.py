"""The README's script and commands run as they stand, with our data, a small model and a short schedule."""

import re
import shlex
import textwrap
from pathlib import Path

import pytest

from hf_fairtune.catalog import find, names
from hf_fairtune.cli.compare import protocol_of
from hf_fairtune.cli.flags import parse
from hf_fairtune.document.document import Document

README = (Path(__file__).parent.parent.parent / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """Return the fenced blocks of a language."""
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def test_the_script(lesions: Path, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (script,) = blocks("python")
    assert len(script.strip().splitlines()) <= 25
    changes = {
        '"google/vit-base-patch16-224"': repr(str(base)),
        '"lesions.csv", label="diagnosis"': f'{str(lesions)!r}, image_size=16, label="label"',
        '["sex", "age:60"]': '["skin"]',
        'FairTrainingArguments("fairtune-lesions")': 'FairTrainingArguments("out", num_train_epochs=1, use_cpu=True)',
        "n_trials=40": "n_trials=2",
    }
    for theirs, ours in changes.items():
        assert theirs in script
        script = script.replace(theirs, ours)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FAIRTUNE_CACHE", str(tmp_path / "cache"))
    exec(compile(script, "README.md", "exec"), {"__name__": "readme"})
    assert Document.load(tmp_path / "out").find("model", "test", "malignant", "skin") is not None
    assert (tmp_path / "out" / "README.md").is_file()


@pytest.fixture
def protocol(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The README's protocol, in the folder where commands are parsed."""
    monkeypatch.chdir(tmp_path)
    (text,) = (block for block in blocks("yaml") if block.startswith("tasks:"))
    (tmp_path / "protocol.yaml").write_text(text)
    return tmp_path / "protocol.yaml"


def test_the_commands_parse(protocol: Path) -> None:
    """Every `fairtune ...` line has flags that the command takes."""
    text = "\n".join(blocks("bash")).replace("\\\n", " ")
    lines = [shlex.split(line) for line in text.splitlines() if line.startswith("fairtune ")]
    assert {line[1] for line in lines} <= set(names("cli"))
    for _, name, *flags in lines:
        parse(find("cli", name), flags)


@pytest.mark.parametrize("name", names("cli"))
def test_the_examples_of_the_help_parse(name: str, protocol: Path) -> None:
    text = find("cli", name).EXAMPLE.replace("\\\n", " ")
    for line in text.splitlines():
        if line.strip().startswith("fairtune "):
            parse(find("cli", name), shlex.split(line)[2:])


def test_the_protocols_of_readme_and_help_are_read(protocol: Path) -> None:
    command = find("cli", "compare")
    help_text = textwrap.dedent(command.EXAMPLE.partition("protocol.yaml:\n")[2])
    for text, rows in ((protocol.read_text(), 6), (help_text, 6)):
        protocol.write_text(text)
        found = protocol_of(*parse(command, ["protocol.yaml", "--output_dir", "out"]))
        assert len(found.entries) == rows
        assert found.training.num_train_epochs == 10
