"""LoRA (Hu et al., ICLR 2022), PEFT's own: train a product of two thin matrices beside a layer, and the head."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

from optuna.distributions import IntDistribution
from peft import LoraConfig
from torch import nn

from ..document.scalar import Scalar
from ..errors import FairTuneError
from ..families.family import family_of, model_type_of
from ..families.head import heads_of
from ..families.parts import Part, parts_of
from ..masks.eval_mode import hold_statistics
from .adapter import wrapped
from .facts import Facts
from .method import Method, StageRecord, flag

# What carries an adapter, of what is there first; a convolution in groups would need a rank that they divide.
TARGETS = {"attention": nn.Linear, "convolution": nn.Conv2d}


@dataclass(kw_only=True)
class Lora(Method):
    """Train W + (alpha / r) B A in place of W, B [d, r] from zero (section 4.1), and the head.

    The layers are the linear ones of every attention; of a network without attention, the convolutions of its blocks.
    The hand-over has the adapter, which stock PEFT loads, and the merged model.
    """

    title: ClassVar[str] = "LoRA"
    citation: ClassVar[str] = """\
@inproceedings{hu2022lora,
  title = {{LoRA}: Low-Rank Adaptation of Large Language Models},
  author = {Edward J. Hu and Yelong Shen and Phillip Wallis and Zeyuan Allen-Zhu and Yuanzhi Li and Shean Wang and
            Lu Wang and Weizhu Chen},
  booktitle = {International Conference on Learning Representations},
  year = {2022}
}"""
    trains: ClassVar[str] = "low-rank adapters and the head"
    takes_mask: ClassVar[bool] = False

    rank: int = flag(8, "Rank r of the update of a layer.", IntDistribution(1, 64, log=True))
    lora_alpha: int = flag(8, "The update is scaled by this over the rank.")
    lora_dropout: float = flag(0.0, "Share of the adapter's inputs set to zero in training.")
    layers: dict[str, Scalar] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse numbers that PEFT would take or refuse later."""
        for name in ("rank", "lora_alpha"):
            if getattr(self, name) < 1:
                raise FairTuneError(f"`{name}` is {getattr(self, name)}; give 1 or more.")
        if not 0 <= self.lora_dropout < 1:
            raise FairTuneError(f"`lora_dropout` is {self.lora_dropout:g}; give a share from 0 to below 1.")

    def prepare(self, model: Any, facts: Facts) -> Any:
        """Return a PEFT model that trains the adapters and the head.

        Raises:
            FairTuneError: no layer can carry an adapter.
        """
        kind, targets = targets_of(model, parts_of(model, facts.head))
        self.layers = {"adapted": f"{len(targets)} {kind} layers"}
        config = LoraConfig(
            r=self.rank,
            lora_alpha=self.lora_alpha,
            lora_dropout=self.lora_dropout,
            target_modules=targets,
            modules_to_save=heads_of(model, facts.head),
        )
        found = wrapped(model, config)
        hold_statistics(found)
        return found

    def record(self) -> StageRecord:
        """Return which kind of layers has adapters, and how many."""
        return StageRecord(self.layers)


def targets_of(model: nn.Module, parts: list[Part]) -> tuple[str, list[str]]:
    """Return the kind and the names of the layers that carry an adapter.

    Raises:
        FairTuneError: there is none, or another layer reads more than their output.
    """
    for kind, wanted in TARGETS.items():
        owners = dict.fromkeys(n.rpartition(".")[0] for p in parts if p.kind == kind for n in p.parameters)
        # A subclass has a parent that reads its weight, as `nn.MultiheadAttention` does.
        layers = {name: model.get_submodule(name) for name in owners}
        found = [name for name, m in layers.items() if type(m) is wanted and getattr(m, "groups", 1) == 1]
        if found and family_of(model).copies:
            return kind, found
    raise FairTuneError(
        f"`{model_type_of(model)}` has no attention or convolution that PEFT can put an adapter beside; choose "
        "another method, such as bitfit or fairtune."
    )


METHOD = Lora
