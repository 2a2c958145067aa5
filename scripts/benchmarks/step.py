"""Set the seconds of a training step beside the arithmetic that its mask asks for, frozen first layers kept or not.

A ViT-Tiny with random weights trains on generated lesions by `FairTrainer`: all weights, masks of 36 random bits,
LayerNorms, the last four blocks (all of their bits, and random ones) and the head. Rounds take the kinds in turn. A
step's seconds are those of the process on its processor, images included; where layers are kept, in the epoch after
the first. The share of floating-point operations comes from PyTorch's counter: what forward and backward of one image
do.

    OMP_NUM_THREADS=1 nice -n 10 python scripts/benchmarks/step.py
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import TrainerCallback, ViTConfig, ViTForImageClassification, ViTImageProcessor

from hf_fairtune import FairTrainer, FairTrainingArguments
from hf_fairtune.data.arguments import DataArguments
from hf_fairtune.data.fair_dataset import FairDataset, load_fair_dataset
from hf_fairtune.datasets.lesions import write_lesions
from hf_fairtune.families.prefix import Prefix
from hf_fairtune.methods.facts import Facts
from hf_fairtune.methods.fairtune import FairTune
from hf_fairtune.methods.full import Full
from hf_fairtune.methods.method import Method

SIZE, BATCH = 224, 8
BLOCKS, LATE = 12, 4
FULL = "full tuning"


@dataclass(frozen=True)
class Kind:
    """What is trained, by which mask (None: all), and whether frozen layers are kept."""

    name: str
    mask: str | None
    kept: bool = False

    @property
    def method(self) -> Method:
        """Return a new method."""
        return Full() if self.mask is None else FairTune(mask=self.mask)


class Steps(TrainerCallback):
    """Processor seconds at the end of each step, and at the begin of the last epoch."""

    def __init__(self) -> None:
        self.marks: list[float] = []

    def on_epoch_begin(self, *_: Any, **__: Any) -> None:
        """Begin to count."""
        self.marks = [time.process_time()]

    def on_step_end(self, *_: Any, **__: Any) -> None:
        """Mark a step."""
        self.marks.append(time.process_time())

    @property
    def seconds(self) -> float:
        """Return the mean of the last epoch's steps without its first, which opens files."""
        return (self.marks[-1] - self.marks[1]) / (len(self.marks) - 2)


def vit_tiny() -> Any:
    """Return a ViT-Tiny/16 with random weights."""
    torch.manual_seed(0)
    config = ViTConfig(
        hidden_size=192, num_hidden_layers=BLOCKS, num_attention_heads=3, intermediate_size=768, image_size=SIZE
    )
    return ViTForImageClassification(config)


def kinds() -> list[Kind]:
    """Return what is measured, full tuning first."""
    draw = np.random.default_rng(0)
    uniform = "".join(map(str, draw.integers(0, 2, 3 * BLOCKS)))
    frozen = "0" * 3 * (BLOCKS - LATE)
    late = frozen + "1" + "".join(map(str, draw.integers(0, 2, 3 * LATE - 1)))
    ones = frozen + "1" * 3 * LATE
    either = [("last 4 blocks", ones), ("last 4 blocks, random bits", late), ("linear readout", "linear")]
    return [
        Kind(FULL, None),
        Kind("36 random bits", uniform),
        Kind("LayerNorms", "layernorm"),
        *(Kind(name, mask, kept) for name, mask in either for kept in (False, True)),
    ]


def trainer(kind: Kind, data: FairDataset, folder: Path) -> FairTrainer:
    """Return a trainer of a kind."""
    args = FairTrainingArguments(
        str(folder), num_train_epochs=1 + kind.kept, per_device_train_batch_size=BATCH, eval_strategy="no",
        save_strategy="no", report_to=[], disable_tqdm=True, use_cpu=True, activation_gb=8.0 * kind.kept,
    )  # fmt: skip
    return FairTrainer(vit_tiny(), args, data=data, method=kind.method)


def operations(kind: Kind) -> int:
    """Count the floating-point operations of forward and backward of one image, without values."""
    with torch.device("meta"), ExitStack() as stack:
        start, pixels = vit_tiny(), torch.zeros(1, 3, SIZE, SIZE)
        # Of attention the counter knows the plain products, not the CPU's fused ones.
        start.set_attn_implementation("eager")
        model = kind.method.prepare(start, Facts())
        if kind.kept and (prefix := Prefix.of(model)) is not None:
            pixels = prefix(pixels)
            stack.enter_context(prefix.skipped())
        with FlopCounterMode(display=False) as counter:
            model(pixel_values=pixels).logits.sum().backward()
    return counter.get_total_flops()


def timed(kind: Kind, data: FairDataset, folder: Path) -> float:
    """Train a kind and return the seconds of a step."""
    made, steps = trainer(kind, data, folder), Steps()
    made.add_callback(steps)
    made.train()
    return steps.seconds


def splits(folder: Path, images: int, views: int) -> FairDataset:
    """Return generated lesions, whose training rows come in so many views (0: as many as epochs)."""
    table = DataArguments(
        str(folder / "lesions"), "label", ["malignant"], ["skin"], "patient_id", stored_views=views,
        include=["light", "dark"], data_cache=str(folder / "cache"),
    )  # fmt: skip
    if not (folder / "lesions").exists():
        write_lesions(folder / "lesions", n=images, image_size=SIZE)
    return load_fair_dataset(table, ViTImageProcessor(size={"height": SIZE, "width": SIZE}))


def main() -> None:
    """Print a row a kind."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="trainings of each kind")
    parser.add_argument("--images", type=int, default=66, help="of which three fifths are trained on")
    given = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        folder, measured = Path(name), kinds()
        # What is not kept is augmented at random, as it is by default.
        data = {kept: splits(folder, given.images, views=int(kept)) for kept in (False, True)}
        counts = [operations(kind) for kind in measured]
        seconds: list[list[float]] = [[] for _ in measured]
        for _ in range(given.rounds):
            for place, kind in enumerate(measured):
                seconds[place].append(timed(kind, data[kind.kept], folder / "run"))
                print(f"{kind.name}, kept {kind.kept}: {seconds[place][-1]:.3f} s", file=sys.stderr, flush=True)
    print(f"{len(data[True]['train'])} images, batches of {BATCH}")
    print(f"{'':28}{'kept':>6}{'s/step':>9}{'/full':>8}{'rounds':>15}{'FLOPs':>8}{'/FLOPs':>8}")
    for kind, own, count in zip(measured, seconds, counts, strict=True):
        ratios = [one / full for one, full in zip(own, seconds[0], strict=True)]
        ratio, share = statistics.median(ratios), count / counts[0]
        span = f"{min(ratios):.3f}-{max(ratios):.3f}"
        beside = f"{ratio / share:8.2f}" if share > 1e-3 else ""
        row = f"{statistics.median(own):9.3f}{ratio:8.3f}{span:>15}{share:8.4f}{beside}"
        print(f"{kind.name:28}{'yes' if kind.kept else '':>6}{row}")
    for place in (place for place, kind in enumerate(measured) if kind.kept):
        pairs = [one / kept for one, kept in zip(seconds[place - 1], seconds[place], strict=True)]
        print(f"{measured[place].name}: kept is {statistics.median(pairs):.2f} times as fast")


if __name__ == "__main__":
    main()
