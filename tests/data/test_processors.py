"""Processors whose pixels the cache can reproduce, and those it refuses."""

import numpy as np
import pytest
from PIL import Image
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.convnext.image_processing_pil_convnext import ConvNextImageProcessorPil
from transformers.models.deit.image_processing_pil_deit import DeiTImageProcessorPil
from transformers.models.efficientnet.image_processing_pil_efficientnet import EfficientNetImageProcessorPil
from transformers.models.mobilenet_v2.image_processing_pil_mobilenet_v2 import MobileNetV2ImageProcessorPil
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

from hf_fairtune.data.processors import check_plain, colours, pixel_shape, resize, resized_processor
from hf_fairtune.errors import FairTuneError

PROCESSORS = [
    ViTImageProcessorPil(resample=3, image_mean=[0.1, 0.2, 0.3], image_std=[0.4, 0.5, 0.6]),
    ViTImageProcessorPil(do_normalize=False),
    ViTImageProcessorPil(do_rescale=False, do_normalize=False),
    ViTImageProcessorPil(size={"height": 20, "width": 30}),
    DeiTImageProcessorPil(),
    CLIPImageProcessorPil(),
    ConvNextImageProcessorPil(size={"shortest_edge": 224}),
    ConvNextImageProcessorPil(size={"shortest_edge": 384}),
    MobileNetV2ImageProcessorPil(),
    EfficientNetImageProcessorPil(image_std=[0.4, 0.5, 0.6]),
    EfficientNetImageProcessorPil(include_top=False, rescale_offset=True),
    EfficientNetImageProcessorPil(do_center_crop=True),
]


class Floating(ViTImageProcessorPil):
    """A processor whose resized colours are no whole numbers."""

    def resize(self, *args: object, **kwargs: object) -> np.ndarray:
        return super().resize(*args, **kwargs).astype(np.float32)


class Squared(ViTImageProcessorPil):
    """A processor that bends the colours after rescaling them."""

    def rescale(self, image: np.ndarray, scale: float, **kwargs: object) -> np.ndarray:
        return super().rescale(image, scale, **kwargs) ** 2


@pytest.mark.parametrize("processor", PROCESSORS, ids=lambda p: type(p).__name__)
def test_resize_then_colours_is_the_processor(processor: object) -> None:
    draw = np.random.default_rng(0)
    image = Image.fromarray(draw.integers(0, 256, (60, 45, 3), dtype=np.uint8))
    scale, shift = colours(processor)
    ours = resize(processor, image) * scale + shift
    theirs = processor(image)["pixel_values"][0].transpose(1, 2, 0)  # type: ignore[operator]
    assert np.abs(ours - theirs).max() < 1e-5
    assert pixel_shape(processor) == theirs.shape[:2]
    check_plain(processor)


@pytest.mark.parametrize("processor", PROCESSORS, ids=lambda p: type(p).__name__)
def test_resized_copy(processor: object) -> None:
    before = processor.to_dict()  # type: ignore[attr-defined]
    resized = resized_processor(processor, 96)
    assert pixel_shape(resized) == (96, 96)
    assert processor.to_dict() == before  # type: ignore[attr-defined]


def test_a_resized_crop_keeps_its_margin() -> None:
    resized = resized_processor(DeiTImageProcessorPil(), 112)
    assert (resized.size.height, resized.crop_size.height) == (128, 112)


def test_a_resized_processor_survives_saving(tmp_path: object) -> None:
    resized = resized_processor(ViTImageProcessorPil(), 64)
    resized.save_pretrained(tmp_path)
    assert pixel_shape(ViTImageProcessorPil.from_pretrained(tmp_path)) == (64, 64)


def test_refuses_what_it_cannot_reproduce() -> None:
    shortest = CLIPImageProcessorPil(do_center_crop=False)
    with pytest.raises(FairTuneError, match="gives images of different shapes"):
        pixel_shape(shortest)
    with pytest.raises(FairTuneError, match="gives images of different shapes"):
        resized_processor(shortest, 64)
    with pytest.raises(FairTuneError, match="three 8-bit colours are wanted"):
        pixel_shape(Floating())
    with pytest.raises(FairTuneError, match="does more than resize"):
        check_plain(Squared())
    with pytest.raises(FairTuneError, match="--image_size 0 is not a number of pixels"):
        resized_processor(ViTImageProcessorPil(), 0)
    with pytest.raises(FairTuneError, match="pass the image processor of an image classifier"):
        pixel_shape(lambda image, **_: {"pixel_values": [np.zeros((3, 4, 4))]})
