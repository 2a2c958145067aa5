"""Baselines of a search: their own search, folder and seeds, and what is said of methods and of checkpoints."""

from operator import attrgetter
from pathlib import Path

import pytest
from transformers import AutoModelForImageClassification

from hf_fairtune.cli import tuning
from hf_fairtune.cli.main import main
from hf_fairtune.cli.search import SearchArguments
from hf_fairtune.document.document import Document
from hf_fairtune.errors import FairTuneError
from hf_fairtune.methods.facts import Facts
from hf_fairtune.search.floors import Floors
from hf_fairtune.trainer.baselines import BASELINES, baseline_method, baselines_of
from hf_fairtune.trainer.fair import FairTrainer
from tests.cli.run_folder import search_of, training_in
from tests.families.backbones import backbone


@pytest.fixture(scope="module")
def document(finished: Path) -> Document:
    return Document.load(finished)


def test_every_baseline_has_its_own_search(finished: Path, document: Document) -> None:
    """The same objective, its own trials and its own best learning rate, and all of it on the card."""
    card = (finished / "README.md").read_text()
    for name, trials, parameters in (("full", 2, "all"), ("linear", 2, "head")):
        own = Document.load(finished / "baselines" / name)
        search, training = search_of(own), training_in(document, name)
        assert len(search.trials) == trials
        assert {trial.mask == [] for trial in search.trials} == {name == "full"}
        assert search.objective == search_of(document).objective
        best = max((trial for trial in search.trials if trial.state == "COMPLETE"), key=attrgetter("value"))
        assert training.steps[0].learning_rate == best.learning_rate
        budget = document.model_named(name).budget
        assert budget is not None
        assert (budget.trials, budget.objective, budget.value) == (trials, search.objective, best.value)
        assert budget.epochs == sum(len(trial.values) for trial in search.trials)
        assert f"| {document.model_named(name).title} | {trials} | {budget.epochs:g} |" in card
        winner = training_in(document, "model").trainable_parameters
        assert (parameters == "all") == (training.trainable_parameters > winner)


def test_a_baseline_is_handed_over_whole(
    finished: Path, flags: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its folder is one that stock transformers loads and that an audit takes as the reference."""
    baseline = finished / "baselines" / "linear"
    AutoModelForImageClassification.from_pretrained(baseline)
    assert (baseline / "adapter").is_dir()
    kept = [flag for flag in flags if flag != "--use_cpu"]
    for name in ("--model", "--per_device_train_batch_size", "--image_size", "--seed"):
        at = kept.index(name)
        del kept[at : at + 2]
    more = ["--reference_model", str(baseline), "--output_dir", str(tmp_path)]
    assert main(["audit", str(finished), *kept, *more]) == 0
    capsys.readouterr()
    found, known = Document.load(tmp_path), Document.load(baseline)
    entry = next(entry for entry in found.audits if entry.reference and entry.attribute == "skin")
    assert entry.comparison is not None
    own = known.find("model", "test", "malignant", "skin")
    assert own is not None
    for row, model, other in zip(entry.comparison.groups, entry.audit.groups, own.audit.groups, strict=True):
        assert row.auc.value == pytest.approx(model.auc.value - other.auc.value)


def test_methods_are_judged_by_all_their_trainings(finished: Path, document: Document) -> None:
    """Winner and baselines are trained with three seeds; the first of each is the checkpoint that is handed over."""
    entry = document.find("model", "test", "malignant", "skin")
    assert entry is not None
    assert [found.baseline for found in entry.replications] == ["full", "linear"]
    for found in entry.replications:
        assert (found.seeds, found.fixed) == ([3, 4, 5], False)
        other = document.find(found.baseline, "test", "malignant", "skin")
        assert other is not None
        for row, own, baseline in zip(found.groups, entry.audit.groups, other.audit.groups, strict=True):
            assert row.auc.method.runs[0] == pytest.approx(own.auc.value)
            assert row.auc.baseline.runs[0] == pytest.approx(baseline.auc.value)
            # Another seed is another training.
            assert len({*row.auc.method.runs}) > 1
    assert [model.seeds for model in document.models] == [[3, 4, 5]] * 3
    card = (finished / "README.md").read_text()
    assert "3 trainings of each" in card
    assert "these two checkpoints" in card


def test_one_seed_speaks_of_the_checkpoint_alone(flags: list[str], tmp_path: Path) -> None:
    more = ["--method", "full", "--num_train_epochs", "1", "--trials", "2", "--output_dir", str(tmp_path)]
    assert main(["search", *flags, *more, "--baselines", "full", "--seeds", "1"]) == 0
    document = Document.load(tmp_path)
    assert [model.id for model in document.models] == ["full", "model"]
    assert {trial.mask == [] for trial in search_of(document).trials} == {True}
    entry = document.find("model", "test", "malignant", "skin")
    assert entry is not None
    assert (entry.reference, entry.replications) == ("full", [])
    card = (tmp_path / "README.md").read_text()
    assert "these two checkpoints" in card
    assert "What the methods show" not in card


def test_no_baseline_is_none() -> None:
    assert SearchArguments(baselines=["none"]).baselines == []
    assert SearchArguments(baselines=["none"]).others == []


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("vit", ["full", "linear", "attention", "layernorm"]),
        ("swin", ["full", "linear", "attention", "layernorm"]),
        ("resnet", ["full", "linear", "convolution", "norm"]),
        ("mobilevit", ["full", "linear", "attention", "layernorm", "convolution", "norm"]),
    ],
)
def test_baselines_are_those_that_the_model_has(name: str, wanted: list[str]) -> None:
    assert baselines_of(Facts.of(backbone(name), {})) == wanted


@pytest.mark.parametrize(
    ("more", "line"),
    [
        ("--seeds 2", "`--seeds` is 2; give 3 or more for what a method does, or 1 for what this checkpoint does."),
        ("--baselines full full", "`--baselines full full` names one twice"),
        ("--baselines erm", "erm"),
        ("--baseline_trials 0", "`--baseline_trials` is 0; a search takes at least one."),
        ("--min_auc 60", "`min_auc` is 60; give a floor from 0, for none, to below 1."),
        ("--objective min_ac", "`min_ac` is not a metric to optimise"),
    ],
)
def test_a_wrong_budget_is_refused_before_anything(
    flags: list[str], tmp_path: Path, more: str, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["search", *flags, *more.split(), "--output_dir", str(tmp_path / "o")]) == 2
    assert line in capsys.readouterr().err
    assert not (tmp_path / "o").exists()


def test_a_baseline_without_a_feasible_trial_is_told_and_the_rest_goes_on(
    flags: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The floor lies above what a linear readout reaches; the published name is searched as ours."""
    excess = Floors.excess
    reached = {"linear": 0.5, "full": 0.9}

    def as_reached(self: Floors, metrics: dict[str, float]) -> dict[str, float]:
        return excess(self, metrics | {"eval_auc": reached[current[0]]})

    current, make = ["full"], tuning.baseline

    def noted(trainer: FairTrainer, name: str) -> FairTrainer:
        current[0] = name
        return make(trainer, name)

    monkeypatch.setattr(Floors, "excess", as_reached)
    monkeypatch.setattr(tuning, "baseline", noted)
    more = ["--method", "full", "--num_train_epochs", "1", "--trials", "2", "--objective", "auc_diff", "--seeds", "3"]
    command = ["search", *flags, *more, "--baselines", "linear", "full", "--output_dir", str(tmp_path)]
    assert main(command) == 0
    printed = capsys.readouterr()
    line = "note: no baseline linear: no trial is feasible, so there is no winner: of 2 complete the best, trial "
    assert line in printed.out
    document = Document.load(tmp_path)
    assert {model.id: model.training is None for model in document.models} == {
        "linear": True,
        "full": False,
        "model": False,
    }
    budget = document.model_named("linear").budget
    assert budget is not None
    assert budget.trials == 2
    assert (search_of(document).objective, search_of(document).min_auc) == ("auc_gap", 0.6)
    entry = document.find("model", "test", "malignant", "skin")
    assert entry is not None
    assert entry.reference == "full"
    assert [found.baseline for found in entry.replications] == ["full"]
    card = (tmp_path / "README.md").read_text()
    assert "| no feasible trial |" in card
    assert "| floor of a trial | AUC of 0.6 on validation |" in card
    assert main(command) == 0
    assert "is finished; nothing was run" in capsys.readouterr().out


@pytest.mark.parametrize("given", [["ful"], ["full", "none"]])
def test_a_baseline_that_is_none_is_told_every_choice(given: list[str]) -> None:
    with pytest.raises(FairTuneError, match="is not one of the baselines; choose from ") as refused:
        SearchArguments(baselines=given)
    said = str(refused.value)
    assert f"`--baselines`: `{given[-1]}` is not" in said
    assert said.endswith(", single beside `--combine`, or none alone.")
    listed = said.partition("choose from ")[2].split(", ")[:-2]
    assert {*BASELINES, "groupdro", "mlp"} < {*listed}
    assert [baseline_method(name).name for name in ("linear", "groupdro")] == ["fairtune", "groupdro"]
    for name in ("swift", "diffgda", "unchanged"):
        with pytest.raises(FairTuneError, match=f"`--baselines {name}` repairs a trained model"):
            SearchArguments(baselines=["jtt", name])
    with pytest.raises(FairTuneError, match=f"`ful` is not one of the baselines; choose from {', '.join(listed)}."):
        baseline_method("ful")
