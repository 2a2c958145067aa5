"""FairTune (Dutt et al., ICLR 2024): train the parts that a binary mask names, chosen for the worst-off group."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

from optuna.trial import BaseTrial

from ..errors import FairTuneError
from ..families.family import family_of
from ..masks.config import masked
from ..masks.mask import Mask
from ..masks.proposals import FreeBits, Proposal
from .method import Method, Needs


@dataclass(frozen=True)
class FairTune(Method):
    """Fine-tune under a mask (eq. 2: θ0 + ω ⊙ Δφ).

    Args:
        mask: bits, a string of bits or a preset ("linear", "attention", "layernorm", "mlp", "all"); None in a search.
        space: what a bit stands for.
        proposal: how a search draws a mask from a trial.
    """

    citation: ClassVar[str] = "Dutt et al., FairTune, ICLR 2024, arXiv:2310.05055"
    needs: ClassVar[Needs] = Needs(attribute_at_validation=True)

    mask: Mask | str | tuple[int, ...] | None = None
    space: str = "paper36"
    proposal: Proposal = FreeBits()

    @property
    def is_open(self) -> bool:
        """Say whether the mask is still to be searched."""
        return self.mask is None

    def proposing(self, proposal: Proposal) -> FairTune:
        """Return the method with an open mask, drawn by `proposal`."""
        return replace(self, mask=None, proposal=proposal)

    def prepare(self, model: Any) -> Any:
        """Return the model as a PEFT model that trains the mask's parts and the head.

        Raises:
            FairTuneError: there is no mask yet, or it does not fit the model.
        """
        if self.mask is None:
            raise FairTuneError("`mask` is empty; search one with `fairtune search`, or pass `--mask attention`.")
        mask = Mask.of(self.mask, family_of(model).count(model), self.space)
        return masked(model, mask)

    def suggest(self, trial: BaseTrial, n_blocks: int) -> FairTune:
        """Return the method with the mask that `trial` proposes."""
        return replace(self, mask=self.proposal.draw(trial, self.space, n_blocks))

    def to_dict(self) -> dict[str, Any]:
        """Return mask and space."""
        mask = list(self.mask.bits) if isinstance(self.mask, Mask) else self.mask
        return {"mask": mask, "space": self.space}


METHOD = FairTune
