"""SAM, sharpness-aware minimisation (Foret et al., ICLR 2021): the gradient where the loss nearby is highest."""

from dataclasses import dataclass
from typing import ClassVar

from optuna.distributions import FloatDistribution
from torch import Tensor, nn

from ..errors import FairTuneError
from .climbing import climbed
from .method import Batch, Method, StockTrainer, flag


@dataclass(kw_only=True)
class Sam(Method):
    """Take the gradient at w + rho * g / |g|, g being the gradient at w (eq. 2 and 3); two passes a batch."""

    title: ClassVar[str] = "SAM"
    citation: ClassVar[str] = """\
@inproceedings{foret2021sharpness,
  title = {Sharpness-Aware Minimization for Efficiently Improving Generalization},
  author = {Pierre Foret and Ariel Kleiner and Hossein Mobahi and Behnam Neyshabur},
  booktitle = {International Conference on Learning Representations},
  year = {2021}
}"""

    rho: float = flag(
        0.05, "Radius of the neighbourhood; 0 is plain fine-tuning.", FloatDistribution(0.01, 2.0, log=True)
    )

    def __post_init__(self) -> None:
        """Refuse a negative radius."""
        if not self.rho >= 0:
            raise FairTuneError(f"`rho` is {self.rho:g}; give 0 or more.")

    def step(self, trainer: StockTrainer, model: nn.Module, batch: Batch) -> Tensor:
        """Add the gradient at the worst point nearby; weights and running statistics stay as plain training's."""
        if self.rho == 0:
            return trainer.stock_step(model, batch)
        with climbed(model, self.rho, lambda: trainer.stock_step(model, batch)) as loss:
            trainer.stock_step(model, batch)
        return loss


METHOD = Sam
