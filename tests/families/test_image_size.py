"""A model takes the size of the data: positions are resized, convolutions need nothing, the rest is refused."""

import re
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForImageClassification

from hf_fairtune.errors import FairTuneError
from hf_fairtune.families.family import fit_image_size, image_size_of
from hf_fairtune.families.head import find_head

from .backbones import CNNS, backbone, images
from .recipes import RECIPES


def test_positions_of_a_family_are_resized() -> None:
    model = backbone("vit")
    fit_image_size(model, 16)
    assert image_size_of(model) == 16
    assert model(images(1, 16)).logits.shape == (1, 2)


@pytest.mark.parametrize("name", [*CNNS, "swin"])
def test_models_without_positions_stay_as_they_are(name: str) -> None:
    model = backbone(name).train()
    model.get_submodule(find_head(model)).eval()
    modes = [module.training for module in model.modules()]
    before = {key: value.clone() for key, value in model.state_dict().items()}
    fit_image_size(model, 48)
    assert image_size_of(model) == (None if name == "resnet" else 48)
    assert [module.training for module in model.modules()] == modes
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


def test_stored_positions_without_a_family_are_refused() -> None:
    model = backbone("deit")
    fit_image_size(model, 32)
    with pytest.raises(FairTuneError, match="`deit` does not take images of 48 pixels .*use images of 32 pixels") as e:
        fit_image_size(model, 48)
    assert "\n" not in str(e.value)
    assert image_size_of(model) == 32


@pytest.mark.parametrize("name", [name for name in RECIPES if name != "siglip2"])
def test_what_takes_another_size_is_saved_and_loaded(name: str, tmp_path: Path) -> None:
    """Or refused in one line."""
    model = backbone(name)
    try:
        fit_image_size(model, 48)
    except FairTuneError as error:
        refused = str(error)
        assert re.fullmatch(
            r"`\w+[-\w]*` does not take images of 48 pixels \(.+\); use images of 32 pixels\.", refused
        )
        return
    with torch.no_grad():
        wanted = model(images(2, 48)).logits
        model.save_pretrained(tmp_path)
        again = type(model).from_pretrained(tmp_path).eval()
        torch.testing.assert_close(again(images(2, 48)).logits, wanted)


def test_size_given_as_height_and_width() -> None:
    model = backbone("mobilenet_v2")
    model.config.image_size = [48, 48]
    assert image_size_of(model) == 48


def test_real_convolutional_weights(real_weights) -> None:
    folder = real_weights / "mobilenet-v2-1.0-224"
    if not folder.is_dir():
        pytest.skip(f"no {folder}")
    model = AutoModelForImageClassification.from_pretrained(folder, num_labels=2, ignore_mismatched_sizes=True)
    assert find_head(model) == "classifier"
    fit_image_size(model, 96)
    assert image_size_of(model) == 96
    with torch.no_grad():
        assert torch.isfinite(model.eval()(images(1, 96)).logits).all()
