"""A stock script as it is, and with the lines of each diff beside it: each runs, and adds what the README says."""

import json
import re
import runpy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from peft import PeftModel
from PIL import Image
from transformers import AutoModelForImageClassification, ViTImageProcessorPil

from hf_fairtune import SoftMask
from tests.conftest import tiny_vit

FOLDER = Path(__file__).parent.parent.parent / "scripts" / "drop_in"
STOCK = FOLDER / "image_classification.py"
README = FOLDER.parent.parent / "README.md"
# What the README says that each adds, lines that take the place of others not counted.
LINES = {name: int(n) for n, name in re.findall(r"\| (\d+) \| \[`(\w+)\.diff`\]", README.read_text(encoding="utf-8"))}
pytestmark = [
    pytest.mark.filterwarnings("ignore:Unsupported layer type:UserWarning"),
    pytest.mark.filterwarnings("ignore:Unexpected keyword arguments:UserWarning"),
]


def changed(diff: str) -> str:
    """Return the stock script with a unified diff applied, whose places are told by their text alone."""
    text = STOCK.read_text(encoding="utf-8")
    for hunk in re.split(r"^@@.*@@\n", diff, flags=re.MULTILINE)[1:]:
        lines = hunk.splitlines(keepends=True)
        old, new = ("".join(line[1:] for line in lines if line[0] in kinds) for kinds in (" -", " +"))
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with its processor, and a folder of images with a label and an attribute."""
    folder, draw = tmp_path_factory.mktemp("given"), np.random.default_rng(0)
    tiny_vit().save_pretrained(folder / "model")
    ViTImageProcessorPil(size={"height": 16, "width": 16}).save_pretrained(folder / "model")
    for part, n in (("train", 24), ("validation", 24)):
        (folder / "images" / part).mkdir(parents=True)
        for place in range(n):
            pixels = draw.integers(0, 256, (16, 16, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / "images" / part / f"{place}.png")
        columns = {"file_name": [f"{place}.png" for place in range(n)], "label": ["mole", "melanoma"] * (n // 2)}
        pd.DataFrame({**columns, "sex": ["f", "f", "m", "m"] * (n // 4)}).to_csv(
            folder / "images" / part / "metadata.csv", index=False
        )
    return folder


def run(given: Path, folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """Run a script as its command would; return its metrics."""
    (folder / "script.py").write_text(script.replace("n_trials=20", "n_trials=2"), encoding="utf-8")
    flags = {
        "model_name_or_path": given / "model", "data_dir": given / "images", "output_dir": folder / "out",
        "eval_strategy": "epoch", "save_strategy": "no", "num_train_epochs": 1, "report_to": "none", "seed": 1,
        "remove_unused_columns": "false", "use_cpu": "true", "disable_tqdm": "true", "learning_rate": 0.01,
    }  # fmt: skip
    words = [word for name, value in flags.items() for word in (f"--{name}", str(value))]
    monkeypatch.setattr("sys.argv", ["script.py", "--do_train", "--do_eval", *words])
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", folder / "cache")
    runpy.run_path(str(folder / "script.py"), run_name="__main__")
    assert (folder / "out" / "README.md").is_file()
    found: dict[str, float] = json.loads((folder / "out" / "eval_results.json").read_text())
    return found


def test_the_stock_script(given: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = run(given, tmp_path, STOCK.read_text(encoding="utf-8"), monkeypatch)
    assert "eval_accuracy" in found
    assert not any("auc" in name for name in found)
    model = AutoModelForImageClassification.from_pretrained(tmp_path / "out")
    assert model.config.id2label == {0: "melanoma", 1: "mole"}


def test_every_diff_is_tried() -> None:
    assert {path.stem for path in FOLDER.glob("*.diff")} == set(LINES)


@pytest.mark.parametrize("name", LINES)
def test_a_few_lines_more(given: Path, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    diff = (FOLDER / f"{name}.diff").read_text(encoding="utf-8")
    script = changed(diff)
    added = len(script.splitlines()) - len(STOCK.read_text(encoding="utf-8").splitlines())
    assert added == LINES[name]
    found, out = run(given, tmp_path, script, monkeypatch), tmp_path / "out"
    assert ("eval_min_group_auc" in found) == (name in ("metrics", "search", "fair_trainer"))
    assert "eval_accuracy" in found
    if name == "soft_mask":
        start, mask = tiny_vit().state_dict(), SoftMask.from_pretrained(out)
        trained = AutoModelForImageClassification.from_pretrained(out).named_parameters()
        moved = {name: values != start[name] for name, values in trained}
        assert not any((moved[name] & (values == 0)).any() for name, values in mask.items())
        assert any(values.any() for values in moved.values())
    if name in ("mask", "search", "fair_trainer"):
        model = PeftModel.from_pretrained(tiny_vit(), out)
        assert "classifier" in model.peft_config["default"].target_modules
