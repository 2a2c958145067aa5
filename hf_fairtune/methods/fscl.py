"""FSCL (Park et al., CVPR 2022): contrastive training that tells classes apart and not groups; then a linear head."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal

import torch
from datasets import Dataset
from optuna.distributions import FloatDistribution
from torch import Tensor, nn
from torch.nn.functional import linear, normalize
from torch.utils.data import Sampler
from transformers import TrainerCallback

from ..document.scalar import Scalar
from ..errors import FairTuneError
from ..losses.fair_contrastive import Contrast, fair_contrastive
from ..losses.one_vs_rest import codes, has_findings
from ..masks.eval_mode import EvalModeCallback
from .attached import Attached, attach, detach, take_seen
from .facts import Facts
from .features import head_alone
from .method import Batch, Method, Needs, StageRecord, flag, forward
from .view_sampler import ViewSampler

OUTPUTS = 128
VIEWS = 2


class Projection(Attached):
    """Two layers with a ReLU between, width -> width -> outputs, whose result has length 1.

    Args:
        width: features of a row.
        outputs: of the projection.
        seed: of the weights, drawn as `torch.nn.Linear` draws them.
    """

    first: nn.Parameter
    first_bias: nn.Parameter
    second: nn.Parameter
    second_bias: nn.Parameter

    def __init__(self, width: int, outputs: int, seed: int) -> None:
        draw, reach = torch.Generator().manual_seed(seed), width**-0.5
        first, second = (torch.rand(rows, width + 1, generator=draw) * 2 * reach - reach for rows in (width, outputs))
        weights, biases = ([part[:, cut].clone() for part in (first, second)] for cut in (slice(-1), -1))
        super().__init__(first=weights[0], first_bias=biases[0], second=weights[1], second_bias=biases[1])

    def read(self, features: Tensor) -> tuple[Tensor, ...]:
        """Return the projections, [n, outputs], of features [n, width]."""
        hidden = linear(features.to(self.first), self.first, self.first_bias).relu()
        return (normalize(linear(hidden, self.second, self.second_bias).float(), dim=1),)


@dataclass(kw_only=True)
class Fscl(Method):
    """Train all but the head by the fair contrastive loss of a projection; then the head by cross-entropy.

    Every image comes twice in a row, each time augmented anew, so that a batch has two views of half as many images.
    The projection is left out at the end. `group_norm` is FSCL+. Any number of groups and classes; with findings the
    loss is the mean over them. The loss in evaluation is the cross-entropy.
    """

    title: ClassVar[str] = "FSCL"
    citation: ClassVar[str] = """\
@inproceedings{park2022fair,
  title = {Fair Contrastive Learning for Facial Attribute Classification},
  author = {Sungho Park and Jewook Lee and Pilhyeon Lee and Sunhee Hwang and Dohyung Kim and Hyeran Byun},
  booktitle = {IEEE/CVF Conference on Computer Vision and Pattern Recognition},
  year = {2022}
}"""
    needs: ClassVar[Needs] = Needs(attribute_at_train=True)
    trains: ClassVar[str] = "all but the head, then the head"
    takes_mask: ClassVar[bool] = False

    temperature: float = flag(0.1, "Tau: similarities are divided by it.", FloatDistribution(0.03, 1.0, log=True))
    group_norm: bool = flag(False, "FSCL+: rows count by how many positives share their group.")
    head_learning_rate: float = flag(1e-3, "Learning rate of the second training, that of the head.")
    part: Literal["both", "encoder", "head"] = field(default="both", repr=False)
    lone: Tensor | int = field(default=0, init=False, repr=False, compare=False)
    seed: int = field(default=0, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse numbers without a meaning."""
        if not self.temperature > 0:
            raise FairTuneError(f"`temperature` is {self.temperature:g}; give more than 0.")
        if not self.head_learning_rate >= 0:
            raise FairTuneError(f"`head_learning_rate` is {self.head_learning_rate:g}; give 0 or more.")

    @property
    def stage(self) -> str:
        """Return "encoder" or "head" for a training, "both" for the whole."""
        return self.part

    def stages(self) -> list[Method]:
        """Return both trainings."""
        parts: tuple[Any, ...] = ("encoder", "head") if self.part == "both" else (self.part,)
        return [replace(self, part=part) for part in parts]

    def arguments(self) -> dict[str, Scalar]:
        """Return the second training's learning rate."""
        return {"learning_rate": self.head_learning_rate} if self.part == "head" else {}

    def own_rows(self) -> str:
        """Say how often an image comes."""
        return "every image twice in a row"

    def prepare(self, model: Any, facts: Facts) -> Any:
        """Train all but the head with a projection beside it; in the second training the head alone.

        Raises:
            FairTuneError: the data have no groups, or both views of an image would be the same.
        """
        facts.check_groups(self.name)
        if has_stored_views(facts.rows.get("train")):
            raise FairTuneError(
                f"{self.name} augments an image twice, but with `stored_views` both are the same; leave it out."
            )
        detach(model)
        head_alone(model, facts.head)
        if self.part != "encoder":
            return model
        for values in model.parameters():
            values.requires_grad_(not values.requires_grad)
        attach(model, facts.head, lambda layer: Projection(layer.in_features, OUTPUTS, facts.seed))
        self.seed, self.lone = facts.seed, 0
        return model

    def rows(self, data: Any) -> Sampler[int] | None:
        """Return every image twice in the first training."""
        return ViewSampler(len(data), VIEWS, self.seed) if self.part == "encoder" else None

    def loss(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Any]:
        """Return the contrastive loss in the first training, and the cross-entropy in the second and in evaluation."""
        if self.part != "encoder" or not torch.is_grad_enabled():
            return super().loss(model, batch)
        outputs, labels = forward(model, batch), batch["labels"]
        (z,), contrast = take_seen(model, self.name), Contrast(self.temperature, self.group_norm)
        columns = codes(labels, outputs.logits.shape[1]).unbind(1) if has_findings(labels) else (labels,)
        parts = [fair_contrastive(z, own, batch["groups"], contrast) for own in columns]
        self.lone = self.lone + torch.stack([lone for _, lone in parts]).sum()
        return torch.stack([loss for loss, _ in parts]).mean(), outputs

    def callbacks(self) -> list[TrainerCallback]:
        """Return what holds the encoder still beside the head."""
        return [EvalModeCallback(dropout=True)] if self.part == "head" else []

    def finish(self, model: Any) -> None:
        """Take the projection off."""
        detach(model)

    def state(self) -> dict[str, Any]:
        """Return how many rows had no negative so far."""
        return {"without_negatives": int(self.lone)}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on counting."""
        self.lone = int(state["without_negatives"])

    def record(self) -> StageRecord:
        """Return how many rows had nothing of another class in their group and batch."""
        return StageRecord(self.state() if self.part == "encoder" else {})


def has_stored_views(rows: Any) -> bool:
    """Tell whether an image of a split is augmented in the same few ways at each use."""
    custom = isinstance(rows, Dataset) and rows.format["type"] == "custom"
    return custom and getattr(rows.format["format_kwargs"].get("transform"), "views", 0) > 0


METHOD = Fscl
