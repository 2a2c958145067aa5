"""BMFT: bias-based weight masking fine-tuning (Xue et al., MICCAI FAIMI 2024), the hard-mask parent of SWiFT."""

from dataclasses import dataclass
from typing import ClassVar

from optuna.distributions import FloatDistribution

from ..errors import FairTuneError
from .method import flag
from .two_step import Reinit, TwoStep


@dataclass(kw_only=True)
class Bmft(TwoStep):
    """Move the half of the extractor that matters most for bias, by the bias loss alone; then a new head from zero."""

    title: ClassVar[str] = "BMFT"
    citation: ClassVar[str] = """\
@inproceedings{xue2024bmft,
  title = {{BMFT}: Achieving Fairness via Bias-based Weight Masking Fine-tuning},
  author = {Yuyang Xue and Junyu Yan and Raman Dutt and Fasih Haider and Jingshuai Liu and Steven McDonagh and
            Sotirios A. Tsaftaris},
  booktitle = {MICCAI Workshop on Fairness of AI in Medical Imaging},
  year = {2024},
  eprint = {2408.06890},
  archivePrefix = {arXiv}
}"""

    mask: str = flag("hard", "Of the first step: soft, hard, random or none.")
    reinit: Reinit = flag("full", "Head weights that start step two at zero.")
    bias_weight: float = flag(
        0.1, "Weight of the bias loss in step two, beside the prediction loss.", FloatDistribution(0.01, 5.0, log=True)
    )

    def __post_init__(self) -> None:
        """Refuse a negative weight, which would reward bias."""
        super().__post_init__()
        if not self.bias_weight >= 0:
            raise FairTuneError(f"`bias_weight` is {self.bias_weight:g}; give 0 or more.")

    def weights(self) -> tuple[float, float]:
        """Return 0 and 1 in the first step, 1 and `bias_weight` in the second."""
        return (1.0, self.bias_weight) if self.steps == "head" else (0.0, 1.0)


METHOD = Bmft
