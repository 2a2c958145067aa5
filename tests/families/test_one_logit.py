"""A sigmoid's head as two logits: the same log-odds, importance, mask and calibration, in a stock folder."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from transformers import AutoModelForImageClassification

from hf_fairtune.errors import FairTuneError
from hf_fairtune.families.head import find_head, scale_head
from hf_fairtune.families.one_logit import has_one_logit, two_logits
from hf_fairtune.importance.fisher import fisher_importance
from hf_fairtune.losses.loss import margin
from hf_fairtune.masks.soft_mask import soft_mask
from tests.classifiers import mobilenet, resnet, vit
from tests.conftest import table


def pixels(size: int) -> Tensor:
    return torch.randn(40, 3, size, size, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("made", [vit, resnet, mobilenet])
def test_log_odds_stay_and_the_folder_is_stock(made: Any, tmp_path: Path) -> None:
    one, images = made(1)[0].eval(), pixels(16 if made is vit else 32)
    one.config.id2label = {0: "malignant"}
    with torch.no_grad():
        wanted = margin(one(images).logits)
        two = two_logits(one)
        torch.testing.assert_close(margin(two(images).logits), wanted, rtol=1e-6, atol=1e-6)
        assert wanted.std() > 1e-4
        assert two.config.id2label == {0: "not malignant", 1: "malignant"}
        two.save_pretrained(tmp_path)
        again = AutoModelForImageClassification.from_pretrained(tmp_path).eval()
        assert torch.equal(again(images).logits, two(images).logits)
        assert not has_one_logit(again)
        scale_head(two, find_head(two), 2.0, 0.5)
        torch.testing.assert_close(margin(two(images).logits), 2 * wanted + 0.5, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("form", ["sample", "whole"])
def test_the_masks_are_those_of_the_one_logit(form: str) -> None:
    one, data = vit(1)[0], table()
    old = fisher_importance(one, data, form=form)
    new = fisher_importance(two_logits(vit(1)[0]), data, form=form)
    before, after = soft_mask(old), soft_mask(new)
    for name, mask in before.items():
        if name.startswith("classifier."):
            # Of constant tensors, such as the one logit's bias, the scale shows.
            if mask.numel() > 1:
                torch.testing.assert_close(after[name], mask.expand_as(after[name]), rtol=1e-3, atol=1e-4)
        else:
            torch.testing.assert_close(after[name], mask, rtol=1e-3, atol=2e-3)


def test_without_names_and_without_bias() -> None:
    model = vit(1)[0]
    model.classifier = nn.Linear(16, 1, bias=False)
    two_logits(model)
    assert model.config.id2label == {0: "LABEL_0", 1: "LABEL_1"}
    assert model.classifier.bias is None


def test_what_is_no_log_odds_is_refused() -> None:
    model = vit(1)[0]
    model.config.problem_type = "regression"
    with pytest.raises(FairTuneError, match="one output is a regression's by its `problem_type`"):
        two_logits(model)
    model = vit(1)[0]
    model.classifier = nn.Sequential(nn.Unflatten(1, (16, 1, 1)), nn.Conv2d(16, 1, 1), nn.Flatten())
    with pytest.raises(FairTuneError, match=r"head `classifier.1` is a Conv2d; one logit is taken from a linear"):
        two_logits(model)
    model.extra = nn.Linear(16, 1)
    model.classifier, model.other = nn.Linear(16, 3), nn.Linear(16, 1)
    with pytest.raises(FairTuneError, match="layers with one output are `extra`, `other`"):
        two_logits(model)
