"""Set an epoch of the pixel cache beside decoding and `AutoImageProcessor` of the same JPEGs, augmented and not.

Both give the pixel values of the image processor, which are compared, to a stock DataLoader; ours with its collator.
Stock augmentation is a random resized crop and a flip by PIL before the processor. The pipelines take turns; every
round is an epoch of each after the first, in which the cache was built.

    OMP_NUM_THREADS=1 python scripts/benchmarks/input.py
    OMP_NUM_THREADS=1 python scripts/benchmarks/input.py --images ../shared/data/ham10000/images
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pandas as pd
import torch
from PIL import Image
from torch.utils.data import DataLoader
from transformers import ViTImageProcessor, default_data_collator

from hf_fairtune import DataArguments, load_fair_dataset
from hf_fairtune.cli.flags import silence
from hf_fairtune.data.augment import random_boxes, random_flips, unseeded
from hf_fairtune.data.collate import collate
from hf_fairtune.datasets.lesions import LesionBias, draw_lesions, lesion_table

SIZE, BATCH = 224, 64


def written(folder: Path, n: int) -> list[Path]:
    """Write generated lesions as JPEGs."""
    table = lesion_table(n, LesionBias(), 0)
    paths = [folder / f"{place:05d}.jpg" for place in range(n)]
    for path, row in zip(paths, range(n), strict=True):
        image = draw_lesions(table.iloc[row : row + 1], LesionBias(), np.random.default_rng([0, row]), SIZE)[0]
        Image.fromarray(image).save(path, quality=90)
    return paths


class Stock(torch.utils.data.Dataset[dict[str, Any]]):
    """Rows that are decoded and processed one by one."""

    def __init__(self, paths: list[str], processor: Any, *, augmented: bool) -> None:
        self.paths, self.processor, self.augmented = paths, processor, augmented

    def __len__(self) -> int:
        """Count the rows."""
        return len(self.paths)

    def __getitem__(self, place: int) -> dict[str, Any]:
        """Return a row."""
        image = Image.open(self.paths[place]).convert("RGB")
        if self.augmented:
            top, left, height, width = random_boxes(unseeded(1), image.height, image.width)[0].tolist()
            x, y = left * image.width, top * image.height
            box = (x, y, x + width * image.width, y + height * image.height)
            image = image.resize((SIZE, SIZE), Image.Resampling.BILINEAR, box)
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if random_flips(unseeded(1))[0] else image
        pixels = self.processor(image, return_tensors="pt")["pixel_values"][0]
        return {"pixel_values": pixels, "labels": 0, "groups": 0}


def epoch(data: Any) -> np.ndarray:
    """Read all rows; return the seconds on the wall and on the processor."""
    collated = default_data_collator if isinstance(data, Stock) else collate
    start = np.array([time.perf_counter(), time.process_time()])
    for _ in DataLoader(data, BATCH, collate_fn=collated):
        pass
    return np.array([time.perf_counter(), time.process_time()]) - start


def main() -> None:
    """Print a row a pipeline."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, help="a folder of JPEGs; default: generated lesions of 224 pixels")
    parser.add_argument("--n", type=int, default=320, help="images")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    torch.set_num_threads(1)
    silence()
    processor = ViTImageProcessor(size={"height": SIZE, "width": SIZE})
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        paths = sorted(given.images.glob("*.jpg"))[: given.n] if given.images else written(folder, given.n)
        split = ["train" if i % 10 < 8 else "validation" if i % 10 < 9 else "test" for i in range(len(paths))]
        draw = np.random.default_rng(0)
        table = pd.DataFrame({"file_name": [str(path.resolve()) for path in paths], "split": split})
        table["label"], table["group"] = draw.integers(0, 2, len(table)), draw.choice(["a", "b"], len(table))
        table.to_csv(folder / "table.csv", index=False)
        arguments = DataArguments(
            str(folder / "table.csv"), "label", ["1"], ["group"], data_cache=str(folder / "cache"), image_size=SIZE
        )
        data = load_fair_dataset(arguments, processor)
        own = table.file_name[table.split == "train"].tolist()
        pipelines: dict[str, Callable[[], Any]] = {
            "decoding + AutoImageProcessor": lambda: Stock(own, processor, augmented=False),
            "the same, augmented by PIL": lambda: Stock(own, processor, augmented=True),
            "pixel cache": lambda: data.plain("train"),
            "pixel cache, augmented": lambda: data["train"],
        }
        first = [next(iter(DataLoader(pipelines[name](), 8, collate_fn=default_data_collator))) for name in
                 ("decoding + AutoImageProcessor", "pixel cache")]  # fmt: skip
        torch.testing.assert_close(first[0]["pixel_values"], first[1]["pixel_values"])
        found: dict[str, list[np.ndarray]] = {name: [] for name in pipelines}
        for _ in range(given.rounds):
            for name, make in pipelines.items():
                found[name].append(epoch(make()))
    base = found["decoding + AutoImageProcessor"]
    print(f"| {len(own)} images of {SIZE} pixels | ms an image | of AutoImageProcessor's | CPU ms | of its |")
    print("|---" * 5 + "|")
    for name, values in found.items():
        cells = []
        for clock in (0, 1):
            milliseconds = 1e3 * median(one[clock] for one in values) / len(own)
            ratio = median(one[clock] / other[clock] for one, other in zip(values, base, strict=True))
            cells += [f"{milliseconds:.3f}", f"{ratio:.3f}"]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
