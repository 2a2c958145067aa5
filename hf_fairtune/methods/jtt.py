"""JTT, Just Train Twice (Liu et al., ICML 2021): train again on a set where the first training's errors come often."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, ClassVar, Literal

import torch
from accelerate.utils import broadcast
from optuna.distributions import IntDistribution
from torch import Tensor
from torch.utils.data import DataLoader, Sampler

from ..document.scalar import Scalar
from ..errors import FairTuneError
from ..families.frozen_eval import frozen_eval
from ..families.moved import tensors_of
from ..losses.one_vs_rest import has_findings
from .facts import Facts, View
from .method import Method, Needs, StageRecord, flag, forward


@dataclass
class First:
    """What the second training knows of the first: the weights that it started from."""

    start: Mapping[str, Tensor] = field(default_factory=dict)


class UpsampledSampler(Sampler[int]):
    """Draw some rows several times and all others once, shuffled; `set_epoch` gives each epoch an order of its own.

    Args:
        errors: True for a row that comes several times, [n].
        times: how often.
        seed: of the orders.
    """

    def __init__(self, errors: Tensor, times: int, seed: int) -> None:
        self.rows = torch.arange(len(errors)).repeat_interleave(torch.where(errors, times, 1))
        self.seed, self.epoch = seed, 0

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[int]:
        draw = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
        return iter(self.rows[torch.randperm(len(self.rows), generator=draw)].tolist())

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch."""
        self.epoch = epoch


@dataclass(kw_only=True)
class Jtt(Method):
    """Train for a few epochs; then train the same start on the rows with those it got wrong `upweight` times (alg. 1).

    A row with several findings is wrong where one that is known is. No group is known but where a run is chosen by
    the worst of them. With `upweight` 1 the second training is plain fine-tuning, bit for bit.
    """

    title: ClassVar[str] = "JTT"
    citation: ClassVar[str] = """\
@inproceedings{liu2021just,
  title = {Just Train Twice: Improving Group Robustness without Training Group Information},
  author = {Evan Zheran Liu and Behzad Haghgoo and Annie S. Chen and Aditi Raghunathan and Pang Wei Koh and
            Shiori Sagawa and Percy Liang and Chelsea Finn},
  booktitle = {International Conference on Machine Learning},
  year = {2021}
}"""
    needs: ClassVar[Needs] = Needs(attribute_at_validation=True)
    views: ClassVar[Mapping[str, View]] = MappingProxyType({"train": View(augmented=True), "measured": View()})

    first_epochs: float = flag(1.0, "T: epochs of the first training, whose errors are counted; no warm-up in it.")
    upweight: int = flag(
        20,
        "Lambda: how often a row that the first training got wrong comes in the second.",
        IntDistribution(2, 100, log=True),
    )
    part: Literal["both", "first", "second"] = field(default="both", repr=False)
    first: First = field(default_factory=First, repr=False, compare=False)
    errors: Tensor = field(default_factory=lambda: torch.zeros(0).bool(), init=False, repr=False, compare=False)
    seed: int = field(default=0, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse a first training of nothing, and a second without the errors."""
        if not self.first_epochs > 0:
            raise FairTuneError(f"`first_epochs` is {self.first_epochs:g}; give more than 0.")
        if self.upweight < 1:
            raise FairTuneError(f"`upweight` is {self.upweight}; give 1 or more.")

    @property
    def stage(self) -> str:
        """Return "first" or "second" for a training, "both" for the whole."""
        return self.part

    def stages(self) -> list[Method]:
        """Return both trainings; they share the weights that they start from."""
        parts: tuple[Any, ...] = ("first", "second") if self.part == "both" else (self.part,)
        first = First()
        return [replace(self, part=part, first=first) for part in parts]

    def arguments(self) -> dict[str, Scalar]:
        """Return the length of the first training."""
        if self.part != "first":
            return {}
        return {"num_train_epochs": self.first_epochs, "max_steps": -1, "warmup_steps": 0}

    def own_rows(self) -> str:
        """Say which rows come more often."""
        return "those that the first training got wrong several times"

    def prepare(self, model: Any, facts: Facts) -> Any:
        """Train everything, from the same weights in both trainings."""
        if self.part == "second":
            self.errors, self.seed = self._wrong(model, facts), facts.seed
            model.load_state_dict(self.first.start)
        else:
            self.first.start = tensors_of(model)
        return super().prepare(model, facts)

    def rows(self, data: Any) -> Sampler[int] | None:
        """Return all rows of the second training, those in error several times."""
        several = self.upweight > 1 and bool(self.errors.any())
        return UpsampledSampler(self.errors, self.upweight, self.seed) if several else None

    def record(self) -> StageRecord:
        """Return how many rows the first training got wrong."""
        return StageRecord({"errors": int(self.errors.sum())} if self.part == "second" else {})

    def _wrong(self, model: Any, facts: Facts) -> Tensor:
        """Return which rows the model gets wrong, bool [n], the same on every process."""
        device, found = next(model.parameters()).device, []
        with frozen_eval(model), torch.no_grad():
            for batch in DataLoader(facts.rows["measured"], batch_size=64):
                there = {name: values.to(device) for name, values in batch.items()}
                found.append(wrong(forward(model, there).logits, there["labels"]))
        errors: Tensor = broadcast(torch.cat(found).int())
        return errors.bool().cpu()


def wrong(logits: Tensor, labels: Tensor) -> Tensor:
    """Return which rows have another class than the likeliest, or a known finding on the wrong side of 0.5; bool [n].

    Args:
        logits: [n, classes].
        labels: codes, [n], or findings with NaN where one is missing, [n, findings].
    """
    if has_findings(labels):
        return (~labels.isnan() & ((logits > 0) != (labels == 1))).any(1)
    return logits.argmax(1) != labels


METHOD = Jtt
