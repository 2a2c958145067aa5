"""Generate images of skin lesions with a planted, documented group bias: the data of `fairtune demo`.

No person is in these images. A lesion is **malignant** when its border is irregular on one side and
**benign** when it is a smooth ellipse; the two overlap a little, so no model reaches an AUC of 1. Every image
has `sex` and `age`, which have no effect on anything (negative controls), and `skin`, which is the group:

===============================  ===========  ===========  ================================
what                             light        dark         field of `LesionBias`
===============================  ===========  ===========  ================================
share of the training images     85 %         15 %         `dark_share`
lesion contrast                  1            0.75         `dark_contrast`
second camera, benign            3 %          40 %         `camera_light`, `camera_dark`
second camera, malignant         93 %         30 %         `camera_light`, `camera_dark`
===============================  ===========  ===========  ================================

The camera is the shortcut: its pictures have a cold, violet cast (`cast`), the same in both groups. In the
light majority the clinic reaches for it when it already suspects something, so the cast predicts malignancy;
in the dark group the habit is the other way round, and a model that learnt the cast from the majority pays
there. The rates hold in all three splits: the cast is not a mistake of the test set but of the data. Tuning
the whole of the demo's pretrained model learns the cast, tuning some of its parts does not, and which ones is
what FairTune searches for. It has a price: without the cast the light group's AUC falls to what the lesions
themselves tell.

By design validation and test hold as many dark as light images (training does not), so that every group and
label has enough of both for an interval to mean something: with the default size at least 80 in validation
and 160 in test. 40 % of the images are malignant in every group and split. `LesionBias.none()` plants nothing:
equal shares, contrast and cameras, so the true gap is zero and the only difference is the skin tone.
"""

import json
import os
import shutil
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from ..errors import FairTuneError
from .dataset import PreparedDataset

Floats = NDArray[np.floating[Any]]

VERSION = 1
SETTINGS = "lesions.json"
COLUMNS = ("file_name", "label", "sex", "age", "skin", "patient_id")
SHARES = {"train": 0.4, "validation": 0.2, "test": 0.4}
PREVALENCE = 0.4
TONES = {"light": (222.0, 180.0, 156.0), "dark": (134.0, 96.0, 74.0)}
LESION = (62.0, 56.0, 44.0)
CAST = (-10.0, -3.0, 11.0)
IRREGULARITY = {"benign": (0.0, 0.08), "malignant": (0.08, 0.38)}


@dataclass(frozen=True)
class LesionBias:
    """Say how strongly the dark group is disadvantaged; the pairs are shares of (benign, malignant) images."""

    dark_share: float = 0.15
    dark_contrast: float = 0.75
    camera_light: tuple[float, float] = (0.03, 0.93)
    camera_dark: tuple[float, float] = (0.4, 0.3)
    cast: float = 1.0

    def __post_init__(self) -> None:
        rates = (self.dark_share, self.dark_contrast, *self.camera_light, *self.camera_dark, self.cast)
        if not all(0 <= rate <= 1 for rate in rates):
            raise FairTuneError(f"every field of `LesionBias` is between 0 and 1, got {self}.")

    @classmethod
    def none(cls) -> "LesionBias":
        """Plant nothing: the two groups differ in skin tone only."""
        return cls(dark_share=0.5, dark_contrast=1.0, camera_light=(0.3, 0.3), camera_dark=(0.3, 0.3))


def write_lesions(
    folder: Path, n: int = 2000, bias: LesionBias | None = None, seed: int = 0, image_size: int = 48
) -> Path:
    """Write `n` images as a Hugging Face `imagefolder` and return the folder.

    The folder holds `train/`, `validation/` and `test/`, each with its PNG files and a `metadata.csv` of
    `file_name, label, sex, age, skin, patient_id`. It appears whole or not at all, the same settings give the
    same bytes, and a folder that is already there with the same settings is returned at once.
    """
    folder, bias = Path(folder), bias or LesionBias()
    if n < 50 or image_size < 16:
        raise FairTuneError(f"`n` must be at least 50 and `image_size` 16, got {n} and {image_size}.")
    settings = {"version": VERSION, "n": n, "seed": seed, "image_size": image_size, "bias": asdict(bias)}
    text = json.dumps(settings, indent=2) + "\n"
    if is_whole(folder, text, n):
        return folder
    if folder.exists() and any(folder.iterdir()) and not (folder / SETTINGS).is_file():
        raise FairTuneError(f"{folder} holds files that are not generated lesions. Name a new or empty folder.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        fill(draft / "new", n, bias, seed, image_size)
        (draft / "new" / SETTINGS).write_text(text, encoding="utf-8")
        if folder.exists():
            os.replace(folder, draft / "old")
        os.replace(draft / "new", folder)
    except OSError:
        if not is_whole(folder, text, n):  # another process may have finished the same folder first
            raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return folder


def is_whole(folder: Path, settings: str, n: int) -> bool:
    """Tell whether the folder holds exactly what these settings would write."""
    path = folder / SETTINGS
    if not path.is_file() or path.read_text(encoding="utf-8") != settings:
        return False
    return sum(1 for _ in folder.glob("*/*.png")) == n and len(list(folder.glob("*/metadata.csv"))) == 3


def fill(folder: Path, n: int, bias: LesionBias, seed: int, image_size: int) -> None:
    """Write the images and tables of every split."""
    table = lesion_table(n, bias, seed)
    for number, split in enumerate(SHARES):
        part = table[table.split == split]
        (folder / split).mkdir(parents=True)
        images = draw_lesions(part, bias, np.random.default_rng([seed, 1, number]), image_size)
        for name, image in zip(part.file_name, images, strict=True):
            Image.fromarray(image).save(folder / split / name, compress_level=1)
        part[list(COLUMNS)].to_csv(folder / split / "metadata.csv", index=False, lineterminator="\n")


def lesion_table(n: int, bias: LesionBias, seed: int = 0) -> pd.DataFrame:
    """List the images with their split, attributes and camera (`second`, kept out of the files)."""
    rng = np.random.default_rng([seed, 0])
    sizes = {split: round(n * share) for split, share in SHARES.items()}
    sizes["test"] = n - sizes["train"] - sizes["validation"]
    parts, patients = [], 0
    for split, size in sizes.items():
        dark = round(size * (bias.dark_share if split == "train" else 0.5))
        groups = []
        for skin, count in (("light", size - dark), ("dark", dark)):
            rates = bias.camera_light if skin == "light" else bias.camera_dark
            groups.append(group_rows(rng, skin, count, rates, patients))
            patients += groups[-1].patient.nunique()
        part = pd.concat(groups, ignore_index=True)
        part = part.iloc[rng.permutation(size)].reset_index(drop=True)
        parts.append(part.assign(split=split, file_name=[f"{split}_{i:05d}.png" for i in range(size)]))
    table = pd.concat(parts, ignore_index=True)
    names = rng.permutation(patients)  # an identifier must not give away the split or the group
    return table.assign(patient_id=[f"P{names[i]:05d}" for i in table.patient])


def group_rows(
    rng: np.random.Generator, skin: str, count: int, camera: tuple[float, float], first: int
) -> pd.DataFrame:
    """List the images of one group in one split, with exact rates of malignancy and of the second camera."""
    sizes = rng.integers(1, 4, size=count)
    patient = np.repeat(np.arange(count), sizes)[:count]
    sex = rng.choice(["F", "M"], size=count)[patient]
    age = rng.integers(20, 91, size=count)[patient]
    malignant = exact(rng, count, PREVALENCE)
    second = np.zeros(count, dtype=bool)
    for label, rate in enumerate(camera):
        second[malignant == label] = exact(rng, int((malignant == label).sum()), rate)
    label_names = np.where(malignant, "malignant", "benign")
    columns = {"label": label_names, "sex": sex, "age": age, "skin": skin, "second": second}
    return pd.DataFrame({**columns, "patient": patient + first})


def exact(rng: np.random.Generator, count: int, rate: float) -> NDArray[np.bool_]:
    """Draw `count` flags of which exactly the rounded share is true, in random order."""
    return rng.permutation(np.arange(count) < round(count * rate))


def draw_lesions(
    table: pd.DataFrame, bias: LesionBias, rng: np.random.Generator, image_size: int
) -> NDArray[np.uint8]:
    """Draw one image a row: skin, lesion, hairs, the camera's cast and sensor noise, as uint8 (n, size, size, 3)."""
    n, dark = len(table), (table.skin == "dark").to_numpy()
    axis = (np.arange(image_size, dtype=np.float32) + 0.5) / image_size * 2 - 1
    y, x = (grid[None] for grid in np.meshgrid(axis, axis, indexing="ij"))
    patients, row = np.unique(table.patient_id.to_numpy(dtype=str), return_inverse=True)
    tone = np.where(dark[:, None], TONES["dark"], TONES["light"]) + rng.normal(0, 7, (len(patients), 1))[row]
    contrast = np.where(dark, bias.dark_contrast, 1.0) * rng.uniform(0.6, 1.0, n)
    lesion = lesion_mask(x, y, table.label.to_numpy(dtype=str), rng)
    depth = lesion * (1 + 0.25 * mottle(x, y, n, 5.0, rng)) * contrast[:, None, None]
    light = 6 * mottle(x, y, n, 1.5, rng) + 3 * mottle(x, y, n, 9.0, rng) - 26 * hairs(x, y, n, rng)
    image = tone[:, None, None] + light[..., None] - depth[..., None] * np.array(LESION)
    cast = bias.cast * table.second.to_numpy(dtype=float)[:, None, None, None] * np.array(CAST)
    image = image + cast + rng.normal(0, 4, image.shape)
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)


def column(values: Floats) -> Floats:
    """Shape one number an image so that it broadcasts over the pixels."""
    return values.astype(np.float32).reshape(-1, 1, 1)


def lesion_mask(x: Floats, y: Floats, labels: NDArray[np.str_], rng: np.random.Generator) -> Floats:
    """Draw a soft-edged ellipse whose border waves on one side, as strongly as the label says."""
    n = len(labels)
    low, high = (np.array([IRREGULARITY[label][i] for label in labels]) for i in (0, 1))
    dx, dy = x - column(rng.uniform(-0.15, 0.15, n)), y - column(rng.uniform(-0.15, 0.15, n))
    turn = rng.uniform(0, np.pi, n)
    cos, sin, ratio = column(np.cos(turn)), column(np.sin(turn)), column(rng.uniform(0.65, 1.0, n))
    u, v = cos * dx + sin * dy, (cos * dy - sin * dx) / ratio
    angle = np.arctan2(v, u)
    waves = np.arange(3, 8)
    heights = rng.normal(0, 1, (n, len(waves)))
    heights /= np.linalg.norm(heights, axis=1, keepdims=True)
    phases = rng.uniform(0, 2 * np.pi, (n, len(waves)))
    border = sum(column(heights[:, i]) * np.cos(k * angle + column(phases[:, i])) for i, k in enumerate(waves))
    side = 0.65 + 0.35 * np.cos(angle - column(rng.uniform(0, 2 * np.pi, n)))
    radius = column(rng.uniform(0.42, 0.62, n)) * (1 + column(rng.uniform(low, high)) * side * border)
    mask: Floats = 1 / (1 + np.exp((np.hypot(u, v) - radius) / column(rng.uniform(0.02, 0.05, n))))
    return mask


def mottle(x: Floats, y: Floats, n: int, frequency: float, rng: np.random.Generator) -> Floats:
    """Draw smooth spots of mean 0 and variance about 1: six random waves an image."""
    spots = np.zeros((n, *x.shape[1:]), dtype=np.float32)
    for _ in range(6):
        wave = rng.normal(0, frequency, (2, n))
        spots += np.cos(column(wave[0]) * x + column(wave[1]) * y + column(rng.uniform(0, 2 * np.pi, n)))
    return spots / np.float32(np.sqrt(3))


def hairs(x: Floats, y: Floats, n: int, rng: np.random.Generator) -> Floats:
    """Draw up to three thin curved hairs an image, in every group and label alike."""
    drawn = np.zeros((n, *x.shape[1:]), dtype=np.float32)
    for _ in range(3):
        turn = rng.uniform(0, 2 * np.pi, n)
        along = column(np.cos(turn)) * x + column(np.sin(turn)) * y
        across = column(np.cos(turn)) * y - column(np.sin(turn)) * x
        offset = column(rng.uniform(-0.9, 0.9, n)) + column(rng.normal(0, 0.25, n)) * along**2
        shown = column((rng.random(n) < 0.35).astype(float))
        drawn = np.maximum(drawn, shown * np.exp(-(((across - offset) / 0.03) ** 2)))
    return drawn


DATASET = PreparedDataset(
    title="Generated skin lesions, malignant or benign, with a planted bias against dark skin; no person is in them.",
    prepare=lambda folder, download: write_lesions(folder),
    label="label",
    positive=("malignant",),
    groups=("skin",),
    cluster="patient_id",
)
