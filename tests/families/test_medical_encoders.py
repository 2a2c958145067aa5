"""The recipes of `scripts/medical_encoders.md`, each on a tiny random encoder in the files that authors publish."""

import runpy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import (
    BitImageProcessor,
    Dinov2Config,
    Dinov2Model,
    SiglipConfig,
    SiglipImageProcessor,
    SiglipModel,
)

from hf_fairtune.data.processors import check_plain, pixel_shape, resized_processor
from hf_fairtune.errors import FairTuneError
from hf_fairtune.loading import load_classifier, load_processor, load_with_new_head

from .backbones import images
from .recipes import PATCHES, SMALL, SMALL_VIT
from .test_timm_vit import HEADS, SIZE, WIDTH, alone, autoencoder, features, two_towers, weights

SCRIPT = Path(__file__).parents[2] / "scripts" / "medical_encoder.py"
LABELS = ["benign", "malignant"]


def seeded(model: Any) -> Any:
    torch.manual_seed(0)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return model.eval()


def published(folder: Path, model: Any, processor: Any) -> Any:
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return model


@torch.no_grad()
def same(own: Any, other: Any, pixels: Tensor) -> bool:
    return torch.equal(own.eval()(pixels).last_hidden_state, other(pixels).last_hidden_state)


def loaded(folder: Path, kind: str) -> Any:
    """Load an encoder as every training command does, and as none that scores does."""
    with pytest.raises(FairTuneError, match="lacks 2 weights of an image classifier"):
        load_classifier(str(folder))
    model = load_with_new_head(str(folder), LABELS)
    assert model.config.model_type == kind
    assert model.config.id2label == dict(enumerate(LABELS))
    assert model.eval()(images()).logits.shape == (3, 2)
    return model


def test_rad_dino(tmp_path: Path) -> None:
    """`Dinov2Model`; its shorter edge is resized, then the centre is cropped to the same size."""
    processor = BitImageProcessor(size={"shortest_edge": SIZE}, crop_size={"height": SIZE, "width": SIZE})
    encoder = published(tmp_path, seeded(Dinov2Model(Dinov2Config(**SMALL | PATCHES))), processor)
    model = loaded(tmp_path, "dinov2")
    assert same(model.dinov2, encoder, images())
    # Positions are interpolated in the forward pass, so that smaller images than the authors' 518 pixels go in.
    assert same(model.dinov2, encoder, images(size=16))
    check_plain(load_processor(str(tmp_path)))
    assert pixel_shape(resized_processor(load_processor(str(tmp_path)), 16)) == (16, 16)


def test_medsiglip(tmp_path: Path) -> None:
    """`SiglipModel`, of which the vision tower is taken; the mean of its patches is classified."""
    text = SMALL_VIT | {"vocab_size": 8, "max_position_embeddings": 8}
    both = SiglipModel(SiglipConfig(vision_config=SMALL_VIT | PATCHES, text_config=text))
    processor = SiglipImageProcessor(size={"height": SIZE, "width": SIZE})
    encoder = published(tmp_path, seeded(both), processor)
    model = loaded(tmp_path, "siglip")
    assert same(model.vision_model, encoder.vision_model, images())
    with torch.no_grad():
        wanted = model.classifier(encoder.vision_model(images()).last_hidden_state.mean(1))
        torch.testing.assert_close(model(images()).logits, wanted)
    check_plain(load_processor(str(tmp_path)))


@pytest.mark.parametrize(
    ("encoder", "write", "edge"), [("retfound", autoencoder, 37), ("biomedclip", two_towers, 32), ("uni", alone, 32)]
)
def test_under_timms_names(encoder: str, write: Any, edge: int, tmp_path: Path) -> None:
    folder = tmp_path / encoder
    keys = runpy.run_path(str(SCRIPT))["main"](encoder, str(write(tmp_path)), str(folder), str(WIDTH // HEADS))
    model = loaded(folder, "vit")
    with torch.no_grad():
        wanted = model.classifier(features(weights(scaled=encoder == "uni"), images())[:, 0])
        torch.testing.assert_close(model(images()).logits, wanted, rtol=1e-4, atol=1e-5)
    assert bool(keys.left) == (encoder != "uni")
    processor = load_processor(str(folder))
    check_plain(processor)
    assert (processor.size["shortest_edge"], pixel_shape(processor)) == (edge, (SIZE, SIZE))
