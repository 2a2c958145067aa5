"""The masks of a repair: the one that scales the first step, and the soft one that picks the head's zeros."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..document.run import SoftMaskFacts
from ..errors import FairTuneError
from ..importance.importance import Importance
from ..losses.contrast import Contrast
from .layers import mask_layers
from .soft_mask import ratios, soft_mask

KINDS = ("soft", "hard", "random", "none")


def hard_mask(importance: Importance, rate: float, head: Collection[str]) -> dict[str, Tensor]:
    """Return 1 where the importance ratio lies above one threshold for the whole model, else 0 (BMFT, M_i).

    The threshold is the percentile `rate` of Norm(I_b) / (Norm(I_p) + 1e-10), each min-max normalised over one
    parameter tensor, over all parameters outside the head, which itself does not move.
    """
    ratio = ratios(importance, "min-max")
    counted = [values.cpu().numpy().ravel() for name, values in ratio.items() if name not in head]
    threshold = np.percentile(np.concatenate(counted), rate)
    return {n: ((v > threshold) if n not in head else torch.zeros_like(v)).float() for n, v in ratio.items()}


@dataclass(frozen=True)
class MaskOptions:
    """Which mask scales the first step.

    Args:
        kind: "soft" (SWiFT, eq. 9), "hard" (BMFT), "random" (uniform in [0, 1), as in SWiFT, section 5.2; the
            published code draws from a normal) or "none" (ones: plain fine-tuning).
        normalization: of the soft mask's importances.
        rate: percentile of the hard mask.
        seed: of the random mask.
    """

    kind: str = "soft"
    normalization: str = "min-max"
    rate: float = 50.0
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse here what would else be refused after a long measurement."""
        if self.kind not in KINDS:
            raise FairTuneError(f"`mask` is {self.kind!r}; choose {', '.join(KINDS[:-1])} or {KINDS[-1]}.")
        if not 0 <= self.rate <= 100:
            raise FairTuneError(f"`rate` is {self.rate:g}; pass a percentile from 0 to 100.")

    def make(self, importance: Importance, head: Collection[str]) -> dict[str, Tensor]:
        """Return parameter name -> mask in [0, 1]; `head` names the parameters that the first step leaves alone."""
        if self.kind == "soft":
            return soft_mask(importance, self.normalization)
        if self.kind == "hard":
            return hard_mask(importance, self.rate, head)
        ones = {name: torch.ones_like(v, dtype=torch.float32) for name, v in importance.prediction.items()}
        if self.kind == "none":
            return ones
        # On the CPU in the order of the parameters, so that every machine draws the same.
        generator = torch.Generator().manual_seed(self.seed)
        return {name: torch.rand(v.shape, generator=generator).to(v.device) for name, v in ones.items()}


@dataclass(frozen=True)
class RepairMask:
    """What was measured of a model before its repair.

    Args:
        step: parameter name -> mask of the first step.
        soft: parameter name -> soft mask, whatever scales the first step; eq. 12 reads it.
        contrast: which groups are set against each other.
        head: names of the head's parameters.
        facts: the mask of the first step by layer.
    """

    step: dict[str, Tensor]
    soft: dict[str, Tensor]
    contrast: Contrast
    head: tuple[str, ...]
    facts: SoftMaskFacts

    @classmethod
    def of(cls, importance: Importance, options: MaskOptions, head: Collection[str]) -> RepairMask:
        """Make the masks from the importances; refuse one that lets nothing outside the head move."""
        step = options.make(importance, head)
        if not any((values > 0).any() for name, values in step.items() if name not in head):
            raise FairTuneError(
                f"the {options.kind} mask is 0 everywhere outside the head, so step one would move nothing; "
                "lower `rate`, or check that batches hold every group with every label."
            )
        soft = step if options.kind == "soft" else soft_mask(importance, options.normalization)
        layers = mask_layers(step, importance)
        facts = SoftMaskFacts(options.kind, importance.rows, importance.empty_cells, layers)
        return cls(step, soft, importance.contrast, tuple(head), facts)
