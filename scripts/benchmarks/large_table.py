"""Set up a table of 22,000 and of 220,000 images: seconds by phase on the processor, and the memory that is held.

Each size is read by a process of its own, from distinct JPEG files and a CSV with patient, label, sex, age and race,
as CheXpert has them. Memory is what the process holds for itself (RssAnon); pages of the pixel cache, which the system
takes back when it needs them, are printed apart (RssFile). The peak is sampled every 20 ms.

    OMP_NUM_THREADS=1 python scripts/benchmarks/large_table.py --folder /tmp/large_table
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd
from PIL import Image

SIZES = (22_000, 220_000)
PIXELS = 16
# Where each phase lies: the function that does it, where it is called.
PHASES = {
    "read": ("hf_fairtune.data.fair_dataset", "load_source"),
    "identities": ("hf_fairtune.data.image_rows", "identify"),
    "copies": ("hf_fairtune.data.image_rows", "first_of_content"),
    "splits": ("hf_fairtune.data.fair_dataset", "divide"),
    "pixels": ("hf_fairtune.data.fair_dataset", "cached_transform"),
}


class Memory:
    """The process's own memory in bytes, and its peak since the last look."""

    def __init__(self) -> None:
        self._peak = 0
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        while True:
            self._peak = max(self._peak, held())
            time.sleep(0.02)

    def peak(self) -> int:
        """Return the peak, and begin anew."""
        found, self._peak = max(self._peak, held()), 0
        return found


def held(kind: str = "RssAnon") -> int:
    """Return the bytes of a kind that this process holds."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(f"{kind}:"))


def write_table(folder: Path, rows: int, seed: int = 0) -> Path:
    """Write the images, a thousand a folder, and their table; return the table."""
    table = folder / f"{rows}.csv"
    if table.is_file():
        return table
    draw = np.random.default_rng(seed)
    images = [f"images/{row // 1000:03d}/{row:06d}.jpg" for row in range(rows)]
    for start in range(0, rows, 1000):
        (folder / images[start]).parent.mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng([seed, start]).integers(0, 256, (1000, PIXELS, PIXELS, 3), dtype=np.uint8)
        for image, pixels in zip(images[start : start + 1000], noise, strict=True):
            Image.fromarray(pixels).save(folder / image, quality=80)
    columns = {
        "image": images,
        "finding": draw.choice(["no", "yes"], rows, p=[0.9, 0.1]),
        "sex": draw.choice(["F", "M"], rows),
        "age": draw.integers(18, 91, rows),
        "race": draw.choice(["a", "b", "c"], rows, p=[0.7, 0.2, 0.1]),
        "patient": [f"P{patient:06d}" for patient in np.sort(draw.integers(0, rows // 3, rows))],
    }
    pd.DataFrame(columns).to_csv(table, index=False)
    return table


def measure(table: Path, cache: Path) -> None:
    """Load a table, take batches and score its validation rows; print seconds and bytes by phase as JSON."""
    import torch
    from transformers import ViTConfig, ViTForImageClassification, ViTImageProcessor

    from hf_fairtune import FairTrainer, FairTrainingArguments
    from hf_fairtune.data.arguments import DataArguments
    from hf_fairtune.data.fair_dataset import load_fair_dataset

    memory, found = Memory(), dict[str, dict[str, float]]()

    def timed(phase: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def measured(*args: Any, **kwargs: Any) -> Any:
            memory.peak()
            start, begin = time.process_time(), time.monotonic()
            result = call(*args, **kwargs)
            spent = {"seconds": time.process_time() - start, "passed": time.monotonic() - begin}
            found[phase] = {**spent, "peak": memory.peak(), "held": held()}
            return result

        return measured

    found["start"] = {"seconds": 0, "passed": 0, "peak": memory.peak(), "held": held()}
    arguments = DataArguments(
        str(table), "finding", ["yes"], ["sex", "age:60", "race"], "patient", data_cache=str(cache)
    )
    processor = ViTImageProcessor(size={"height": PIXELS, "width": PIXELS})
    patches = [patch(f"{m}.{n}", timed(p, getattr(__import__(m, fromlist=[n]), n))) for p, (m, n) in PHASES.items()]
    for one in patches:
        one.start()
    data = timed("all of it", load_fair_dataset)(arguments, processor)
    config = ViTConfig(
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        image_size=PIXELS,
        patch_size=8,
    )
    args = FairTrainingArguments(str(cache / "run"), per_device_train_batch_size=512, use_cpu=True, report_to=[])
    torch.set_num_threads(1)
    trainer = FairTrainer(model=ViTForImageClassification(config), args=args, data=data, method=None)
    loader = trainer.get_train_dataloader()
    timed("20 batches of 512", lambda: [batch for batch, _ in zip(loader, range(20), strict=False)][-1])()
    timed("validation scored", trainer.evaluate)()
    rows = {name: len(part) for name, part in data.splits.items()}
    print(json.dumps({"phases": found, "rows": rows, "file": held("RssFile")}))


def spawned(table: Path, cache: Path) -> dict[str, Any]:
    """Measure in a process of its own."""
    command = [sys.executable, __file__, "--folder", str(cache), "--only", str(table)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def set_up(table: Path, cache: Path) -> dict[str, Any]:
    """Measure a first start, and of a second one how long it takes to check the pixels that are there."""
    first, second = spawned(table, cache), spawned(table, cache)
    return {**first, "phases": {**first["phases"], "pixels, second start": second["phases"]["pixels"]}}


def main() -> None:
    """Print a row a phase for both sizes, and the bytes a row that the larger one takes more."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, help="of the files, 0.9 GB of disk")
    parser.add_argument("--sizes", type=int, nargs=2, default=SIZES, help="rows")
    parser.add_argument("--only", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.only:
        measure(given.only, given.folder)
        return
    small, large = (set_up(write_table(given.folder, rows), given.folder / f"cache-{rows}") for rows in given.sizes)
    more = given.sizes[1] - given.sizes[0]
    print(
        f"{'phase':<22}{'s':>8}{'s':>8}{'ratio':>8}{'min passed':>12}{'peak MB':>10}{'peak MB':>10}{'held B/row':>12}"
        f"{'peak B/row':>12}"
    )
    for phase, one in small["phases"].items():
        other = large["phases"][phase]
        ratio = other["seconds"] / one["seconds"] if one["seconds"] else float("nan")
        a_row = [(other[key] - one[key]) / more for key in ("held", "peak")]
        print(
            f"{phase:<22}{one['seconds']:8.1f}{other['seconds']:8.1f}{ratio:8.1f}{other['passed'] / 60:12.1f}"
            f"{one['peak'] / 1e6:10.0f}{other['peak'] / 1e6:10.0f}{a_row[0]:12.0f}{a_row[1]:12.0f}"
        )
    print(
        f"rows: {small['rows']} and {large['rows']}; "
        f"file pages {small['file'] / 1e6:.0f} and {large['file'] / 1e6:.0f} MB"
    )


if __name__ == "__main__":
    main()
