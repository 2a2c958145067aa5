"""FairTune (Dutt et al., ICLR 2024): train the parts that a binary mask names, chosen for the worst-off group."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from optuna.trial import BaseTrial
from peft import PeftModel
from torch import nn

from ..document.run import MaskBits, MaskUnit
from ..errors import FairTuneError
from ..families.family import model_type_of
from ..families.parts import HEAD, Part, parts_of
from ..masks.config import masked, refuse_adapter
from ..masks.granularities import AUTO
from ..masks.mask import Mask
from ..masks.proposals import Preset
from ..masks.space import Space, space_of_parts
from ..masks.units_file import read_units, units_json
from .facts import Facts
from .method import Method, Needs, NotSearchedError, StageRecord, flag

# In place of a mask: one drawn by the seed of the run.
RANDOM = "random"


@dataclass(kw_only=True)
class FairTune(Method):
    """Fine-tune under a mask (eq. 2: θ0 + ω ⊙ Δφ); a search draws one where none is given."""

    title: ClassVar[str] = "FairTune"
    citation: ClassVar[str] = """\
@inproceedings{dutt2024fairtune,
  title = {{FairTune}: Optimizing Parameter Efficient Fine Tuning for Fairness in Medical Image Analysis},
  author = {Raman Dutt and Ondrej Bohdal and Sotirios A. Tsaftaris and Timothy Hospedales},
  booktitle = {International Conference on Learning Representations},
  year = {2024}
}"""

    needs: ClassVar[Needs] = Needs(attribute_at_validation=True)
    trains: ClassVar[str] = "the units of a mask and the head"
    takes_mask: ClassVar[bool] = False

    mask: str | None = flag(
        None, "linear, layernorm, attention, mlp, norm, convolution, all, bits such as 010110, or random by the seed."
    )
    granularity: str = flag(
        AUTO,
        "What a bit stands for: paper36, attention12, layernorm12 or split48 of a transformer; stages or blocks of "
        "any architecture; auto is paper36 where all blocks are alike, stages where there are several.",
    )
    units: str | None = flag(None, "YAML file of a user's own units; `fairtune units MODEL` writes one to edit.")
    applied: MaskBits | None = field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Take the units from their file, which may change."""
        if self.units is not None and self.granularity != AUTO:
            raise FairTuneError(f"`granularity` is {self.granularity!r} beside `units`; leave one of them out.")
        self.units = None if self.units is None else units_json(self.units)

    def prepare(self, model: Any, facts: Facts) -> Any:
        """Return the model as a PEFT model that trains the mask's units and the head, or itself; see `masked`."""
        refuse_adapter(model)
        space = self.space(parts_of(model, facts.head), model_type_of(model))
        if self.mask is None:
            raise NotSearchedError("`mask` is empty; search one with `fairtune search`, or give --mask attention.")
        given = drawn_bits(len(space), facts.seed) if self.mask == RANDOM else self.mask
        mask = Mask.of(given, space)
        applied, tuned = bits_of(mask, space, model), masked(model, mask, space)
        self.applied = replace(applied, kept="adapter") if isinstance(tuned, PeftModel) else applied
        return tuned

    def space(self, parts: Sequence[Part], model_type: str) -> Space:
        """Return what the bits of the mask stand for in a model of these parts."""
        names = [name for part in parts for name in part.parameters]
        head = [name for part in parts if part.kind == HEAD for name in part.parameters]
        own = read_units(self.units, names, head) if self.units else ()
        return space_of_parts(parts, self.granularity, own, model_type)

    def suggest(self, trial: BaseTrial, facts: Facts) -> Method:
        """Return the method with the mask that `trial` proposes, unless it has one."""
        if self.mask is not None:
            return self
        return replace(self, mask=str(facts.proposal.draw(trial, self.space(facts.parts, facts.model_type))))

    def presets(self, facts: Facts) -> list[Preset]:
        """Return the preset masks, unless the method has one."""
        return [] if self.mask is not None else facts.proposal.presets(self.space(facts.parts, facts.model_type))

    def record(self) -> StageRecord:
        """Return the mask that was applied."""
        return StageRecord(mask=self.applied)


def drawn_bits(count: int, seed: int) -> tuple[int, ...]:
    """Draw bits of a mask, each 0 or 1 alike, by a seed: the control of a search."""
    draw = random.Random(f"mask {seed}")
    return tuple(draw.randrange(2) for _ in range(count))


def bits_of(mask: Mask, space: Space, model: nn.Module) -> MaskBits:
    """Return what a document keeps of a mask over a plain model whose tensors it trains."""
    sizes = {name: p.numel() for name, p in model.named_parameters()}
    units = [
        MaskUnit(unit.name, unit.place, [*unit.kinds], sum(sizes[name] for name in unit.parameters))
        for unit in space.units
    ]
    return MaskBits(space.granularity, [*mask.bits], len(space.places), units, "tensors")


METHOD = FairTune
