"""One short line of a training for each epoch."""

import sys
import time
from collections.abc import Callable
from math import isnan
from typing import Any

from transformers import TrainerCallback, TrainerState

from ..progress import duration

OF_CLASSES = {"auc": "auc of the worst class"}
SHOWN = ("eval_auc", "eval_min_group_auc", "eval_auc_gap")


class EpochLine(TrainerCallback):
    """Print `title`, epoch, losses, AUC, worst group's AUC and time left after every evaluation; a stock callback."""

    def __init__(self, title: Callable[[], str]) -> None:
        self.title = title

    def on_train_begin(self, args: Any, state: TrainerState, *_: Any, **__: Any) -> None:
        """Start the clock."""
        self._start, self._first = time.monotonic(), state.global_step

    def on_evaluate(self, args: Any, state: TrainerState, *_: Any, metrics: dict[str, float], **__: Any) -> None:
        """Print the line, on the main process, in training only."""
        if not state.is_world_process_zero or "eval_loss" not in metrics:
            return
        losses = [entry["loss"] for entry in state.log_history if "loss" in entry]
        loss = f"loss {losses[-1]:.4f} · " if losses else ""
        shown = {name.removeprefix("eval_"): metrics[name] for name in SHOWN if name in metrics}
        if "eval_macro_auc" in metrics:
            # Of several classes: the worst one's AUC; a gap may lack, as no class has two groups with enough cases.
            shown = {OF_CLASSES.get(name, name): value for name, value in shown.items() if not isnan(value)}
        scores = " · ".join(f"{name} {value:.4f}" for name, value in shown.items())
        done = max(1, state.global_step - self._first)
        left = (time.monotonic() - self._start) / done * (state.max_steps - state.global_step)
        epoch = f"epoch {state.epoch or 0:g}/{state.num_train_epochs:g}"
        start = f"{self.title()} · " if self.title() else ""
        print(f"{start}{epoch} · {loss}{scores} · {duration(left)} left", file=sys.stderr, flush=True)
