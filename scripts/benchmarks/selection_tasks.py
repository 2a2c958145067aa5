"""Tasks of `selection.py`: images of which thousands are kept aside, and a start that suits them more or less."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from PIL import Image

import hf_fairtune
from hf_fairtune import DataArguments, load_fair_dataset
from hf_fairtune.audits.engine.rows import ScoredRows, check_rows
from hf_fairtune.cli.model import load_processor, load_with_new_head
from hf_fairtune.data.fair_dataset import FairDataset
from hf_fairtune.data.splits import stratified
from hf_fairtune.data.transform import transform_of
from hf_fairtune.datasets.lesions import DATASET, LesionBias, draw_lesions, lesion_table

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
    """Generated lesions, and the demo's ViT with so much noise on its blocks.

    Args:
        title: for the table.
        bias: what is planted.
        train: training images of a split.
        noise: standard deviation of what is added to each weight matrix of the blocks, in units of its own; it takes
            from the start what a linear readout lives on.
    """

    title: str
    bias: LesionBias
    train: int = 400
    noise: float = 0.0

    def held(self, n: int) -> Held:
        """Draw the images kept aside; those of one patient are of one group."""
        table, images = self._drawn(n, HELD_SEED)
        labels, groups = (table.label == "malignant").to_numpy().astype(int), (table.skin == "light").to_numpy()
        patients = table.patient_id.to_numpy()
        return Held(images, check_rows(labels, np.zeros(len(labels)), groups.astype(int), ("dark", "light"), patients))

    def data(self, folder: Path, seed: int) -> FairDataset:
        """Write the images of a split with their table, once, and load them."""
        sizes = {"train": self.train, "validation": VALIDATION, "test": REST}
        total = sum(sizes.values())
        if not (folder / "table.csv").is_file():
            folder.mkdir(parents=True, exist_ok=True)
            table, images = self._drawn(total, seed)
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

    def model(self, labels: list[str]) -> Any:
        """Return the start; its noise is the same in every training."""
        model, draw = load_with_new_head(DEMO, labels), torch.Generator().manual_seed(0)
        for weights in model.vit.layers.parameters() if self.noise else ():
            if weights.dim() == 2:
                weights.data += self.noise * weights.data.std() * torch.randn(weights.shape, generator=draw)
        return model

    def _drawn(self, n: int, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
        """Draw so many images as training images are drawn: their rows and pixels."""
        table = lesion_table(round(n / 0.4), self.bias, seed)
        table = table[table.split == "train"].reset_index(drop=True)
        images = [
            draw_lesions(table[start : start + SOME], self.bias, np.random.default_rng([seed, start]), SIZE)
            for start in range(0, len(table), SOME)
        ]
        return table, np.concatenate(images)


TASKS = {
    "few": Task("few weights generalise", LesionBias(dark_share=0.3)),
    "many": Task("a start that suits less, nothing planted", LesionBias.none(), 800, 1.0),
    "between": Task("between the two", LesionBias(dark_share=0.3), 600, 0.5),
}


def batches(images: np.ndarray, data: FairDataset, size: int = 250) -> Iterator[torch.Tensor]:
    """Yield the images as the model takes those of a data set."""
    transform = transform_of(data["validation"])
    scale, shift = (torch.tensor(v).view(1, -1, 1, 1) for v in (transform.scale, transform.shift))
    for start in range(0, len(images), size):
        yield torch.from_numpy(images[start : start + size]).permute(0, 3, 1, 2).float() * scale + shift
