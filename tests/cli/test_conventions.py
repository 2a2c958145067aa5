"""What users of transformers' command lines expect: their names of flags, a file of arguments, version, variables."""

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
import transformers

from hf_fairtune.catalog import find
from hf_fairtune.cli.flags import parse, silence
from hf_fairtune.cli.main import main
from hf_fairtune.data.pixels import cache_folder
from tests.cli.test_help import help_of

NEEDED = "label: l\ngroup: [sex, age]\nuse_cpu: true\n"
THEIRS = f"dataset_name: d\nmodel_name_or_path: m\n{NEEDED}"


def parsed(command: str, *flags: str) -> dict[str, Any]:
    """Return all flags of a command."""
    return {name: value for part in parse(find("cli", command), flags) for name, value in vars(part).items()}


def refusal(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    """Return the one line that a command is refused with."""
    assert main(argv) == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line


@pytest.fixture
def args(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of what a search needs, in the working folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "args.yaml").write_text(f"{THEIRS}output_dir: out\n")
    return tmp_path / "args.yaml"


@pytest.mark.parametrize("command", ["search", "train", "debias", "audit"])
def test_the_names_of_transformers_are_flags(capsys: pytest.CaptureFixture[str], tmp_path: Path, command: str) -> None:
    flags = f"--dataset_name d --model_name_or_path m --label l --group sex --output_dir {tmp_path / 'o'}"
    found = parsed(command, *flags.split())
    assert (found["dataset"], found["model"]) == ("d", "m")
    text = help_of(capsys, command)
    assert "dataset_name" not in text
    assert "model_name_or_path" not in text


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"fairtune {version('hf-fairtune')}\n"
    assert main(["--help"]) == 0
    assert "fairtune --version" in capsys.readouterr().out


def test_the_module_is_the_command(tmp_path: Path) -> None:
    path = os.pathsep.join(filter(None, [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH")]))

    def run(*argv: str) -> tuple[int, str, str]:
        done = subprocess.run(
            [sys.executable, "-m", "hf_fairtune", *argv],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": path},
            capture_output=True,
            text=True,
        )
        return done.returncode, done.stdout, done.stderr

    assert run("--version") == (0, f"fairtune {version('hf-fairtune')}\n", "")
    status, _, error = run("serch")
    assert (status, error.startswith("fairtune: `serch` is not a command; choose from ")) == (2, True)


def test_a_file_stands_for_flags(args: Path) -> None:
    found = parsed("search", "args.yaml")
    assert (found["dataset"], found["model"], found["group"]) == ("d", "m", ["sex", "age"])
    assert (found["use_cpu"], found["trials"], found["output_dir"]) == (True, 40, "out")
    typed = "--dataset d --model m --label l --group sex age --use_cpu --output_dir out"
    own = {"accelerator_config", "distributed_state"}  # equal by identity alone
    flags = parsed("search", *typed.split())
    assert {name for name in flags if flags[name] != found[name]} <= own


def test_json_is_read_as_yaml_is(args: Path) -> None:
    """As `json.dump` writes it, with tabs, and with null for what is not given."""
    args.with_name("args.json").write_text(
        '{\n\t"dataset_name": "d\\u00e9",\n\t"model_name_or_path": "m", "label": "l", "group": ["sex"],\n'
        '\t"learning_rate": 1e-3, "bf16": false, "use_cpu": true, "cluster": null, "output_dir": "out"\n}\n'
    )
    found = parsed("search", "args.json")
    assert (found["dataset"], found["learning_rate"], found["bf16"], found["cluster"]) == ("dé", 1e-3, False, None)


def test_a_mapping_is_what_its_flag_takes(args: Path) -> None:
    args.write_text(f"{THEIRS}output_dir: out\nlr_scheduler_kwargs:\n  num_cycles: 0.4\n")
    assert parsed("train", "args.yaml")["lr_scheduler_kwargs"] == {"num_cycles": 0.4}


def test_nothing_and_the_word_null_are_different(args: Path) -> None:
    args.write_text(f"{THEIRS}output_dir: out\ncluster:\nimage: ~\ncontact: 'null'\nnum_train_epochs: null\n")
    found = parsed("search", "args.yaml")
    assert (found["cluster"], found["image"], found["contact"], found["num_train_epochs"]) == (None, None, "null", 30)


def test_a_flag_comes_before_the_file_and_the_file_before_a_recipe(args: Path) -> None:
    args.write_text(f"{THEIRS}output_dir: out\ntrials: 7\nweight_decay: 0.5\nrecipe: fairtune\n")
    found = parsed("search", "args.yaml", "--group", "site", "--dataset", "e", "--trials=3")
    assert (found["group"], found["dataset"], found["model"]) == (["site"], "e", "m")
    assert (found["trials"], found["weight_decay"], found["mode"]) == (3, 0.5, "paper")
    assert found["followed"].name == "fairtune"
    assert found["followed"].changed == {"trials": 3, "weight_decay": 0.5}
    args.write_text(f"{THEIRS}output_dir: out\ntrials: 7\n")
    found = parsed("search", "args.yaml", "--recipe", "fairtune")
    assert (found["trials"], found["per_device_train_batch_size"]) == (7, 512)


def test_a_method_in_the_file_brings_its_flags(args: Path) -> None:
    args.write_text(f"{THEIRS}output_dir: out\nmethod: sam\nrho: 0.1\ncalibrate: false\n")
    found = parsed("debias", "args.yaml")
    assert (found["method"], found["rho"], found["calibrate"]) == ("sam", 0.1, False)
    args.write_text(f"{THEIRS}output_dir: out\nmethod: swift\n")
    assert parsed("debias", "args.yaml", "--method", "sam", "--no_calibrate")["rho"] == 0.05


def test_the_help_shows_the_values_of_the_file_as_defaults(args: Path, capsys: pytest.CaptureFixture[str]) -> None:
    args.write_text(f"{THEIRS}trials: 7\n")
    text = help_of(capsys, "search", "args.yaml", "--help")
    assert "Trials in all; the paper takes 40 to 100. Default: 7." in " ".join(text.split())
    assert text.startswith("usage: fairtune search --output_dir DIR [flags]\n")


def test_an_audit_takes_a_file_too(args: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = Path(__file__).parents[1] / "cases" / "top1_confidence.csv"
    args.write_text(f"model: {table}\n{NEEDED}")
    assert "`use_cpu` is no flag of `fairtune audit`; see `fairtune audit --help`." in refusal(
        capsys, "audit", "args.yaml"
    )
    args.write_text(f"model: {table}\nlabel: nothing\ngroup: sex\nn_boot: 5\n")
    found = parsed("audit", "args.yaml")
    assert (found["model"], found["label"], found["group"], found["n_boot"]) == (str(table), ["nothing"], ["sex"], 5)
    # A table of predictions is its own data, wherever it is named.
    assert "--label nothing names no column of the data" in refusal(capsys, "audit", "args.yaml")
    # There json is predictions, as ever.
    assert parsed("audit", "p.json", "--label", "l", "--group", "sex")["model"] == "p.json"


def test_a_protocol_is_a_file_of_flags(args: Path) -> None:
    """Its keys are flags, those typed win, and what is a flag of a training goes on to it."""
    args.write_text("methods: [full, {method: sam, rho: 0.1}]\ntrials: 3\nseeds: [4, 5]\n")
    for first in (["args.yaml"], ["--config", "args.yaml"]):
        own, shared, rest = parse(
            find("cli", "compare"), [*first, "--output_dir", "o", "--trials", "2", "--weight_decay", "0"]
        )
        assert own.methods == ["full", '{"method": "sam", "rho": "0.1"}']
        assert (own.config, shared.trials, shared.seeds, rest) == ("args.yaml", 2, [4, 5], ["--weight_decay", "0"])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            "learning_rat: 1",
            "`args.yaml`: `learning_rat` is no flag of `fairtune search`; did you mean `learning_rate`",
        ),
        ("zzz: 1", "`args.yaml`: `zzz` is no flag of `fairtune search`; see `fairtune search --help`."),
        ("trials: many", "`args.yaml`: argument --trials: invalid int value: 'many'"),
        ("trials: [1, 2]", "`args.yaml`: `trials` takes one value, not a list."),
        ("recipe: [a]", "`args.yaml`: `recipe` takes one value, not a list."),
        ("trials: 3", "the following arguments are required: --output_dir"),
        ("- trials", "`args.yaml` is no list of flags; write lines such as `num_train_epochs: 30`."),
        ("", "`args.yaml` is no list of flags; write lines such as `num_train_epochs: 30`."),
        ("a: [", "`args.yaml` cannot be read: "),
    ],
)
def test_what_is_no_file_of_flags_is_one_line(
    args: Path, capsys: pytest.CaptureFixture[str], content: str, said: str
) -> None:
    named = "" if content in ("", "- trials") else THEIRS
    args.write_text(f"{named}{content}\n")
    assert said in refusal(capsys, "search", "args.yaml")
    assert [*args.parent.iterdir()] == [args]


def test_a_file_that_is_not_there_is_one_line(args: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = "is no file; give a yaml or json file of flags, or the flags themselves."
    assert refusal(capsys, "search", "other.yaml") == f"fairtune: `other.yaml` {said}"
    assert refusal(capsys, "search", "other.json", "--trials", "3") == f"fairtune: `other.json` {said}"
    assert [*args.parent.iterdir()] == [args]


@pytest.mark.parametrize(
    ("variable", "logging"),
    [("TRANSFORMERS_VERBOSITY", transformers.logging), ("HF_HUB_VERBOSITY", huggingface_hub.logging)],
)
def test_the_verbosity_that_the_user_sets_stays(monkeypatch: pytest.MonkeyPatch, variable: str, logging: Any) -> None:
    before = logging.get_verbosity()
    try:
        logging.set_verbosity_info()  # as the library does where the variable says so
        monkeypatch.setenv(variable, "info")
        silence()
        assert logging.get_verbosity() == logging.INFO
        monkeypatch.delenv(variable)
        silence()
        assert logging.get_verbosity() == logging.ERROR
    finally:
        logging.set_verbosity(before)


def test_our_caches_lie_among_those_of_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FAIRTUNE_CACHE", raising=False)
    assert cache_folder(None).is_relative_to(huggingface_hub.constants.HF_HOME)
