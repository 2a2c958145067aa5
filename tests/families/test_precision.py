"""Logits in float32 whatever runs in half precision."""

import logging
from typing import Any

import pytest
import torch

from hf_fairtune.errors import FairTuneError
from hf_fairtune.families.precision import float32_head, in_float32
from tests.classifiers import mobilenet, resnet, vit
from tests.conftest import tiny_vit


def distinct(values: torch.Tensor) -> int:
    return len(values.unique())


@pytest.mark.parametrize("made", [vit, resnet, mobilenet])
@pytest.mark.parametrize("half", [torch.bfloat16, torch.float16])
def test_the_head_under_autocast(made: Any, half: torch.dtype) -> None:
    """The features are those of autocast, and the head is plain arithmetic on them."""
    model, size = made(2)[0].eval(), 16 if made is vit else 32
    pixels, features = torch.randn(300, 3, size, size, generator=torch.Generator().manual_seed(0)), []
    layer = model.get_submodule("classifier" if made is not resnet else "classifier.1")
    layer.register_forward_pre_hook(lambda _, args: features.append(args[0].float()))
    with torch.no_grad(), torch.autocast("cpu", dtype=half):
        rounded = model(pixels).logits
        with float32_head(model):
            exact = model(pixels).logits
        assert torch.equal(model(pixels).logits, rounded)
    assert (rounded.dtype, exact.dtype) == (half, torch.float32)
    wanted = features[1] @ layer.weight.detach().T + layer.bias.detach()
    torch.testing.assert_close(exact, wanted, rtol=1e-5, atol=1e-6)
    assert distinct(exact[:, 1]) > distinct(rounded[:, 1])


def test_weights_come_back_bit_for_bit() -> None:
    model = tiny_vit().bfloat16()
    before = {name: values.clone() for name, values in model.state_dict().items()}
    pixels = torch.randn(64, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    with torch.no_grad(), in_float32(model):
        exact = model(pixels).logits
    with pytest.raises(FairTuneError), in_float32(model):
        raise FairTuneError("an image")
    assert all(torch.equal(v, before[n]) and v.dtype == torch.bfloat16 for n, v in model.state_dict().items())
    with torch.no_grad():
        assert torch.equal(exact, model.float()(pixels).logits)


def test_a_head_that_is_not_found_is_said(caplog: pytest.LogCaptureFixture) -> None:
    model = tiny_vit(num_labels=3)
    model.config.num_labels = 4
    with caplog.at_level(logging.WARNING), float32_head(model):
        pass
    assert "rounded to half precision, and images may tie: the head is not clear" in caplog.text


@pytest.mark.parametrize("classes", [2, 7])
def test_weights_in_half_precision_have_a_float32_head(classes: int) -> None:
    model, pixels = tiny_vit(num_labels=classes).bfloat16(), torch.randn(9, 3, 16, 16).bfloat16()
    with torch.no_grad(), float32_head(model):
        assert model(pixels).logits.dtype == torch.float32
