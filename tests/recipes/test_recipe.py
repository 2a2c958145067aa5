"""Recipes: each is flags of its command, what is given comes first, and the page says what they are."""

from pathlib import Path

import pytest
from transformers import TrainingArguments

from hf_fairtune import DataArguments, FairTrainingArguments, FairTuneError, recipe
from hf_fairtune.catalog import find
from hf_fairtune.cli.flags import parse
from hf_fairtune.cli.main import main
from hf_fairtune.methods.swift import Swift
from hf_fairtune.recipes.recipe import ROOM, names
from scripts.recipes_page import COMMANDS, page

NEEDED = "--dataset d --label l --group sex --model m --use_cpu"


def parsed(folder: Path, command: str, flags: str) -> dict[str, object]:
    """Return all flags of a command."""
    module = find("cli", command)
    return {
        name: value
        for part in parse(module, [*NEEDED.split(), "--output_dir", str(folder), *flags.split()])
        for name, value in vars(part).items()
    }


@pytest.mark.parametrize("name", names())
def test_every_recipe_is_read_by_its_command(tmp_path: Path, name: str) -> None:
    found = parsed(tmp_path, COMMANDS[name], f"--recipe {name}")
    plain = parsed(tmp_path, COMMANDS[name], f"--method {recipe(name).values['method']}")
    changed = {key for key in plain if key != "distributed_state" and found[key] != plain[key]}
    assert changed <= {*recipe(name).values, "followed"}
    assert {"augment", "max_grad_norm", "per_device_train_batch_size"} <= changed
    assert found["followed"].name == name
    assert found["followed"].changed == {}


def test_what_is_given_comes_before_the_recipe(tmp_path: Path) -> None:
    found = parsed(tmp_path, "search", "--recipe fairtune --trials=3 --weight_decay 0.5 --num_train_epochs 30")
    assert (found["trials"], found["weight_decay"], found["mode"], found["num_train_epochs"]) == (3, 0.5, "paper", 30)
    assert found["followed"].changed == {"trials": 3, "weight_decay": 0.5}
    assert found["followed"].values["trials"] == "60"
    with pytest.raises(
        FairTuneError, match="recipe `swift-skin`: `head_learning_rate` is no flag of `fairtune debias`"
    ):
        parsed(tmp_path, "debias", "--recipe swift-skin --method full")


def test_one_of_your_own(tmp_path: Path) -> None:
    """Its lists give way as a whole, and what a command needs may stand in it."""
    own = tmp_path / "mine.yaml"
    own.write_text(
        "learning_rate: 1e-3\ngroup: [age, site]\nlr_scheduler_kwargs: '{\"num_cycles\": 0.4}'\nbf16: true\n"
    )
    module, flags = (
        find("cli", "train"),
        f"--dataset d --label l --model m --output_dir {tmp_path} --recipe {own} --use_cpu",
    )
    data, *_, training = parse(module, flags.split())
    assert (data.group, training.learning_rate, training.bf16) == (["age", "site"], 1e-3, True)
    assert training.lr_scheduler_kwargs == {"num_cycles": 0.4}
    assert (training.followed.name, training.followed.changed) == ("mine.yaml", {})
    data, *_ = parse(module, [*flags.split(), "--group", "sex"])
    assert data.group == ["sex"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            "learning_rat: 1",
            "recipe `own.yaml`: `learning_rat` is no flag of `fairtune search`; did you mean `learning_rate",
        ),
        ("zzz: 1", "recipe `own.yaml`: `zzz` is no flag of `fairtune search`; see `fairtune search --help`."),
        ("trials: many", "recipe `own.yaml`: argument --trials: invalid int value: 'many'"),
        ("mode: magic", "recipe `own.yaml`: argument --mode: invalid choice: 'magic'"),
        ("trials: [1, 2]", "recipe `own.yaml`: `trials` takes one value, not a list."),
        ("- trials", "is no list of flags; write lines such as `num_train_epochs: 30`"),
        ("trials: {a: 1}", """recipe `own.yaml`: argument --trials: invalid int value: '{"a": "1"}'"""),
        ("group: [{a: 1}]", "own.yaml`: `group` has a list of more than texts and numbers; write them alone."),
        ("a: [", "cannot be read: "),
        ("hub_token: x", "holds `hub_token`; give it as a flag, or not at all"),
    ],
)
def test_what_is_no_recipe_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, said: str
) -> None:
    (tmp_path / "own.yaml").write_text(content)
    flags = [*NEEDED.split(), "--output_dir", str(tmp_path / "o"), "--recipe", str(tmp_path / "own.yaml")]
    assert main(["search", *flags]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


def test_an_unknown_name_lists_the_known(tmp_path: Path) -> None:
    with pytest.raises(FairTuneError, match="`fair` is no recipe; choose fairtune, swift-skin, swift-xray, or give"):
        recipe("fair")


def test_the_help_shows_the_values_as_defaults(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["debias", "--recipe", "swift-xray", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert "Learning rate of the second step. Default: 1e-06." in text
    assert "Batch norm's statistics: kept, or updated as published. Default: train." in text


def test_from_python(tmp_path: Path) -> None:
    """Arguments of ours, of stock, of the data and of the method, each typed."""
    args = recipe("fairtune").of(FairTrainingArguments, output_dir=str(tmp_path), per_device_train_batch_size=64)
    assert (args.per_device_train_batch_size, args.decay_all, args.max_grad_norm) == (64, True, 0.0)
    assert args.followed is not None
    assert args.followed.changed == {"per_device_train_batch_size": 64}
    stock = recipe("fairtune").of(TrainingArguments, output_dir=str(tmp_path), use_cpu=True)
    assert (type(stock), stock.per_device_train_batch_size, stock.weight_decay) == (TrainingArguments, 512, 1e-4)
    data = recipe("fairtune").of(DataArguments, dataset="d", label="l", group=["sex"])
    assert (data.augment, data.validation_fraction, data.group) == ("original_crop", 0.1, ["sex"])
    method = recipe("swift-skin").of(Swift)
    assert (method.importance, method.mask_on, method.alpha_head) == ("batch", "gradient", 0.9)


def test_the_page_is_as_written() -> None:
    """`python scripts/recipes_page.py` writes it."""
    assert (ROOM / "README.md").read_text(encoding="utf-8") == page()
