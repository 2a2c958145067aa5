"""Time on a GPU what a search by FairTune and a repair by SWiFT take with ViT-B/16 of 224 pixels, beside bars.

- full fine-tuning in images a second: bf16, AdamW, every block compiled, images as one uint8 tensor on the device,
  where they are cropped, mirrored and normalised;
- 40 trials of random 36-bit masks, none stopped, at the paper's setting (7,967 training images, batches of 512, 30
  epochs, validation at each): from the timed steps of a few masks, or all of them by `--whole`. The blocks share their
  code, which is compiled once for each set of parts that is frozen: at most 8, in each of three kinds of pass;
- the exact Fisher information of two losses on 3,600 images.

Weights and images are random, as they change no time. It needs one CUDA GPU of about 80 GB (`--batch_size` less on a
smaller one); `--small` shows on a CPU that it works, with a tiny model and without a compiler.

    python scripts/benchmarks/gpu.py
    python scripts/benchmarks/gpu.py --small
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import ViTConfig, ViTForImageClassification

from hf_fairtune.data.augment import augment, unseeded
from hf_fairtune.importance.fisher import fisher_importance
from hf_fairtune.masks.mask import Mask, apply_mask
from hf_fairtune.masks.space import regular

TRIALS, EPOCHS = 40, 30
PATTERNS = 8  # of what is frozen in a block: LayerNorms, attention, MLP


@dataclass(frozen=True)
class Size:
    """How large everything is."""

    config: ViTConfig
    train: int
    validation: int
    fisher: int
    batch_size: int
    steps: int
    masks: int


WHOLE = Size(ViTConfig(num_labels=2), 7967, 1000, 3600, 512, 20, 4)
SMALL = Size(
    ViTConfig(hidden_size=32, num_hidden_layers=3, num_attention_heads=2, intermediate_size=64, image_size=32),
    64, 16, 24, 16, 3, 2,
)  # fmt: skip


def now(device: torch.device) -> float:
    """Return the time when the device has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


@dataclass
class Bench:
    """A model's start and its images, all on the device."""

    size: Size
    device: torch.device
    compiled: bool

    def __post_init__(self) -> None:
        torch.manual_seed(0)
        n, side = self.size.train + self.size.validation, self.size.config.image_size
        self.images = torch.randint(0, 256, (n, 3, side, side), dtype=torch.uint8, device=self.device)
        self.labels = torch.arange(n, device=self.device) % 2
        self.start = ViTForImageClassification(self.size.config).state_dict()

    def model(self) -> ViTForImageClassification:
        """Return the start, its blocks compiled in place: one code for all that freeze the same parts."""
        model = ViTForImageClassification(self.size.config)
        model.load_state_dict(self.start)
        model.to(self.device)
        if self.compiled:
            for block in model.vit.layers:
                block.compile()
        return model

    def pixels(self, rows: Tensor, *, augmented: bool = False) -> Tensor:
        """Return the pixel values of rows, float32 [n, 3, height, width]."""
        images = self.images[rows].float()
        return (augment(images, unseeded(len(rows))) if augmented else images).div_(127.5).sub_(1)

    def step(self, model: ViTForImageClassification, optimizer: torch.optim.Optimizer, rows: Tensor) -> None:
        """Take a training step."""
        with torch.autocast(self.device.type, torch.bfloat16):
            logits = model(pixel_values=self.pixels(rows, augmented=True)).logits
        cross_entropy(logits.float(), self.labels[rows]).backward()
        optimizer.step()
        optimizer.zero_grad()

    def validate(self, model: ViTForImageClassification) -> None:
        """Score the validation images."""
        model.eval()
        rows = torch.arange(self.size.train, len(self.images), device=self.device)
        with torch.no_grad(), torch.autocast(self.device.type, torch.bfloat16):
            for part in rows.split(self.size.batch_size):
                model(pixel_values=self.pixels(part)).logits.float().cpu()
        model.train()

    def batches(self) -> Iterator[Tensor]:
        """Yield the rows of each batch of an epoch; the last is dropped where it is not full, as published."""
        for rows in torch.randperm(self.size.train, device=self.device).split(self.size.batch_size):
            if len(rows) == self.size.batch_size:
                yield rows

    def trained(self, model: ViTForImageClassification) -> torch.optim.Optimizer:
        """Return AdamW over what is trained."""
        model.train()
        parameters = [p for p in model.parameters() if p.requires_grad]
        return torch.optim.AdamW(parameters, lr=1e-5, weight_decay=1e-4, fused=self.device.type == "cuda")

    def seconds(self, model: ViTForImageClassification) -> tuple[float, float]:
        """Return the seconds of a step and of a validation, once all is compiled."""
        optimizer, rows = self.trained(model), next(self.batches())
        for _ in range(2):
            self.step(model, optimizer, rows)
            self.validate(model)
        start = now(self.device)
        for _ in range(self.size.steps):
            self.step(model, optimizer, rows)
        middle = now(self.device)
        self.validate(model)
        return (middle - start) / self.size.steps, now(self.device) - middle

    def trial(self, mask: Mask) -> None:
        """Run a whole trial."""
        model = self.model()
        apply_mask(model, mask)
        optimizer = self.trained(model)
        for _ in range(EPOCHS):
            for rows in self.batches():
                self.step(model, optimizer, rows)
            self.validate(model)

    def mask(self, seed: int) -> Mask:
        """Draw a mask."""
        length = len(regular("paper36", self.size.config.num_hidden_layers))
        bits = torch.randint(0, 2, (length,), generator=torch.Generator().manual_seed(seed))
        return Mask(tuple(bits.tolist()), "paper36")


def images_a_second(bench: Bench) -> float:
    """Return the images a second of full fine-tuning."""
    return bench.size.batch_size / bench.seconds(bench.model())[0]


def trials_in_minutes(bench: Bench, whole: bool) -> float:
    """Return the minutes of all trials: run, or from steps of a few masks."""
    if whole:
        start = now(bench.device)
        for seed in range(TRIALS):
            bench.trial(bench.mask(seed))
        return (now(bench.device) - start) / 60
    total = 0.0
    for seed in range(bench.size.masks):
        model = bench.model()
        apply_mask(model, bench.mask(seed))
        step, validation = bench.seconds(model)
        total += EPOCHS * (step * (bench.size.train // bench.size.batch_size) + validation)
    return total / bench.size.masks * TRIALS / 60


def fisher_in_seconds(bench: Bench, chunk_size: int) -> float:
    """Return the seconds of both losses' exact Fisher information, the second time."""
    rows = torch.arange(bench.size.fisher, device=bench.device)
    columns = {"pixel_values": bench.pixels(rows), "labels": bench.labels[rows], "groups": rows // 2 % 2}
    cut = range(0, len(rows), bench.size.batch_size)
    batches = [{name: v[at : at + bench.size.batch_size] for name, v in columns.items()} for at in cut]
    model = ViTForImageClassification(bench.size.config).to(bench.device).eval()
    took = math.nan
    for _ in range(2):
        start = now(bench.device)
        fisher_importance(model, batches, chunk_size=chunk_size, progress=False)
        took = now(bench.device) - start
    return took


def main() -> None:
    """Print a row a number, with its bar."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help="show on a CPU that it works")
    parser.add_argument("--whole", action="store_true", help="run all trials")
    parser.add_argument("--batch_size", type=int, help="of a step; the paper's is 512")
    parser.add_argument("--chunk_size", type=int, default=64, help="rows of the Fisher information held at once")
    given = parser.parse_args()
    if not given.small and not torch.cuda.is_available():
        parser.exit(1, "gpu.py needs a CUDA GPU of about 80 GB; --small shows on a CPU that it works.\n")
    size = SMALL if given.small else WHOLE
    if given.batch_size:
        size = Size(**{**vars(size), "batch_size": given.batch_size})
    # In evaluation, and in training with and without a gradient of the block's input.
    torch._dynamo.config.recompile_limit = 3 * PATTERNS
    torch.set_float32_matmul_precision("high")
    device = torch.device("cpu" if given.small else "cuda")
    bench = Bench(size, device, compiled=not given.small)
    what = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU, tiny model: no measurement"
    print(f"| {what} | found | bar |\n|---|---|---|")
    print(f"| full fine-tuning, images a second | {images_a_second(bench):,.0f} | 2,600 (aim 3,400) |", flush=True)
    how = "run" if given.whole else "from timed steps"
    print(f"| {TRIALS} trials, minutes, {how} | {trials_in_minutes(bench, given.whole):.2f} | 90 |", flush=True)
    seconds = fisher_in_seconds(bench, given.chunk_size)
    print(f"| Fisher of {size.fisher:,} images, seconds | {seconds:.2f} | 5 |", flush=True)


if __name__ == "__main__":
    main()
