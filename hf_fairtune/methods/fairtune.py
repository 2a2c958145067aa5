"""FairTune (Dutt et al., ICLR 2024): train the parts that a binary mask names, chosen for the worst-off group."""

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from optuna.trial import BaseTrial

from ..document.run import MaskBits
from ..families.family import family_of
from ..masks.config import masked
from ..masks.mask import Mask
from ..masks.proposals import Preset
from .facts import Facts
from .method import Method, Needs, NotSearchedError, StageRecord, flag


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

    needs: ClassVar[Needs] = Needs(attribute_at_validation=True, family=True)

    mask: str | None = flag(None, "linear, layernorm, attention, mlp, all, or bits such as 010110...")
    granularity: str = flag("paper36", "What a bit stands for: paper36, attention12, layernorm12 or split48.")
    applied: Mask | None = field(default=None, init=False, repr=False, compare=False)

    def prepare(self, model: Any, facts: Facts) -> Any:
        """Return the model as a PEFT model that trains the mask's parts and the head."""
        n_blocks = family_of(model).count(model)
        if self.mask is None:
            raise NotSearchedError("`mask` is empty; search one with `fairtune search`, or give --mask attention.")
        self.applied = Mask.of(self.mask, n_blocks, self.granularity)
        return masked(model, self.applied)

    def suggest(self, trial: BaseTrial, facts: Facts) -> Method:
        """Return the method with the mask that `trial` proposes, unless it has one."""
        if self.mask is not None:
            return self
        return replace(self, mask=str(facts.proposal.draw(trial, self.granularity, facts.blocks)))

    def presets(self, facts: Facts) -> list[Preset]:
        """Return the preset masks, unless the method has one."""
        return [] if self.mask is not None else facts.proposal.presets(self.granularity, facts.blocks)

    def record(self) -> StageRecord:
        """Return the mask that was applied."""
        if self.applied is None:
            return StageRecord()
        bits = list(self.applied.bits)
        return StageRecord(mask=MaskBits(self.granularity, bits, self.applied.n_blocks))


METHOD = FairTune
