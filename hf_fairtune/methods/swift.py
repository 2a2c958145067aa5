"""SWiFT: soft-mask weight fine-tuning (Yan et al., MELBA 2025): repair a biased model in two short steps."""

from dataclasses import dataclass
from typing import ClassVar

from optuna.distributions import FloatDistribution

from ..errors import FairTuneError
from .method import flag
from .two_step import TwoStep


@dataclass(kw_only=True)
class Swift(TwoStep):
    """Move the extractor's weights in proportion to what they matter for bias, then retrain part of the head.

    Both steps minimise alpha * prediction loss + (1 - alpha) * bias loss (eq. 10).
    """

    title: ClassVar[str] = "SWiFT"
    citation: ClassVar[str] = """\
@article{yan2025swift,
  title = {{SWiFT}: Soft-Mask Weight Fine-tuning for Bias Mitigation},
  author = {Junyu Yan and Feng Chen and Yuyang Xue and Yuning Du and Konstantinos Vilouras and
            Sotirios A. Tsaftaris and Steven McDonagh},
  journal = {Machine Learning for Biomedical Imaging},
  year = {2025},
  doi = {10.59275/j.melba.2025-de23}
}"""

    alpha_extractor: float = flag(
        0.1, "Weight of the prediction loss in step one; the bias loss has the rest.", FloatDistribution(0.01, 0.99)
    )
    alpha_head: float = flag(0.9, "Weight of the prediction loss in step two.", FloatDistribution(0.01, 0.99))

    def __post_init__(self) -> None:
        """Refuse weights outside [0, 1]."""
        super().__post_init__()
        for name in ("alpha_extractor", "alpha_head"):
            if not 0 <= getattr(self, name) <= 1:
                raise FairTuneError(f"`{name}` is {getattr(self, name):g}; give a weight from 0 to 1.")

    def weights(self) -> tuple[float, float]:
        """Return alpha and 1 - alpha of this step."""
        alpha = self.alpha_head if self.steps == "head" else self.alpha_extractor
        return alpha, 1 - alpha


METHOD = Swift
