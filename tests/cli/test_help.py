"""`--help`: flags in groups, required ones first and marked, defaults and choices; plumbing on demand alone."""

import re

import pytest
from transformers import TrainingArguments

from hf_fairtune.catalog import names
from hf_fairtune.cli.main import main

GROUPED = ["search", "train", "debias", "audit"]


def help_of(capsys: pytest.CaptureFixture[str], command: str, *flags: str) -> str:
    """Return what a command's help prints."""
    with pytest.raises(SystemExit):
        main([command, *(flags or ["--help"])])
    return capsys.readouterr().out


def groups(text: str) -> dict[str, list[str]]:
    """Return the flags of each group of a help, in their order."""
    parts = re.split(r"^(\w+):\n", text.partition("\nexample:")[0], flags=re.MULTILINE)
    return {
        title: re.findall(r"^  --(\w+)", body, re.MULTILINE)
        for title, body in zip(parts[1::2], parts[2::2], strict=True)
    }


def entry(text: str, flag: str) -> str:
    """Return the lines of a flag as one."""
    (found,) = re.findall(rf"^  --{flag}\b.*\n(?:      .*\n)*", text, re.MULTILINE)
    return " ".join(found.split())


@pytest.mark.parametrize("command", GROUPED)
def test_flags_are_in_groups(capsys: pytest.CaptureFixture[str], command: str) -> None:
    found = groups(help_of(capsys, command))
    training = [] if command == "audit" else ["Training"]
    assert list(found) == ["Data", "Model", "Fairness", *training, "Output", "Flags"]
    assert {"dataset", "label", "cluster"} <= set(found["Data"])
    assert found["Model"][0] == "model"
    assert found["Fairness"][0] == "group"
    assert found["Output"][0] == "output_dir"
    if training:
        assert {"learning_rate", "num_train_epochs", "seed"} <= set(found["Training"])
        assert found["Fairness"][1] == "method"
        assert "mask" in found["Fairness"]


def test_required_flags_are_marked_and_in_the_usage(capsys: pytest.CaptureFixture[str]) -> None:
    text = help_of(capsys, "search")
    every = [flag for flags in groups(text).values() for flag in flags]
    needed = [flag for flag in every if "Required." in entry(text, flag)]
    assert needed == ["dataset", "label", "model", "group", "output_dir"]
    usage = text.partition("\n\n")[0]
    assert re.findall(r"--(\w+) ", usage) == ["dataset", "label", "model", "group", "output_dir"]
    audit = help_of(capsys, "audit")
    every = [flag for flags in groups(audit).values() for flag in flags]
    assert [flag for flag in every if "Required." in entry(audit, flag)] == ["label", "model", "group"]
    assert audit.startswith("usage: fairtune audit MODEL --label LABEL --group GROUP [flags]\n")
    assert help_of(capsys, "report").startswith("usage: fairtune report RUN [flags]")


def test_defaults_and_choices_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    text = help_of(capsys, "search")
    assert entry(text, "mode").startswith("--mode {default,paper,published,random} ")
    assert (
        entry(text, "method")
        == "--method METHOD How to fine-tune; `fairtune methods` lists the ways. Default: fairtune."
    )
    for flag, default in {"trials": "40", "warmup_steps": "0.333", "learning_rate_low": "1e-05"}.items():
        assert entry(text, flag).endswith(f" Default: {default}.")
    assert entry(text, "dataloader_num_workers").endswith(" Default: 0.")
    assert entry(text, "bf16").count("efault") == 0
    # A text that tells its default is not told it twice.
    assert entry(text, "image_size").count("efault") == 1
    assert "other trials, of each baseline's too: none, " in entry(text, "combine")
    audit = help_of(capsys, "audit")
    assert "{rates,auc}" in entry(audit, "share")
    assert entry(audit, "seed") == "--seed SEED Seed of the bootstrap and the permutations. Default: 0."


@pytest.mark.parametrize("flag", ["--help_all", "--help-all"])
def test_plumbing_is_shown_on_demand(capsys: pytest.CaptureFixture[str], flag: str) -> None:
    plumbing = {"save_strategy", "eval_strategy", "logging_steps", "remove_unused_columns", "label_names", "fsdp"}
    short, whole = groups(help_of(capsys, "train")), groups(help_of(capsys, "train", flag))
    assert not plumbing & {name for flags in short.values() for name in flags}
    shown = {name for flags in whole.values() for name in flags}
    assert {name for name in TrainingArguments.__dataclass_fields__ if name != "local_rank"} <= shown | {"no_cuda"}
    assert plumbing <= set(whole["Training"])


@pytest.mark.parametrize("command", names("cli"))
def test_a_help_fits_a_hundred_columns(capsys: pytest.CaptureFixture[str], command: str) -> None:
    flags = help_of(capsys, command).partition("\n\n")[2].partition("\nexample:")[0]
    wide = [line for line in flags.splitlines() if len(line) > 100 and line.startswith("  -")]
    assert not wide
