"""The mean of the probabilities that several models give, as one model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import logsigmoid
from transformers.modeling_outputs import ImageClassifierOutput

from ..document.data import Task
from ..families.head import is_multi_label

# What averages the members of a folder with transformers alone.
SCRIPT = """\
from PIL import Image
from transformers import AutoImageProcessor, AutoModelForImageClassification

processor = AutoImageProcessor.from_pretrained("FOLDER")
inputs = processor(Image.open("image.jpg").convert("RGB"), return_tensors="pt")
probability = 0.0
for i in range({count}):
    model = AutoModelForImageClassification.from_pretrained("FOLDER", subfolder=f"members/{{i}}").eval()
    probability += model(**inputs).logits.softmax(-1)[0, 1].item() / {count}
print(f"probability of {{model.config.id2label[1]}}: {{probability:.2f}}")
"""
# What it prints of several classes or findings.
EACH = """\
for i, value in enumerate(probability.tolist()):
    print(f"probability of {model.config.id2label[i]}: {value:.2f}")
"""


def script(count: int, task: Task = "binary") -> str:
    """Write the script that averages so many members."""
    text = SCRIPT.format(count=count)
    if task == "binary":
        return text
    probabilities = "sigmoid()" if task == "multilabel" else "softmax(-1)"
    text = text.replace("softmax(-1)[0, 1].item()", f"{probabilities}[0]")
    return text[: text.index("print(")] + EACH


class MeanModel(nn.Module):
    """A model whose logits mean its members' mean probabilities: the logarithms of these, or of findings log-odds.

    Members share all tensors that they did not move, so that they take the memory of one model and what they moved.

    Args:
        start: the model that they started from; it is frozen and put into evaluation mode.
        members: the tensors that each moved, by name.
    """

    def __init__(self, start: nn.Module, members: Sequence[Mapping[str, Tensor]]) -> None:
        super().__init__()
        self.start, self.members = start.requires_grad_(False).eval(), [dict(member) for member in members]

    @property
    def config(self) -> Any:
        """Return the configuration that all members have."""
        return self.start.config

    def forward(self, pixel_values: Tensor) -> ImageClassifierOutput:
        """Return the logits, float32 [n, classes]; their softmax, or of findings their sigmoid, is the mean."""
        given = {"pixel_values": pixel_values}
        logits = torch.stack([functional_call(self.start, own, (), given).logits.float() for own in self.members])
        count = torch.tensor(float(len(logits))).log()
        if is_multi_label(self.start):
            with_it, without = (logsigmoid(sign * logits).logsumexp(0) for sign in (1, -1))
            return ImageClassifierOutput(logits=with_it - without)
        return ImageClassifierOutput(logits=logits.log_softmax(-1).logsumexp(0) - count)

    def train(self, mode: bool = True) -> MeanModel:
        """Stay in evaluation mode."""
        return super().train(False)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Any:
        self.members = [{name: fn(values) for name, values in member.items()} for member in self.members]
        return super()._apply(fn, recurse)
