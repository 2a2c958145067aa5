"""Set a training step of `FairTrainer` beside the same step of the stock `Trainer` and of a bare loop of torch.

All three take the same model, rows in the same order, AdamW, schedule and clipping, and end with the same weights, bit
for bit, or the script fails. They take turns step by step, each in a thread of its own that waits for the others, so
that the load of the machine is the same for all. A step is timed with its batch; the first ten are left out. No step
is evaluated, logged or saved.

    OMP_NUM_THREADS=1 python scripts/benchmarks/loop.py
"""

from __future__ import annotations

import argparse
import math
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from statistics import median
from typing import Any

import torch
from torch.nn.functional import cross_entropy
from transformers import Trainer, TrainerCallback, TrainingArguments, ViTConfig, ViTForImageClassification, set_seed
from trial_cost import rows

from hf_fairtune import FairTrainer, FairTrainingArguments
from hf_fairtune.cli.flags import silence
from hf_fairtune.trainer.baselines import baseline_method
from hf_fairtune.trainer.chance import Chance

SIZES = {"demo": (48, 48, 2, 32), "tiny": (192, 224, 3, 8), "small": (384, 224, 6, 8)}
WARM = 10


class Turns:
    """Lets one of several threads run at a time, each with a state of chance of its own."""

    def __init__(self, count: int) -> None:
        self._next, self._here, self._chances = deque(range(count)), threading.Condition(), dict[int, Chance]()

    def take(self, own: int) -> None:
        """Wait for the turn of a thread."""
        with self._here:
            self._here.wait_for(lambda: self._next[0] == own)
        if own in self._chances:
            self._chances[own].restore()

    def give(self, own: int, *, ends: bool = False) -> None:
        """Give the turn to the next thread."""
        self._chances[own] = Chance.now()
        with self._here:
            self._next.popleft()
            if not ends:
                self._next.append(own)
            self._here.notify_all()


class Steps(TrainerCallback):
    """Times each step on the clock of the processor, and gives the turn away after it."""

    def __init__(self, turns: Turns, own: int) -> None:
        self.turns, self.own, self.seconds, self.start = turns, own, list[float](), math.nan

    def on_step_end(self, *_: Any, **__: Any) -> None:
        """Mark the end of a step, and after the turns of the others the begin of the next."""
        self.seconds.append(time.process_time() - self.start)
        self.turns.give(self.own)
        self.turns.take(self.own)
        self.start = time.process_time()


def trainer_of(kind: Any, given: argparse.Namespace, folder: str) -> Any:
    """Return a trainer of either kind."""
    hidden, size, heads, batch_size = SIZES[given.model]
    config = ViTConfig(
        hidden_size=hidden, num_attention_heads=heads, intermediate_size=4 * hidden, image_size=size, num_labels=2,
        patch_size=16,
    )  # fmt: skip
    set_seed(0)
    model = baseline_method(given.method).prepare(ViTForImageClassification(config), None)
    own = issubclass(kind, FairTrainer)
    args = (FairTrainingArguments if own else TrainingArguments)(
        folder, max_steps=given.steps, per_device_train_batch_size=batch_size, lr_scheduler_type="cosine",
        learning_rate=1e-4, warmup_steps=given.steps // 3, weight_decay=1e-4, eval_strategy="no", save_strategy="no",
        logging_strategy="no", report_to="none", disable_tqdm=True, use_cpu=True, remove_unused_columns=False,
        dataloader_pin_memory=False,
    )  # fmt: skip
    more = {"method": baseline_method(given.method)} if own else {"data_collator": stacked}
    return kind(model, args, train_dataset=rows(32 * batch_size, size, 0), **more)


def stacked(batch: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
    """Stack pixels and labels."""
    return {name: torch.stack([row[name] for row in batch]) for name in ("pixel_values", "labels")}


def by_trainer(kind: Any, given: argparse.Namespace, folder: str, steps: Steps) -> Any:
    """Train by a trainer; return the model."""
    trainer = trainer_of(kind, given, folder)
    trainer.add_callback(steps)
    trainer.train()
    return trainer.model


def by_torch(given: argparse.Namespace, folder: str, steps: Steps) -> Any:
    """Train by a loop of torch alone, on the loader, optimizer and schedule that the stock trainer makes."""
    trainer = trainer_of(Trainer, given, folder)
    optimizer = trainer.create_optimizer()
    model, loader, scheduler = trainer.model, trainer.get_train_dataloader(), trainer.create_scheduler(given.steps)
    model.train()
    for epoch in range(given.steps):
        loader.set_epoch(epoch)
        for batch in loader:
            loss = cross_entropy(model(pixel_values=batch["pixel_values"]).logits.float(), batch["labels"])
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            scheduler.step()
            model.zero_grad()
            steps.on_step_end()
            if len(steps.seconds) == given.steps:
                return model
    return model


LOOPS: dict[str, Callable[[argparse.Namespace, str, Steps], Any]] = {
    "torch": by_torch,
    "Trainer": lambda *args: by_trainer(Trainer, *args),
    "FairTrainer": lambda *args: by_trainer(FairTrainer, *args),
}


def run(name: str, given: argparse.Namespace, steps: Steps) -> torch.Tensor:
    """Run a loop in its turns; return all weights at its end."""
    steps.turns.take(steps.own)
    try:
        with tempfile.TemporaryDirectory() as folder:
            model = LOOPS[name](given, folder, steps)
        return torch.cat([p.detach().flatten() for p in model.parameters()])
    finally:
        steps.turns.give(steps.own, ends=True)


def main() -> None:
    """Print a row a loop."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", choices=SIZES, default=["demo", "tiny"])
    parser.add_argument("--method", default="full", help="method or mask")
    parser.add_argument("--steps", type=int, default=130)
    given = parser.parse_args()
    torch.set_num_threads(1)
    silence()
    print(f"| model | loop | CPU ms a step | ms more than torch | ratio to torch |\n{'|---' * 5}|")
    for name in given.models:
        given.model = name
        turns = Turns(len(LOOPS))
        steps = [Steps(turns, own) for own in range(len(LOOPS))]
        with ThreadPoolExecutor(len(LOOPS)) as pool:
            weights = list(pool.map(run, LOOPS, repeat(given), steps))
        assert all(torch.equal(weights[0], other) for other in weights), "the loops trained differently"
        for loop, own in zip(LOOPS, steps, strict=True):
            pairs = list(zip(steps[0].seconds[WARM:], own.seconds[WARM:], strict=True))
            middle = 1e3 * median(seconds for _, seconds in pairs)
            more, ratio = 1e3 * median(b - a for a, b in pairs), median(b / a for a, b in pairs)
            print(f"| {name} | {loop} | {middle:.2f} | {more:.2f} | {ratio:.3f} |", flush=True)


if __name__ == "__main__":
    main()
