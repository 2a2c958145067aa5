"""The contract of a method: one way to fine-tune. Its fields are its hyper-parameters and its flags."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field, fields, make_dataclass, replace
from types import MappingProxyType
from typing import Any, ClassVar, Protocol, get_type_hints

import torch
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import BaseTrial
from torch import Tensor, nn
from torch.utils.data import Dataset, Sampler
from transformers import TrainerCallback

from .. import catalog
from ..document.run import MaskBits, Needs, SoftMaskFacts
from ..document.scalar import Argument, Scalar
from ..errors import FairTuneError
from ..losses.cross_entropy import CrossEntropy, from_probabilities
from ..losses.one_vs_rest import has_findings
from ..masks.proposals import Preset
from .facts import Facts, View

Batch = dict[str, Tensor]


class NotSearchedError(FairTuneError):
    """A hyper-parameter is still to be searched, so that the method cannot train."""


@dataclass(frozen=True)
class StageRecord:
    """What a document keeps of a trained stage: `facts` are what it minimised or counted, by name."""

    facts: dict[str, Scalar] = field(default_factory=dict)
    mask: MaskBits | None = None
    soft_mask: SoftMaskFacts | None = None


class StockTrainer(Protocol):
    """What `Method.step` is given."""

    def stock_step(self, model: nn.Module, batch: Batch) -> Tensor:
        """Run forward, loss and backward of the stock Trainer; return the detached loss."""


class Knob(str):
    """The help of a flag that a search can draw, which `HfArgumentParser` takes as any text, and what from."""

    search: BaseDistribution


def flag(default: Any, text: str, search: BaseDistribution | None = None) -> Any:
    """Return a field that is a flag, with its help and, of a knob, the distribution that a search draws it from."""
    if search is not None:
        text = Knob(text)
        text.search = search
    return field(default=default, metadata={"help": text})


@dataclass(kw_only=True)
class Method(catalog.Variety):
    """Plain fine-tuning of every parameter; a method overrides what it changes.

    It lives in `methods/<name>.py`, whose `METHOD` is its class; fields made by `flag` are its hyper-parameters. A
    stage is a method too: `stages` lists what is trained one after another.

    Attributes:
        citation, needs: BibTeX of its paper; where it needs the attribute and the original data.
        title, trains: name for people, and what moves, in words.
        takes_mask: whether a mask may narrow what is trained: it trains all, and `finish` moves nothing else.
        whole_batch: whether its loss, of the logits of a batch, is no mean over the rows; then of all processes' rows.
        views: rows that it reads, by name; the Trainer trains on "train".
        cross_entropy: with the options that training arguments set; refused where a method has other losses.
        searched: names of the knobs that a search draws; the others keep their value.
        teacher: gives the probabilities of the classes, [n, classes], that stand for the labels of a training batch.
    """

    title: ClassVar[str]
    citation: ClassVar[str]
    needs: ClassVar[Needs] = Needs()
    trains: ClassVar[str] = "all parameters"
    takes_mask: ClassVar[bool] = True
    whole_batch: ClassVar[bool] = False
    views: ClassVar[Mapping[str, View]] = MappingProxyType({"train": View(augmented=True)})

    cross_entropy: CrossEntropy = CrossEntropy()
    searched: tuple[str, ...] = ()
    teacher: Callable[[Batch], Tensor] | None = field(default=None, repr=False, compare=False)

    @property
    def stage(self) -> str:
        """Return the name of this stage."""
        return self.name

    @classmethod
    def flags(cls) -> tuple[Field[Any], ...]:
        """Return the fields that are hyper-parameters."""
        return tuple(entry for entry in fields(cls) if "help" in entry.metadata)

    @classmethod
    def arguments_type(cls) -> type[Any]:
        """Return a dataclass of the hyper-parameters alone, which `HfArgumentParser` reads."""
        types = get_type_hints(cls)
        own = [
            (entry.name, types[entry.name], field(default=entry.default, metadata=dict(entry.metadata)))
            for entry in cls.flags()
        ]
        return make_dataclass("MethodArguments", own)

    @classmethod
    def knobs(cls) -> dict[str, BaseDistribution]:
        """Return the hyper-parameters that a search can draw, and what from."""
        helps = {entry.name: entry.metadata["help"] for entry in cls.flags()}
        return {name: text.search for name, text in helps.items() if isinstance(text, Knob)}

    def tuned(self, *names: str) -> Method:
        """Return this method with knobs that a search is to draw.

        Raises:
            FairTuneError: one is none.
        """
        known = self.knobs()
        for name in names:
            if name not in known:
                raise FairTuneError(
                    f"`{name}` is no knob of the method {self.name!r} that a search can draw; choose from "
                    f"{', '.join(known) or 'none'}."
                )
        return replace(self, searched=names)

    def refuse_options(self) -> None:
        """Refuse options of the cross-entropy that the method's losses do not have."""
        for name, value in self.cross_entropy.given().items():
            raise FairTuneError(
                f"`{name}` is {value}, but the losses of the method {self.name!r} have no such option; leave it out."
            )

    def taught(self, teacher: Callable[[Batch], Tensor] | None) -> Method:
        """Return this method with a teacher, or with none.

        Raises:
            FairTuneError: its training would not ask the teacher.
        """
        own = type(self)
        if own.loss is not Method.loss or own.finish is not Method.finish or own.stages is not Method.stages:
            raise FairTuneError(
                f"the method {self.name!r} does not train by cross-entropy alone, so that no teacher can stand for "
                "its labels; choose another combination than `distill`."
            )
        return replace(self, teacher=teacher)

    def hyperparameters(self) -> dict[str, Argument]:
        """Return the hyper-parameters as JSON; the class makes an equal method of them."""
        return {entry.name: getattr(self, entry.name) for entry in self.flags()}

    def stages(self) -> list[Method]:
        """Return what is trained one after another; a method of one stage is its own."""
        return [self]

    def arguments(self) -> dict[str, Scalar]:
        """Return the training arguments that this stage sets for itself; a teacher must see pixels."""
        return {} if self.teacher is None else {"activation_gb": 0.0}

    def prepare(self, model: Any, facts: Facts) -> Any:
        """Return the model to train: the head and perhaps more require a gradient, the rest does not.

        Of several stages each is prepared when its turn comes. A single one is prepared when the model is made, and
        again before each training, so it must leave the logits as they are.

        Raises:
            NotSearchedError: a hyper-parameter is still to be searched.
        """
        return model.requires_grad_(True)

    def rows(self, data: Dataset[Any]) -> Sampler[int] | None:
        """Return which rows make an epoch and in which order; None for all of them, shuffled."""
        return None

    def own_rows(self) -> str:
        """Say which rows the method draws itself, so that no other sampler can; "" for none."""
        return ""

    def loss(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Any]:
        """Return the mean loss of a batch of `pixel_values`, `labels` and `groups`, and the model's outputs.

        Labels are codes of classes, [n], or findings, float [n, findings] with NaN where one is missing.
        In training a teacher's probabilities of the very same pixels stand for the labels.
        """
        outputs = forward(model, batch)
        if self.teacher is None or not torch.is_grad_enabled():
            return self.cross_entropy(outputs.logits, batch["labels"]), outputs
        # Smoothing and weights of the classes shaped what the teacher gives.
        return from_probabilities(outputs.logits, self.teacher(batch), has_findings(batch["labels"])), outputs

    def step(self, trainer: StockTrainer, model: nn.Module, batch: Batch) -> Tensor:
        """Add the gradient of a batch to the parameters; return the detached loss."""
        return trainer.stock_step(model, batch)

    def callbacks(self) -> list[TrainerCallback]:
        """Return the callbacks that this stage trains with; a method that has some is not trained by FSDP."""
        return []

    def finish(self, model: Any) -> None:
        """Change the trained model in place after the last step."""

    def state(self) -> dict[str, Any]:
        """Return what changes while this stage trains, as JSON; every checkpoint holds it."""
        return {}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take up the state of a checkpoint."""

    def suggest(self, trial: BaseTrial, facts: Facts) -> Method:
        """Return this method with the hyper-parameters of `trial`; the same trial gives an equal method."""
        known = self.knobs()
        drawn: dict[str, Any] = {name: draw(trial, name, known[name]) for name in self.searched}
        return replace(self, searched=(), **drawn) if drawn else self

    def presets(self, facts: Facts) -> list[Preset]:
        """Return trial parameters that a search should try first: the knobs as they are."""
        kept = {name: getattr(self, name) for name in self.searched}
        return [Preset("default", kept, 0.5)] if kept else []

    def record(self) -> StageRecord:
        """Return what a document keeps of this stage."""
        return StageRecord()


def draw(trial: BaseTrial, name: str, distribution: BaseDistribution) -> Scalar:
    """Draw a parameter of a trial from a distribution of Optuna."""
    if isinstance(distribution, FloatDistribution):
        return trial.suggest_float(name, distribution.low, distribution.high, log=distribution.log)
    if isinstance(distribution, IntDistribution):
        return trial.suggest_int(name, distribution.low, distribution.high, log=distribution.log)
    assert isinstance(distribution, CategoricalDistribution)
    choice: Scalar = trial.suggest_categorical(name, distribution.choices)
    return choice


def forward(model: nn.Module, batch: Batch) -> Any:
    """Return the outputs for a batch; labels and groups never reach the model."""
    return model(**{name: values for name, values in batch.items() if name not in ("labels", "groups")})


def method_named(name: str, **hyperparameters: Argument) -> Method:
    """Build the method of `methods/<name>.py`."""
    return catalog.find("methods", name).METHOD(**hyperparameters)
