"""A head of one logit, a sigmoid's, made one of two: the log-odds stay, and everything that takes two takes it."""

from typing import Any

import torch
from torch import nn

from ..errors import FairTuneError
from .head import find_head

REGRESSION = "regression"


def has_one_logit(model: Any) -> bool:
    """Say whether a model says of itself that it has one output."""
    return getattr(getattr(model, "config", None), "num_labels", 2) == 1


@torch.no_grad()
def two_logits(model: Any, head: str | None = None) -> Any:
    """Give a model of one logit z the two logits -z/2 and z/2 in place; their difference is z, as halves are exact.

    Args:
        model: of transformers, `config.num_labels` is 1; the logit is of the class `config.id2label[0]`.
        head: the layer that gives the logit, or a module around it; None to look for it.

    Returns:
        The model, whose class 1 is that of the logit, and class 0 is called "not" that.

    Raises:
        FairTuneError: the output is a regression's, or the head is not clear or no linear layer.
    """
    if model.config.problem_type == REGRESSION:
        raise FairTuneError(
            "the model's one output is a regression's by its `problem_type`, which is no log-odds; give a classifier, "
            "or set `problem_type` to null in its config.json if it is one."
        )
    name = find_head(model, head)
    layer: Any = model.get_submodule(name)
    if not isinstance(layer, nn.Linear):
        raise FairTuneError(f"head `{name}` is a {type(layer).__name__}; one logit is taken from a linear layer only.")
    wider = nn.Linear(layer.in_features, 2, layer.bias is not None).to(layer.weight.device, layer.weight.dtype)
    halves = torch.tensor([-0.5, 0.5]).to(layer.weight)
    wider.weight.copy_(halves.unsqueeze(1) * layer.weight)
    if layer.bias is not None:
        wider.bias.copy_(halves * layer.bias)
    parent, _, own = name.rpartition(".")
    setattr(model.get_submodule(parent), own, wider)
    named = str(model.config.id2label[0])
    names = {0: "LABEL_0", 1: "LABEL_1"} if named == "LABEL_0" else {0: f"not {named}", 1: named}
    model.config.id2label, model.config.label2id = names, {label: i for i, label in names.items()}
    model.config.problem_type = None
    # Classes of transformers keep the number beside the configuration.
    model.num_labels = 2
    return model
