"""Time and weigh the Fisher information of two losses: ours, the published form, per-sample gradients by `vmap`.

- ours: exact, row by row; log-odds of all rows, then one backward sweep that squares gradients layer by layer.
- published: for each loss a pass over batches, forward and backward, squaring the gradient of the batch.
- vmap: exact too; `torch.func.vmap(grad)` gives the gradients of all parameters for a chunk of rows.

Every run is a process of its own. Memory is the process's highest resident set (`ru_maxrss`) less what was resident
before the run, with model and pixels made. Runs take turns; the table has the median of each. Ours spends a fixed half
second or so on checking its formulas, which weighs on few images.

    OMP_NUM_THREADS=2 OMP_WAIT_POLICY=passive python scripts/benchmarks/fisher.py --rounds 2
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time

import torch
from torch import Tensor, nn
from transformers import ViTConfig, ViTForImageClassification

from hf_fairtune.importance.fisher import fisher_importance
from hf_fairtune.losses.contrast import GroupPair
from hf_fairtune.losses.loss import bias_loss_named, margin, weighted_bce

Batch = dict[str, Tensor]
SIZES = {"tiny": (192, 3), "small": (384, 6), "base": (768, 12)}
PAIR = GroupPair(1, 0)


def classifier(size: str) -> nn.Module:
    """Build a random ViT of 12 blocks for 224 pixels."""
    torch.manual_seed(0)
    hidden, heads = SIZES[size]
    config = ViTConfig(
        hidden_size=hidden, num_attention_heads=heads, intermediate_size=4 * hidden, num_labels=2, image_size=224
    )
    return ViTForImageClassification(config).eval()


def batches_of(n: int, size: int) -> list[Batch]:
    """Draw rows whose batches hold every group of every label."""
    rows = torch.arange(n)
    columns = {"pixel_values": torch.randn(n, 3, 224, 224), "labels": rows % 2, "groups": rows // 2 % 2}
    return [{name: values[start : start + size] for name, values in columns.items()} for start in range(0, n, size)]


def log_odds(model: nn.Module, batch: Batch) -> Tensor:
    """Return the log-odds of a batch."""
    return margin(model(pixel_values=batch["pixel_values"]).logits)


def bias_of(margins: Tensor, batch: Batch) -> Tensor:
    """Return the bias of rows."""
    return PAIR(bias_loss_named("equalized_odds"), margins.sigmoid(), batch["labels"], batch["groups"]).value


def ours(model: nn.Module, batches: list[Batch], chunk_size: int) -> None:
    """Run the package."""
    fisher_importance(model, batches, contrast=PAIR, chunk_size=chunk_size, progress=False)


def published(model: nn.Module, batches: list[Batch], chunk_size: int) -> None:
    """Square the gradient of each batch, once for each loss."""
    for loss in (lambda z, batch: weighted_bce(z, batch["labels"]), bias_of):
        squares = {name: torch.zeros_like(p) for name, p in model.named_parameters()}
        for batch in batches:
            model.zero_grad()
            loss(log_odds(model, batch), batch).backward()
            for name, parameter in model.named_parameters():
                squares[name] += parameter.grad.square() / len(batches)


def vmapped(model: nn.Module, batches: list[Batch], chunk_size: int) -> None:
    """Take the gradients of all parameters for every row of a chunk, then weigh their squares."""
    parameters = {name: p.detach() for name, p in model.named_parameters()}
    whole = {name: torch.cat([batch[name] for batch in batches]) for name in ("labels", "groups")}
    with torch.no_grad():
        margins = torch.cat([log_odds(model, batch) for batch in batches])
    margins.requires_grad_()
    losses = weighted_bce(margins, whole["labels"]), bias_of(margins, whole)
    weights = torch.stack([torch.autograd.grad(loss, margins)[0] for loss in losses]).square() * len(margins)
    pixels = torch.cat([batch["pixel_values"] for batch in batches])

    def one(values: dict[str, Tensor], image: Tensor) -> Tensor:
        output = torch.func.functional_call(model, values, (), {"pixel_values": image.unsqueeze(0)})
        return margin(output.logits)[0]

    by_row = torch.func.vmap(torch.func.grad(one), in_dims=(None, 0))
    squares = {name: torch.zeros(2, p.numel()) for name, p in parameters.items()}
    for chunk, weight in zip(pixels.split(chunk_size), weights.split(chunk_size, 1), strict=True):
        for name, gradients in by_row(parameters, chunk).items():
            squares[name] += weight @ gradients.flatten(1).square_()


RUNS = {"hf_fairtune": ours, "published form": published, "vmap(grad)": vmapped}


def resident() -> int:
    """Return the bytes in memory now."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")


def measure(name: str, given: argparse.Namespace) -> None:
    """Run one way and print its seconds and bytes as JSON."""
    model, batches = classifier(given.model), batches_of(given.rows, given.batch_size)
    with torch.no_grad():
        log_odds(model, {"pixel_values": batches[0]["pixel_values"][:1]})
    before, start, cpu = resident(), time.perf_counter(), time.process_time()
    RUNS[name](model, batches, given.chunk_size)
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"seconds": seconds, "cpu": cpu_seconds, "bytes": peak - before}))


def spawned(name: str) -> dict[str, float]:
    """Run one way in a process of its own with this one's arguments."""
    command = [sys.executable, __file__, *sys.argv[1:], "--only", name]
    found: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=SIZES, default="tiny", help="size of the ViT")
    parser.add_argument("--rows", type=int, default=256, help="images")
    parser.add_argument("--batch_size", type=int, default=32, help="of the published form, and of reading")
    parser.add_argument("--chunk_size", type=int, default=8, help="rows whose gradients are held at once")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each")
    parser.add_argument("--only", choices=RUNS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.only:
        measure(given.only, given)
        return
    rounds = [{name: spawned(name) for name in RUNS} for _ in range(given.rounds)]
    middle = {
        name: {kind: statistics.median(r[name][kind] for r in rounds) for kind in ("seconds", "cpu", "bytes")}
        for name in RUNS
    }
    base = middle["hf_fairtune"]
    print(f"{'':16}{'seconds':>9}{'ours/this':>11}{'CPU s':>9}{'ours/this':>11}{'MB':>8}{'ours/this':>11}")
    for name, row in middle.items():
        ratios = {kind: base[kind] / row[kind] for kind in row}
        print(
            f"{name:16}{row['seconds']:9.2f}{ratios['seconds']:11.2f}{row['cpu']:9.2f}{ratios['cpu']:11.2f}"
            f"{row['bytes'] / 1e6:8.0f}{ratios['bytes']:11.2f}"
        )


if __name__ == "__main__":
    main()
