"""A masked autoencoder as the start of a classifier: the encoder's own features, and nothing silent."""

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForImageClassification

from hf_fairtune.errors import FairTuneError
from hf_fairtune.families.blocks import blocks_of
from hf_fairtune.families.mae_encoder import classifier_of_mae

from .autoencoder import autoencoder, autoencoder_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return autoencoder_folder(tmp_path / "mae")


def test_the_class_token_is_the_autoencoders(folder: Path, tmp_path: Path) -> None:
    """The encoder hides no patch at a ratio of 0, and shuffles them, which the class token does not see."""
    mae, pixels = autoencoder(), torch.randn(4, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    mae.vit.embeddings.config.mask_ratio = 0.0
    model, keys = classifier_of_mae(str(folder), ["benign", "malignant"])
    with torch.no_grad():
        wanted = model.classifier(mae.vit(pixels).last_hidden_state[:, 0])
        torch.testing.assert_close(model.eval()(pixels).logits, wanted)
    encoder = [name for name in mae.state_dict() if name.startswith("vit.")]
    assert set(keys.taken) == set(encoder)
    assert set(keys.left) == {name for name in mae.state_dict() if name.startswith("decoder.")}
    assert set(keys.new) == {"classifier.weight", "classifier.bias"}
    assert len(blocks_of(model)) == 2
    model.save_pretrained(tmp_path / "own")
    again = AutoModelForImageClassification.from_pretrained(tmp_path / "own").eval()
    assert torch.equal(again(pixels).logits, model(pixels).logits)
    assert (again.config.model_type, model.config.layer_norm_eps) == ("vit", mae.config.layer_norm_eps)
    assert again.config.id2label == {0: "benign", 1: "malignant"}


@pytest.mark.parametrize("change", ["vit.layernorm.weight", "vit.embeddings.cls_token"])
def test_a_part_of_an_encoder_is_refused(folder: Path, change: str) -> None:
    mae = autoencoder()
    state = {name: values for name, values in mae.state_dict().items() if name != change} | {
        "other.weight": torch.ones(1)
    }
    mae.save_pretrained(folder, state_dict=state)
    with pytest.raises(FairTuneError, match=f"2 weights are missing, of another shape or not known .{change}, other"):
        classifier_of_mae(str(folder), ["a", "b"])


def test_the_encoder_alone(folder: Path) -> None:
    model, keys = classifier_of_mae(str(folder), ["a", "b"])
    autoencoder().vit.save_pretrained(folder)
    alone, fewer = classifier_of_mae(str(folder), ["a", "b"])
    assert (fewer.taken, fewer.left) == (keys.taken, ())
    assert all(torch.equal(alone.get_parameter(name), model.get_parameter(name)) for name in keys.taken)
