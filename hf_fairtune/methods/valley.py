"""The valley of a validation loss: from which evaluation to which the weights of every step are averaged."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass, field

import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor

from ..document.scalar import Scalar

NOTHING = "nothing: no valley"


@dataclass
class Stretch:
    """The steps since the evaluation before: sums of their weights, float64, their number, and the loss at the end."""

    sums: dict[str, Tensor] = field(default_factory=dict)
    steps: int = 0
    loss: float = math.nan

    def add(self, weights: Iterable[tuple[str, Tensor]]) -> None:
        """Add the weights of a step, where they lie, or on the CPU for a device without float64."""
        for name, values in weights:
            place = "cpu" if values.device.type == "mps" else values.device
            wide = values.detach().to(place, torch.float64, copy=True)
            self.sums[name] = self.sums[name].add_(wide) if name in self.sums else wide
        self.steps += 1

    def joined(self, other: Stretch) -> Stretch:
        """Return both as one, on the CPU, with the loss of the other."""
        first, second = self.on_cpu().sums, other.on_cpu().sums
        sums = {name: first[name] + values if first else values for name, values in second.items()} or first
        return Stretch(sums, self.steps + other.steps, other.loss)

    def on_cpu(self) -> Stretch:
        """Return it on the CPU."""
        return Stretch({name: values.cpu() for name, values in self.sums.items()}, self.steps, self.loss)


@dataclass
class Valley:
    """Which stretches are averaged (SWAD, algorithm 1), decided at each evaluation by the loss there.

    It begins with the first stretch whose loss is the lowest of `start` in a row, ends before the last `end` that all
    lie above `ratio` times the mean of those, and goes on to the last step where there are no such.

    Args:
        ratio: 1 or more, so that the first stretch belongs to the valley.
    """

    start: int
    end: int
    ratio: float
    losses: list[float] = field(default_factory=list)
    first: int | None = None  # number of the evaluation at which the valley begins
    level: float = math.nan
    ended: bool = False
    total: Stretch = field(default_factory=Stretch)  # certainly averaged
    pending: list[Stretch] = field(default_factory=list)  # the last ones, not decided
    current: Stretch = field(default_factory=Stretch)

    def add(self, weights: Iterable[tuple[str, Tensor]]) -> None:
        """Add the weights of a step."""
        if not self.ended:
            self.current.add(weights)

    def close(self, loss: float) -> None:
        """End the stretch by an evaluation; one without a step since the last tells nothing."""
        if self.ended or not self.current.steps:
            return
        self.losses.append(loss)
        self.current.loss = loss
        self.pending.append(self.current.on_cpu())
        self.current = Stretch()
        if self.first is None:
            self._begin()
        else:
            self._go_on()

    def average(self) -> dict[str, Tensor]:
        """Return the mean of the weights; none where no valley began."""
        whole = self._whole()
        return {name: values / whole.steps for name, values in whole.sums.items()}

    def facts(self) -> dict[str, Scalar]:
        """Say how many steps are averaged, and from which evaluation to which, 1 for the first."""
        if self.first is None:
            return {"averaged": NOTHING}
        last = f"evaluation {len(self.losses) - self.end}" if self.ended else "the last step"
        steps = self._whole().steps
        return {"averaged": f"{steps} step{'s' * (steps > 1)}, from evaluation {self.first} to {last}"}

    def _begin(self) -> None:
        self.pending = self.pending[-self.start :]
        losses = [stretch.loss for stretch in self.pending]
        if len(losses) == self.start and losses[0] == min(losses):
            self.first = len(self.losses) - self.start + 1
            self.level = self.ratio * sum(losses) / self.start

    def _go_on(self) -> None:
        while len(self.pending) > self.end:
            self.total = self.total.joined(self.pending.pop(0))
        if self.total.steps and min(stretch.loss for stretch in self.pending) > self.level:
            self.ended, self.pending = True, []

    def _whole(self) -> Stretch:
        if self.first is None:
            return Stretch()
        whole = self.total
        for stretch in (*self.pending, self.current):
            whole = whole.joined(stretch)
        return whole

    def written(self) -> bytes:
        """Return what it holds as a safetensors file."""
        parts = {"total": self.total, **{str(i): s for i, s in enumerate(self.pending)}, "current": self.current}
        known = {"losses": self.losses, "first": self.first, "level": self.level, "ended": self.ended}
        sizes = {place: [stretch.steps, stretch.loss] for place, stretch in parts.items()}
        tensors = {f"{place}/{name}": v for place, stretch in parts.items() for name, v in stretch.sums.items()}
        return save(tensors, {"known": json.dumps(known), "sizes": json.dumps(sizes)})

    def read(self, path: str) -> None:
        """Take up what a file holds."""
        with safe_open(path, "pt") as kept:
            notes = kept.metadata()
            parts = {place: Stretch({}, *size) for place, size in json.loads(notes["sizes"]).items()}
            for name in kept.keys():  # noqa: SIM118
                place, _, parameter = name.partition("/")
                parts[place].sums[parameter] = kept.get_tensor(name)
        for name, value in json.loads(notes["known"]).items():
            setattr(self, name, value)
        self.total, self.current = parts.pop("total"), parts.pop("current")
        self.pending = [*parts.values()]
