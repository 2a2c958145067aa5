"""What is measured of a model's weights, and how."""

from dataclasses import dataclass
from typing import get_args

import torch
from torch import Tensor

from ..errors import FairTuneError
from ..losses.contrast import Contrast
from ..losses.loss import bias_loss_named
from ..losses.one_vs_rest import Over

FORMS = ("sample", "batch", "whole")


@dataclass(frozen=True)
class Importance:
    """Diagonal Fisher information of the two losses over one set of rows.

    Args:
        prediction: parameter name -> importance for the weighted cross-entropy, float32, shape of the parameter.
        bias: the same for the bias loss.
        rows: how many there were.
        empty_cells: terms of the bias loss left out, over all batches, because a batch lacked a group of a label.
        contrast: the groups set against each other.

    Raises:
        FairTuneError: an importance that is NaN, infinite, missing or of another shape than its counterpart.
    """

    prediction: dict[str, Tensor]
    bias: dict[str, Tensor]
    rows: int
    empty_cells: int
    contrast: Contrast

    def __post_init__(self) -> None:
        """Check both sides parameter by parameter."""
        prediction, bias = self.prediction, self.bias
        for name in [*prediction, *bias]:
            if name not in prediction or name not in bias or prediction[name].shape != bias[name].shape:
                raise FairTuneError(
                    f"The importances of `{name}` for prediction and for bias do not match; compute both on one model."
                )
            if not (prediction[name].isfinite().all() and bias[name].isfinite().all()):
                raise FairTuneError(
                    f"The importance of `{name}` is NaN or infinite; compute it in float32, from finite weights."
                )


@dataclass(frozen=True)
class ImportanceOptions:
    """How to measure.

    Args:
        bias: the bias loss, a file of `losses/`.
        contrast: "pair" or "mean", see `contrast_for`; or the contrast itself.
        form: "sample" for the mean over rows of squared gradients, which is the Fisher information and does not
            depend on batches; "batch" for the mean over batches of the squared gradient of the batch's loss, as the
            published code does; "whole" for bias from the squared gradient of the loss of all rows (see
            `whole_fisher`), prediction as in "sample".
        batch_size: rows read at once from a dataset, and in form "batch" the batches; a loader brings its own.
        chunk_size: rows whose gradients are held at once in form "sample" or "whole"; bounds the memory, and
            changes numbers by rounding only.
        dtype: torch.bfloat16 to run the model under autocast; squares are summed in float32 anyway.
        progress: show a bar where there is a terminal.
        bias_over: of more than two classes, "mean" of the biases of each class against the rest, or the "worst".
    """

    bias: str = "equalized_odds"
    contrast: str | Contrast = "pair"
    form: str = "sample"
    batch_size: int = 32
    chunk_size: int = 8
    dtype: torch.dtype | None = None
    progress: bool = True
    bias_over: Over = "mean"

    def __post_init__(self) -> None:
        """Check what can be checked before the model runs."""
        bias_loss_named(self.bias)
        if isinstance(self.contrast, str) and self.contrast not in ("pair", "mean"):
            raise FairTuneError(f"`contrast` is {self.contrast!r}; choose pair or mean.")
        if self.bias_over not in get_args(Over):
            raise FairTuneError(f"`bias_over` is {self.bias_over!r}; choose mean or worst.")
        if self.form not in FORMS:
            raise FairTuneError(f"`form` is {self.form!r}; choose {', '.join(FORMS)}.")
        if self.dtype not in (None, torch.float32, torch.bfloat16):
            raise FairTuneError(f"`dtype` is {self.dtype}; choose None or torch.bfloat16.")
        for name in ("batch_size", "chunk_size"):
            if getattr(self, name) < 1:
                raise FairTuneError(f"`{name}` is {getattr(self, name)}; pass 1 or more.")
