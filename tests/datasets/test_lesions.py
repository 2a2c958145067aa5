"""The demo data: the same bytes every time, the documented bias and no other, and a ViT that is worth tuning."""

import hashlib
import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from transformers import AutoImageProcessor, AutoModelForImageClassification, PreTrainedModel

import hf_fairtune.datasets.lesions as lesions
from hf_fairtune.datasets.lesions import CAST, COLUMNS, SHARES, LesionBias, draw_lesions, lesion_table, write_lesions
from hf_fairtune.errors import FairTuneError

WEIGHTS = Path(lesions.__file__).parent.parent / "demo_vit"


def digest(folder: Path) -> str:
    """Hash every file's name and bytes."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return hashlib.sha256(b"".join(str(f.relative_to(folder)).encode() + f.read_bytes() for f in files)).hexdigest()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_lesions(tmp_path_factory.mktemp("data") / "lesions", n=200)


def test_same_settings_same_bytes(folder: Path, tmp_path: Path) -> None:
    assert digest(write_lesions(tmp_path / "again", n=200)) == digest(folder)
    assert digest(write_lesions(tmp_path / "other", n=200, seed=1)) != digest(folder)


def test_whole_folder_is_returned_at_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lesions, "fill", lambda *_: pytest.fail("the folder was written again"))
    assert write_lesions(folder, n=200) == folder


def test_new_settings_or_missing_files_write_again(tmp_path: Path) -> None:
    folder = write_lesions(tmp_path / "lesions", n=60)
    first = digest(folder)
    assert digest(write_lesions(folder, n=60, bias=LesionBias.none())) != first
    write_lesions(folder, n=60)
    next(folder.glob("test/*.png")).unlink()
    assert digest(write_lesions(folder, n=60)) == first
    assert os.listdir(tmp_path) == ["lesions"]


def test_files_of_others_are_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(FairTuneError, match="not generated lesions"):
        write_lesions(tmp_path, n=60)
    assert (tmp_path / "thesis.txt").is_file()


@pytest.mark.parametrize("settings", [{"n": 3}, {"image_size": 4}])
def test_impossible_sizes_are_refused(settings: dict[str, int], tmp_path: Path) -> None:
    with pytest.raises(FairTuneError, match="at least 50"):
        write_lesions(tmp_path / "lesions", **settings)
    with pytest.raises(FairTuneError, match="between 0 and 1"):
        LesionBias(dark_share=18)


def test_a_killed_write_leaves_nothing_half_done(folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "lesions"
    code = (
        "import os, sys\nfrom pathlib import Path\nfrom PIL import Image\n"
        "from hf_fairtune.datasets.lesions import write_lesions\n"
        "save, left = Image.Image.save, iter(range(100))\n"
        "Image.Image.save = lambda *a, **k: save(*a, **k) if next(left, None) is not None else os._exit(9)\n"
        "write_lesions(Path(sys.argv[1]), n=200)\n"
    )
    assert subprocess.run([sys.executable, "-c", code, str(target)], check=False).returncode == 9
    assert not target.exists()
    assert digest(write_lesions(target, n=200)) == digest(folder)


def test_tables_and_images_agree(folder: Path) -> None:
    for split in SHARES:
        table = pd.read_csv(folder / split / "metadata.csv")
        assert tuple(table.columns) == COLUMNS
        assert sorted(table["file_name"]) == sorted(path.name for path in (folder / split).glob("*.png"))


def test_patients_keep_their_attributes_and_their_split() -> None:
    patients = lesion_table(2000, LesionBias()).groupby("patient_id")
    assert patients[["split", "sex", "age", "skin"]].nunique().eq(1).all(axis=None)
    assert patients.size().isin([1, 2, 3]).all()
    assert patients.size().nunique() == 3


@pytest.mark.parametrize("bias", [LesionBias(), LesionBias.none(), LesionBias(0.3, 0.5, (0.2, 0.9), (0.6, 0.0))])
def test_documented_rates_hold(bias: LesionBias) -> None:
    table = lesion_table(2000, bias)
    dark = table["skin"].eq("dark").groupby(table["split"]).mean()
    assert dark["train"] == pytest.approx(bias.dark_share, abs=0.002)
    assert dark["validation"] == dark["test"] == 0.5
    cells = table.groupby(["split", "skin", "label"])
    assert cells.size()["validation"].min() >= 40
    assert cells.size()["test"].min() >= 150
    for skin, rates in (("light", bias.camera_light), ("dark", bias.camera_dark)):
        for label, rate in zip(("benign", "malignant"), rates, strict=True):
            for split in SHARES:
                assert cells["second"].mean()[split, skin, label] == pytest.approx(rate, abs=0.03)


def test_controls_have_no_effect_on_the_label() -> None:
    table = lesion_table(20000, LesionBias())
    malignant = table["label"].eq("malignant")
    assert malignant.groupby(table["sex"]).mean().diff().abs().max() < 0.03
    assert abs(malignant.corr(table["age"])) < 0.03


def contrast(bias: LesionBias, skin: str) -> float:
    """Measure how much darker the middle of the image is than its frame, in grey levels."""
    table = lesion_table(600, bias).query("skin == @skin and not second").head(80)
    images = draw_lesions(table, bias, np.random.default_rng(0), 48).astype(float).mean(-1)
    middle, frame = images[:, 20:28, 20:28].mean(), images[:, :6, :].mean()
    return float(frame - middle)


def test_zero_bias_has_one_contrast_and_the_default_two() -> None:
    fair, planted = LesionBias.none(), LesionBias()
    assert contrast(fair, "dark") == pytest.approx(contrast(fair, "light"), rel=0.1)
    assert contrast(planted, "dark") / contrast(planted, "light") == pytest.approx(planted.dark_contrast, rel=0.1)


def test_cast_is_drawn_where_the_table_says_and_at_its_strength() -> None:
    table = lesion_table(400, LesionBias())
    for strength in (1.0, 0.0):
        images = draw_lesions(table, LesionBias(cast=strength), np.random.default_rng(0), 48).astype(float)
        violet = (images[..., 2] - images[..., 0])[:, :6].mean(axis=(1, 2))
        for skin in ("light", "dark"):
            rows = table["skin"].eq(skin).to_numpy()
            seen = table["second"].to_numpy()[rows]
            shift = violet[rows][seen].mean() - violet[rows][~seen].mean()
            assert shift == pytest.approx(strength * (CAST[2] - CAST[0]), abs=1.5)


def load(folder: Path) -> PreTrainedModel:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return AutoModelForImageClassification.from_pretrained(folder, num_labels=2, ignore_mismatched_sizes=True)


@torch.no_grad()
def features(model: PreTrainedModel, pixels: torch.Tensor) -> NDArray[np.float32]:
    return torch.cat([model.vit(part).last_hidden_state[:, 0] for part in pixels.split(200)]).numpy()


def test_frozen_features_know_the_clinic_in_both_groups() -> None:
    bias = LesionBias.none()
    table = lesion_table(1400, bias)
    images = draw_lesions(table, bias, np.random.default_rng(0), 48)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        processor = AutoImageProcessor.from_pretrained(WEIGHTS)
    pixels = processor(list(images), return_tensors="pt")["pixel_values"]
    assert pixels.shape == (1400, 3, 48, 48)
    expected = torch.from_numpy(images).permute(0, 3, 1, 2) / 127.5 - 1
    torch.testing.assert_close(pixels, expected, atol=1e-5, rtol=0)
    torch.manual_seed(0)
    trained = load(WEIGHTS).eval()
    fit, malignant = table["split"].eq("train").to_numpy(), table["label"].eq("malignant").to_numpy()
    auc = {}
    for name, model in {"trained": trained, "random": type(trained)(trained.config).eval()}.items():
        x = features(model, pixels)
        probe = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000)).fit(x[fit], malignant[fit])
        for skin in ("light", "dark"):
            rows = table["split"].eq("test").to_numpy() & table["skin"].eq(skin).to_numpy()
            auc[name, skin] = roc_auc_score(malignant[rows], probe.decision_function(x[rows]))
    for skin in ("light", "dark"):
        assert auc["trained", skin] > 0.75, auc
        assert auc["random", skin] < auc["trained", skin] - 0.08, auc


def test_weights_are_small_and_have_the_paper_s_36_parts() -> None:
    assert (WEIGHTS / "model.safetensors").stat().st_size < 1_500_000
    assert load(WEIGHTS).config.num_hidden_layers == 12
