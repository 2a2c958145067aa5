"""Bad input to the command: one clear line, exit status 2, no traceback."""

from pathlib import Path

import pytest
from transformers import ViTImageProcessorPil

from hf_fairtune.catalog import names
from hf_fairtune.cli import main as command
from hf_fairtune.cli.main import main
from hf_fairtune.files.kept_json import write_json
from tests.families.backbones import backbone


def replaced(flags: list[str], name: str, value: str) -> list[str]:
    """Return the flags with another value for one."""
    at = flags.index(name)
    return [*flags[: at + 1], value, *flags[at + 2 :]]


CASES = [
    ("--label diagnosis", "--label diagnosis names no column"),
    ("--positive cancer", "--positive cancer is not a value of `label`"),
    ("--group height", "--group height names no column"),
    ("--cluster person", "--cluster person names no column"),
    ("--model nowhere/nothing", "the cache does not hold all of `nowhere/nothing`"),
    ("--image_size 15", "image_size"),
    ("--dataset nowhere.csv", "`nowhere.csv` does not exist"),
]


@pytest.mark.parametrize(("given", "message"), CASES, ids=[case[0] for case in CASES])
def test_one_line(
    flags: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], given: str, message: str
) -> None:
    assert main(["search", *replaced(flags, *given.split()), "--output_dir", str(tmp_path / "o")]) == 2
    error = capsys.readouterr().err
    lines = [line for line in error.splitlines() if line.startswith("fairtune: ")]
    assert len(lines) == 1
    assert message in lines[0]
    assert "Traceback" not in error
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--method", "full", "--mask", "soft"], "`--mask` is no flag of this command"),
        (["--method", "groupdro", "--eta", "-1"], "`eta` is -1; give 0 or more"),
        (["--method", "sam", "--eta", "1"], "`--eta` is no flag of this command"),
        (["--method", "sam", "--rho", "-1"], "`rho` is -1; give 0 or more"),
        (["--mask", "attention", "--granularity", "bits"], "`granularity` is 'bits'; choose from auto, paper36"),
    ],
)
@pytest.mark.parametrize("command", ["train", "search"])
def test_flags_are_those_of_the_method(
    flags: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str, more: list[str], message: str
) -> None:
    assert main([command, *flags, *more, "--output_dir", str(tmp_path / "o")]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "o").exists()


def test_mask_of_the_wrong_length(flags: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is known only when the pixels are decoded and the rows divided; what was there before stays."""
    folder = tmp_path / "runs" / "o"
    more = ["--mask", "010101", "--output_dir", str(folder), "--data_cache", str(folder / "pixels")]
    assert main(["train", *flags, *more]) == 2
    assert "`mask` has 6 entries but `paper36` of `vit` has 9 units" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
    (folder / "pixels").mkdir(parents=True)
    (folder / "notes.txt").write_text("mine")
    assert main(["train", *flags, *more]) == 2
    assert sorted(path.name for path in folder.rglob("*")) == ["notes.txt", "pixels"]


@pytest.mark.parametrize("command", ["search", "train", "debias"])
def test_a_run_without_a_folder(flags: list[str], command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, *flags]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "the following arguments are required: --output_dir" in line


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--objective", "min_group_auk"], "`min_group_auk` is not a metric to optimise; choose from min_group_auc,"),
        (["--mode", "fast"], "argument --mode: invalid choice: 'fast'"),
        (["--learning_rate_low", "1"], "learning rates from 1 to 0.001 are no range"),
        (["--metric_for_best_model", "auc_skin"], "`metric_for_best_model`: `auc_skin` is not a metric to optimise"),
        (["--batch_eval_metrics"], "`batch_eval_metrics` is True"),
        (["--prediction_loss_only"], "`prediction_loss_only` is True"),
        (["--report_to", "dvclive"], "`report_to` cannot be dvclive"),
        (["--optim", "lomo"], "`optim` cannot be lomo"),
        (["--accelerator_config", "nowhere.json"], "No such file or directory: 'nowhere.json'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_refused_search_leaves_nothing(
    flags: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], more: list[str], message: str
) -> None:
    assert main(["search", *flags, *more, "--output_dir", str(tmp_path / "o")]) == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("fairtune: ")]
    assert message in line
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize("command", ["search", "train"])
def test_a_mask_that_an_architecture_lacks(
    flags: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    backbone("mobilenet_v2").save_pretrained(tmp_path / "cnn")
    ViTImageProcessorPil(size={"height": 32, "width": 32}).save_pretrained(tmp_path / "cnn")
    own = replaced(flags, "--model", str(tmp_path / "cnn"))
    assert main([command, *own, "--mask", "attention", "--output_dir", str(tmp_path / "o")]) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert "`mask` is 'attention', but `stages` of `mobilenet_v2` can train only norm, convolution" in line
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize("name", ["learning_rate", "weight_decay"])
@pytest.mark.parametrize("value", ["-1", "nan", "inf"])
def test_rates_are_numbers(
    flags: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, value: str
) -> None:
    assert main(["train", *flags, f"--{name}", value, "--method", "full", "--output_dir", str(tmp_path)]) == 2
    assert capsys.readouterr().err == f"fairtune: `{name}` is {value}; give a finite number, 0 or more.\n"


def test_help_of_a_flag_that_turns_something_off(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["debias", "--help"])
    words = " ".join(capsys.readouterr().out.split())
    assert "--no_calibrate Do not: fit probabilities" in words
    assert "--calibrate Fit probabilities" in words


def test_train_without_a_mask(flags: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", *flags, "--output_dir", str(tmp_path)]) == 2
    assert "`mask` is empty" in capsys.readouterr().err


def test_no_trials_and_no_place(flags: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["search", *flags, "--trials", "-3", "--output_dir", str(tmp_path)]) == 2
    assert "`--trials` is -3; a search takes at least one" in capsys.readouterr().err
    (tmp_path / "file").write_text("x")
    assert main(["search", *flags, "--output_dir", str(tmp_path / "file" / "o")]) == 2
    assert "cannot be made" in capsys.readouterr().err


def test_nan_loss(flags: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    more = ["--method", "full", "--learning_rate", "1e38", "--num_train_epochs", "1", "--max_grad_norm", "0"]
    assert main(["train", *flags, *more, "--optim", "sgd", "--warmup_steps", "0", "--output_dir", str(tmp_path)]) == 2
    assert "the training loss is NaN or infinite; lower `learning_rate`" in capsys.readouterr().err
    assert not (tmp_path / "fairtune.json").exists()


def test_unknown_command_and_flag(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain"]) == 2
    said = capsys.readouterr().err
    assert (
        "`explain` is not a command; choose from audit, compare, debias, demo, methods, metrics, prepare, push,"
        in said
    )
    assert main(["report", "--folder", "x"]) == 2
    assert "see `fairtune report --help`" in capsys.readouterr().err


def test_a_model_in_the_way_is_not_touched(
    flags: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "config.json").write_text("{}")
    assert main(["search", *flags, "--output_dir", str(tmp_path)]) == 2
    assert "already holds config.json; choose another output_dir" in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == ["config.json"]


def test_a_full_disk_is_one_line(
    flags: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object, **__: object) -> None:
        raise RuntimeError("wrapped") from OSError(28, "No space left on device")

    monkeypatch.setattr("hf_fairtune.cli.job.load_fair_dataset", full)
    assert main(["search", *flags, "--output_dir", str(tmp_path)]) == 2
    assert "the disk is full; free some space" in capsys.readouterr().err
    assert not command.disk_is_full(ValueError("other"))


def test_a_disk_that_is_full_as_a_file_closes_is_known() -> None:
    """`torch.save` then says only that the file is shorter than it should be: this error, or one that came before."""
    for text in (
        "[enforce fail at inline_container.cc:672] . unexpected pos 64 vs 0",
        "basic_ios::clear: iostream error",
    ):
        assert command.disk_is_full(RuntimeError(text))


@pytest.mark.parametrize("name", names("cli"))
def test_help_teaches_by_an_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([name, "--help"])
    printed = capsys.readouterr().out
    assert "example:" in printed
    assert f"fairtune {name}" in printed
    assert len(printed.splitlines()) < 170


def test_help_of_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    printed = capsys.readouterr().out
    assert all(f"  {name}" in printed for name in names("cli"))
    with pytest.raises(SystemExit):
        main(["search", "--help-all"])
    assert "--gradient_accumulation_steps" in capsys.readouterr().out


def test_the_demo_leaves_nothing_in_a_folder_of_another_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_json(tmp_path / "run.json", {"command": "train"})
    assert main(["demo", "--output_dir", str(tmp_path)]) == 2
    assert "holds another run" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]
    assert main(["demo", "--output_dir", str(tmp_path / "new"), "--num_train_epochs", "x"]) == 2
    assert not (tmp_path / "new").exists()
