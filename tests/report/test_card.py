"""The card: the Hub's metadata, every section, any record; and the folder it is written to."""

from collections.abc import Callable
from pathlib import Path

import pytest
from huggingface_hub import ModelCard

from hf_fairtune.record import Record
from hf_fairtune.report.card import card
from hf_fairtune.report.write import write_report

Make = Callable[..., Record]
EXAMPLES = sorted((Path(__file__).parent.parent.parent / "model_cards").iterdir())
SECTIONS = [
    "Intended use",
    "Factors",
    "Metrics",
    "Results",
    "Training",
    "Limits",
    "How to load",
    "Citation",
    "Data, versions, hashes",
]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_example_is_what_the_code_renders(example: Path, tmp_path: Path) -> None:
    """After a change of the card: `fairtune report model_cards/example`, and look at the difference."""
    write_report(Record.load(example), tmp_path)
    assert (tmp_path / "README.md").read_text("utf-8") == (example / "README.md").read_text("utf-8")
    assert "made-up numbers" in (example / "README.md").read_text("utf-8").split("## ")[0]
    names = {path.name for path in (tmp_path / "figures").iterdir()}
    assert names == {path.name for path in (example / "figures").iterdir()}


def test_metadata_round_trips(record: Record) -> None:
    read = ModelCard(card(record, license="apache-2.0"))
    assert str(ModelCard(str(read))) == str(read) == card(record, license="apache-2.0")
    data = read.data
    assert data.library_name == "transformers"
    assert data.pipeline_tag == "image-classification"
    assert data.base_model == record.model["name"]
    assert data.license == "apache-2.0"
    assert {"fairness", "hf-fairtune"} <= set(data.tags)
    audit = record.evaluation("fairtune")
    assert audit is not None
    overall, lowest = data.eval_results
    assert (overall.metric_type, overall.dataset_split) == ("roc_auc", "test")
    assert overall.metric_value == pytest.approx(audit["auc"]["value"], abs=1e-4)
    assert lowest.metric_value == pytest.approx(audit["min_group_auc"]["value"], abs=1e-4)
    assert audit["min_group_auc"]["group"] in lowest.metric_name


def test_no_license_and_no_local_base_model(record: Record) -> None:
    for name in ("/data/models/vit", "demo_vit", "./x"):
        record.model["name"] = name
        data = ModelCard(card(record)).data
        assert data.base_model is None
        assert data.license is None


@pytest.mark.parametrize("n_groups", [2, 12])
@pytest.mark.parametrize("models", [("full", "fairtune"), ("full",), ("erm",), ()])
def test_any_record_has_a_whole_card(make: Make, n_groups: int, models: tuple[str, ...]) -> None:
    for trials, policies in ((0, ()), (24, ("fixed", "youden"))):
        text = card(make(n_groups, models, trials, policies))
        at = [text.index(f"\n## {section}\n") for section in SECTIONS]
        assert at == sorted(at)
        assert "fairer" not in text
        assert "None" not in text
        assert "nan" not in text.replace("finance", "")
        for name in make(n_groups).data["group_names"][:3]:
            assert name in text


def test_limits_name_groups_and_optimism(make: Make) -> None:
    record = make(8)
    limits = card(record).split("## Limits")[1].split("\n## ")[0]
    assert "Not estimable: نساء; men, 41–65." in limits
    assert "Weak: missing." in limits
    assert record.search is not None
    best = record.trials[record.search["best_trial"]]["value"]
    assert f"{best:.3f}" in limits


def test_validation_best_stands_beside_test(record: Record) -> None:
    audit = record.evaluation("fairtune")
    assert audit is not None
    for objective in ("min_group_auc", "eval_min_group_auc"):
        record.search = {**(record.search or {}), "objective": objective}
        assert f"is {audit['min_group_auc']['value']:.3f} on test" in card(record)
    record.search = {**record.search, "objective": "eval_loss"}
    assert "eval\\_loss was" in card(record)


def test_adapter_only_where_there_is_a_mask(make: Make) -> None:
    assert 'subfolder="adapter"' in card(make(2))
    assert "PeftModel" not in card(make(2, ("full",), 0))


def test_folder_holds_card_and_figures(make: Make, tmp_path: Path) -> None:
    written = write_report(make(3), tmp_path)
    assert [path.relative_to(tmp_path).as_posix() for path in written] == [
        "README.md",
        "figures/groups.png",
        "figures/mask_map.png",
        "figures/search_history.png",
        "figures/mask_frequency.png",
    ]
    text = (tmp_path / "README.md").read_text("utf-8")
    assert all(f"]({path.relative_to(tmp_path).as_posix()})" in text for path in written[1:])
    before = {path: path.read_bytes() for path in written}
    write_report(make(3), tmp_path)
    assert before == {path: path.read_bytes() for path in written}
    write_report(make(3, ("full",), 0), tmp_path)
    assert [path.name for path in (tmp_path / "figures").iterdir()] == ["groups.png"]


def test_small_counts_are_not_published(make: Make, tmp_path: Path) -> None:
    record = make(6)
    write_report(record, tmp_path)
    text = (tmp_path / "README.md").read_text("utf-8")
    merged = next(line for line in text.splitlines() if line.startswith("| missing + "))
    assert merged.count("–") == 2
    assert next(line for line in text.splitlines() if line.startswith("| missing |")).count("–") == 4
    assert "suppressed" in text
    assert record.data["splits"]["test"]["cells"][-2]["n"] == 10


def test_full_disk_is_told(make: Make, tmp_path: Path) -> None:
    (tmp_path / "figures").write_text("in the way")
    with pytest.raises(ValueError, match="could not be written"):
        write_report(make(2), tmp_path)


def test_a_repair_says_what_was_repaired_with_what_and_how(make_repaired: Make) -> None:
    record = make_repaired(4)
    text = card(record)
    repair = text.split("## Repair")[1].split("\n## ")[0]
    assert record.repair is not None
    external = record.data["splits"]["external"]["n"]
    for told in (f"{external} images, drawn without replacement from train", "50 % of what balance allows"):
        assert told in repair
    for told in ("soft mask", "scales each weight's update", "equalized\\_odds (women, 18–40 against men, 18–40)"):
        assert told in repair
    for told in ('"classifier.1"; 811 of its 2050 weights', "slope 0.810", "Fitted on validation for each model"):
        assert told in repair
    assert "| extractor | 10 | 0.0001 | 0.1 | 0.9 | 70 | 93.5 |" in repair
    assert "3 terms of the bias loss were left out" in repair
    assert "repaired with SWiFT" in text
    assert "interpolate_pos_encoding" not in text


@pytest.mark.parametrize(
    ("method", "kind", "paper", "words"),
    [
        ("swift", "soft", "yan2025swift", "a soft mask"),
        ("bmft", "hard", "xue2024bmft", "a hard mask"),
        ("swift", "random", "yan2025swift", "a random mask, a control"),
        ("full", "none", "yan2025swift", "no mask: every weight"),
    ],
)
def test_the_paper_and_the_mask_are_those_of_the_method(
    make_repaired: Make, method: str, kind: str, paper: str, words: str
) -> None:
    record = make_repaired(2)
    for entry in [*record.evaluations, *record.comparisons]:
        entry["model"] = method if entry["model"] == "swift" else entry["model"]
    record.method, record.repair["mask"]["kind"] = method, kind
    text = card(record)
    assert words in text
    assert [name for name in ("dutt2024", "yan2025swift", "xue2024bmft") if name in text] == [paper]


def test_a_repair_without_mask_new_head_or_calibration(make_repaired: Make) -> None:
    record = make_repaired(2)
    record.repair |= {"mask": None, "reinitialised": None, "calibration": None}
    text = card(record)
    assert "none of its weights was set to zero" in text
    assert "Not calibrated again" in text
    assert "mask_layers" not in text
    record = make_repaired(2)
    record.repair["calibration"] |= {"applied": False, "reason": "slope is not above 0"}
    assert "it is not in the weights (slope is not above 0)" in card(record)


def test_every_test_set_is_in_the_metadata(make_repaired: Make) -> None:
    data = ModelCard(card(make_repaired(2, ("clinic-b", "ddi")))).data
    assert data.base_model_relation == "finetune"
    assert [result.dataset_split for result in data.eval_results] == ["test"] * 2 + ["clinic-b"] * 2 + ["ddi"] * 2
    assert data.eval_results[2].dataset_name == "made-up images of clinic-b"


def test_a_repair_from_few_images_tells_no_count_of_them(make_repaired: Make, tmp_path: Path) -> None:
    record = make_repaired(6)
    assert record.data["splits"]["external"]["cells"][-2]["n"] == 20
    for cell in record.data["splits"]["external"]["cells"]:
        cell["n"] = 7
    record.data["splits"]["external"]["n"] = record.repair["mask"]["rows"] = 84
    write_report(record, tmp_path)
    text = (tmp_path / "README.md").read_text("utf-8")
    assert "its counts would tell of a few patients" in text
    assert "84 images" not in text
    assert "external: melanoma" not in text
    assert "| extractor | 10 | 0.0001 | 0.1 | 0.9 | – |" in text
