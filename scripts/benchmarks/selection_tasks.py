"""Tasks of `selection.py`: generated images, many kept aside, of a finding that the start's features hold or not."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image

import hf_fairtune
from hf_fairtune import DataArguments, load_fair_dataset
from hf_fairtune.audits.engine.rows import ScoredRows, check_rows
from hf_fairtune.data.fair_dataset import FairDataset
from hf_fairtune.data.splits import stratified
from hf_fairtune.data.transform import transform_of
from hf_fairtune.datasets.lesions import DATASET, LesionBias, draw_lesions, lesion_table
from hf_fairtune.loading import load_processor

DEMO = str(Path(hf_fairtune.__file__).parent / "demo_vit")
SIZE, SOME, HELD_SEED = 48, 500, 1000
VALIDATION, REST = 200, 60


@dataclass(frozen=True)
class Held:
    """Images kept aside, uint8 [n, size, size, 3], and their rows: labels, groups and patients."""

    images: np.ndarray
    rows: ScoredRows


@dataclass(frozen=True)
class Task:
    """Generated lesions for the demo's ViT, whose features tell shapes and hardly colours.

    Args:
        title: for the table.
        bias: what is planted.
        colour: whether the finding is the second camera's cast, else a malignant shape.
        train: training images of a split.
        rest: its test images, which `selection.py` does not use.
    """

    title: str
    bias: LesionBias
    colour: bool = False
    train: int = 400
    rest: int = REST

    def held(self, n: int) -> Held:
        """Draw the images kept aside; those of one patient are of one group."""
        table, images = self.drawn(n, HELD_SEED)
        labels, groups = (table.label == "malignant").to_numpy().astype(int), (table.skin == "light").to_numpy()
        patients = table.patient_id.to_numpy()
        return Held(images, check_rows(labels, np.zeros(len(labels)), groups.astype(int), ("dark", "light"), patients))

    def data(self, folder: Path, seed: int) -> FairDataset:
        """Write the images of a split with their table, once, and load them."""
        sizes = {"train": self.train, "validation": VALIDATION, "test": self.rest}
        total = sum(sizes.values())
        if not (folder / "table.csv").is_file():
            folder.mkdir(parents=True, exist_ok=True)
            table, images = self.drawn(total, seed)
            strata = (table.label == "malignant").to_numpy() * 2 + (table.skin == "dark").to_numpy()
            parts = stratified(table.patient_id.to_numpy(), strata, [n / total for n in sizes.values()], seed)
            table["split"] = np.array([*sizes])[parts]
            table["file_name"] = [f"{place:04d}.png" for place in range(total)]
            for name, image in zip(table.file_name, images, strict=True):
                Image.fromarray(image).save(folder / name)
            table.to_csv(folder / "table.csv", index=False)
        arguments = DataArguments(
            str(folder / "table.csv"), "label", ["malignant"], ["skin"], cluster=DATASET.cluster, smallest_crop=1.0,
            data_cache=str(folder / "pixels"),
        )  # fmt: skip
        return load_fair_dataset(arguments, load_processor(DEMO), seed=seed)

    def drawn(self, n: int, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
        """Draw so many images as training images are drawn: their rows and pixels."""
        table = lesion_table(round(n / 0.4), self.bias, seed)
        table = table[table.split == "train"].reset_index(drop=True)
        if self.colour:
            table["label"] = np.where(table.second, "malignant", "benign")
        images = [
            draw_lesions(table[start : start + SOME], self.bias, np.random.default_rng([seed, start]), SIZE)
            for start in range(0, len(table), SOME)
        ]
        return table, np.concatenate(images)


COLOURS = replace(LesionBias.none(), camera_light=(0.5, 0.5), camera_dark=(0.5, 0.5), cast=0.65)
TASKS = {
    "few": Task("few weights generalise", LesionBias(dark_share=0.3)),
    "many": Task("many weights are wanted", COLOURS, colour=True),
}


def batches(images: np.ndarray, data: FairDataset, size: int = 250) -> Iterator[torch.Tensor]:
    """Yield the images as the model takes those of a data set."""
    transform = transform_of(data["validation"])
    scale, shift = (torch.tensor(v).view(1, -1, 1, 1) for v in (transform.scale, transform.shift))
    for start in range(0, len(images), size):
        yield torch.from_numpy(images[start : start + size]).permute(0, 3, 1, 2).float() * scale + shift
