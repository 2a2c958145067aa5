"""`fairtune debias --method ladder`: which rung is taken, by which rule, what is kept of the others, and a kill."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import torch
from safetensors.torch import load_file

from hf_fairtune.cli.main import main
from hf_fairtune.data.fair_dataset import FairDataset
from hf_fairtune.document.document import Document
from hf_fairtune.document.ladder import Ladder
from hf_fairtune.methods.method import Method
from hf_fairtune.show.ladder import ladder_said
from hf_fairtune.trainer import ladder as climbing
from hf_fairtune.trainer.epoch_line import EpochLine
from hf_fairtune.trainer.kept_rung import kept_rung
from hf_fairtune.trainer.ladder import Climb
from tests.cli.conftest import for_all
from tests.cli.run_folder import HEAD, Repair, moved, run_of, training_in, training_of
from tests.cli.test_job import without_times
from tests.conftest import KilledError
from tests.spoiling import SPOILINGS

Rules = Callable[[str], str]
ALWAYS = "{metric: auc, at_least: 0}"
NEVER = "{metric: auc, at_least: 1}"


def ladder_of(folder: Path) -> Ladder:
    found = run_of(folder).ladder
    assert found is not None
    return found


def noting(seen: list[str], word: str, inner: Callable[..., Any]) -> Callable[..., Any]:
    """Note each call."""

    def call(*args: Any) -> Any:
        seen.append(word)
        return inner(*args)

    return call


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Rules:
    """Write a file of one rule."""

    def write(text: str) -> str:
        path = tmp_path_factory.mktemp("rules") / "enough.yaml"
        path.write_text(f"rules: [{text}]\n")
        return str(path)

    return write


@pytest.fixture(scope="module")
def climb(repairing: list[str], rules: Rules) -> list[str]:
    """Flags of a climb over two rungs of which none can be enough, but for its folder."""
    return [*repairing, "--method", "ladder", "--rungs", "dfr", "swift", "--enough", rules(NEVER)]


@pytest.fixture(scope="module")
def climbed(climb: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its folder, with card."""
    folder = tmp_path_factory.mktemp("runs") / "climbed"
    with for_all():
        assert main(["debias", *climb, "--output_dir", str(folder)]) == 0
    return folder


def test_where_none_is_enough_the_cheapest_near_the_best_on_validation_is_kept(climbed: Path) -> None:
    document, ladder = Document.load(climbed), ladder_of(climbed)
    jsonschema.validate(json.loads((climbed / "fairtune.json").read_text()), Document.json_schema())
    assert [(rung.method, rung.verdict, rung.chose) for rung in ladder.rungs] == [
        ("dfr", "fail", True),
        ("swift", "fail", False),
    ]
    assert (ladder.enough, ladder.needless, ladder.spared, ladder.attribute) == (False, False, [], "skin")
    best = max(ladder.rungs, key=lambda rung: rung.value.value)
    near = [rung.method for rung in ladder.rungs if best.value.value - rung.value.value <= ladder.error]
    assert ladder.best == best.method
    assert ladder.chosen == [*near, best.method][0] == training_of(climbed).method.name
    (other,) = {"dfr", "swift"} - {ladder.chosen}
    assert training_in(document, other).method.name == other
    # Validation is in the ladder alone; every other number is of a test split and a model of the document.
    ids = ("before", "before_calibrated", "model", other)
    assert {(entry.model, entry.split) for entry in document.audits} == {(id, "test") for id in ids}
    assert {(entry.model, entry.reference) for entry in document.audits if entry.comparison} == {
        ("model", "before"),
        (other, "before"),
    }


def test_card_and_table_say_it(climbed: Path) -> None:
    card, ladder = (climbed / "README.md").read_text(), ladder_of(climbed)
    taken, left = sorted(ladder.rungs, key=lambda rung: rung.method != ladder.chosen)
    assert "**Ladder.** None of 2 repairs in the order of cost was enough on validation" in card
    assert ladder_said(ladder).partition("); ")[2] in card
    (row,) = [line for line in card.splitlines() if line.startswith(f"| {left.title} | ") and "at least 1" in line]
    entry = Document.load(climbed).find(left.method, "test", "malignant", "skin")
    assert entry is not None
    assert f"| {left.value.value:.2f}" in row
    assert f"| {entry.audit.min_group_auc.value:.2f} [" in row
    assert f"| {taken.title} (taken) |" in card
    assert "- DFR: chosen on validation itself" in card


def test_the_first_rung_that_is_enough_ends_the_climb(
    repair: Repair, biased: Path, rules: Rules, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing dearer is trained; its model is that of the method alone, bit for bit; further seeds train it again."""
    enough = ["--method", "ladder", "--enough", rules(ALWAYS), "--rungs", "enforced", "swift", "--seeds", "3"]
    folder = repair(*enough)
    ladder, said = ladder_of(folder), capsys.readouterr().out
    assert (ladder.chosen, ladder.enough, ladder.needless, ladder.spared) == ("enforced", True, True, ["SWiFT"])
    assert not (folder / "rungs" / "swift").exists()
    assert {path.name for path in (folder / "seeds").iterdir()} == {"4", "5"}
    assert "rung 1 of 2: Enforced heads: lowest group's AUC on validation " in said
    assert "Enforced heads is the first of 2 repairs in the order of cost that was enough on validation" in said
    assert "The model before was enough already." in said
    assert moved(biased, folder) == HEAD
    assert not moved(repair("--method", "enforced"), folder)
    assert training_of(folder).steps[0].facts["reached"] in (True, False)


@pytest.mark.usefixtures("cardless")
def test_a_rung_that_attaches_something_leaves_no_trace(repair: Repair, rules: Rules) -> None:
    folder = repair("--method", "ladder", "--enough", rules(ALWAYS), "--rungs", "domainind")
    assert not moved(repair("--method", "domainind"), folder)
    assert not any("attached" in name for name in load_file(folder / "rungs" / "domainind" / "rung.safetensors"))


@pytest.mark.usefixtures("cardless")
def test_the_choice_does_not_see_the_test_split(
    climb: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    plain = FairDataset.plain

    def noted(data: FairDataset, split: str) -> Any:
        seen.append(split)
        return plain(data, split)

    monkeypatch.setattr(FairDataset, "plain", noted)
    monkeypatch.setattr(Climb, "rungs", noting(seen, "climb", Climb.rungs))
    monkeypatch.setattr(Climb, "adopt", noting(seen, "chosen", Climb.adopt))
    assert main(["debias", *climb, "--output_dir", str(tmp_path / "run")]) == 0
    inside = seen[seen.index("climb") : seen.index("chosen")]
    assert "validation" in inside
    assert "test" not in inside
    assert seen[seen.index("chosen") :].count("test") == 2


@pytest.mark.usefixtures("cardless")
@pytest.mark.parametrize("die", ["first", "second", "score"])
def test_a_killed_climb_goes_on(
    climbed: Path, climb: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, die: str
) -> None:
    """Before the first rung is kept, in an epoch of the second, and after the choice; what is done stays."""
    folder = tmp_path / "run"

    def killed(*_: object, **__: object) -> None:
        raise KilledError

    place: tuple[Any, str] = {
        "first": (climbing, "keep"),
        "second": (EpochLine, "on_evaluate"),
        "score": (Climb, "score"),
    }[die]
    with monkeypatch.context() as patch:
        patch.setattr(*place, killed)
        with pytest.raises(KilledError):
            main(["debias", *climb, "--output_dir", str(folder)])
    done = {path.parent.name for path in folder.glob("rungs/*/rung.json")}
    assert done == {"first": set(), "second": {"dfr"}}.get(die, {"dfr", "swift"})
    trained: list[str] = []
    train = Climb._trained

    def noted(self: Climb, method: Method) -> Any:
        trained.append(method.name)
        return train(self, method)

    monkeypatch.setattr(Climb, "_trained", noted)
    assert main(["debias", *climb, "--output_dir", str(folder)]) == 0
    assert {*trained} == {"dfr", "swift"} - done
    assert (folder / "model.safetensors").read_bytes() == (climbed / "model.safetensors").read_bytes()
    assert without_times(Document.load(folder)) == without_times(Document.load(climbed))


def test_a_rung_keeps_what_moved(climbed: Path, biased: Path) -> None:
    """The head alone of DFR; the trained model itself of SWiFT."""
    assert set(load_file(climbed / "rungs" / "dfr" / "rung.safetensors")) == HEAD
    kept = load_file(climbed / "rungs" / "swift" / "rung.safetensors")
    last = max((climbed / "rungs" / "swift" / "head").glob("checkpoint-*"), key=lambda path: int(path.name[11:]))
    trained = load_file(last / "model.safetensors")
    assert len(kept) > len(HEAD)
    heads = [torch.equal(kept[name], trained[name]) for name in HEAD]
    assert all(heads)


@pytest.mark.parametrize("name", ["rung.json", "rung.safetensors"])
def test_a_damaged_rung_is_none(climbed: Path, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "dfr"
    for spoil in SPOILINGS:
        shutil.copytree(climbed / "rungs" / "dfr", folder, ignore=shutil.ignore_patterns("checkpoint-*"))
        assert kept_rung(folder) is not None
        spoil(folder / name)
        if spoil.__name__ == "cut_by_a_byte" and name == "rung.json":
            assert kept_rung(folder) is not None  # it ends with an empty line
        else:
            assert kept_rung(folder) is None
            said = capsys.readouterr().out.splitlines()
            missing = spoil.__name__ == "deleted" and name == "rung.json"
            assert len(said) == (0 if missing else 1)
            assert all("dfr` is damaged (" in line and line.endswith("it is trained again") for line in said)
        shutil.rmtree(folder)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("--rungs dfr dfr", "`--rungs dfr dfr` must name one method or more, each once"),
        ("--rungs ladder", "`ladder` is not one of the methods"),
        ("--enough nowhere.yaml", "`nowhere.yaml` does not exist"),
        ("--under_mask norm", "`under_mask` is norm, but the rungs of a ladder decide themselves what moves"),
        ("--draws 3", "`--draws` is no flag of this command"),
    ],
)
def test_bad_flags(
    repairing: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], more: str, said: str
) -> None:
    own = ["--method", "ladder", *more.split(), "--output_dir", str(tmp_path / "run")]
    assert main(["debias", *repairing, *own]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_rule_that_validation_cannot_answer_is_refused_before_training(
    repairing: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], rules: Rules
) -> None:
    rule = rules("{metric: tpr, at_least: 0.8, threshold: youden}")
    more = ["--method", "ladder", "--enough", rule, "--output_dir", str(tmp_path / "run")]
    assert main(["debias", *repairing, *more]) == 2
    assert "asks `tpr` at the threshold `youden`; the audit's thresholds: 0.5" in capsys.readouterr().err
    assert not (tmp_path / "run" / "rungs").exists()
