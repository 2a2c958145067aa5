"""timm's image processor in the pixel cache: the same pixels, whatever its crop."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from hf_fairtune.data.processors import check_plain, colours, pixel_shape, resize, resized_processor
from hf_fairtune.data.timm_processor import TimmProcessor, readable
from hf_fairtune.errors import FairTuneError

Steps = list[Callable[[Any], Any]]


def wrapper(**config: Any) -> Any:
    try:
        import timm  # noqa: F401
        from transformers import TimmWrapperImageProcessor
    except (ImportError, RuntimeError) as error:  # torchvision without its compiled part is a RuntimeError
        pytest.skip(f"timm cannot be imported ({error}): install timm and torchvision to run on its processor")
    return TimmWrapperImageProcessor({"input_size": (3, 32, 32)} | config)


def noise(height: int, width: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8))


@pytest.mark.parametrize("size", [(32, 32), (45, 67), (200, 91), (20, 33)])
@pytest.mark.parametrize(
    "config",
    [
        {"crop_pct": 0.95, "interpolation": "bicubic"},
        {"crop_pct": 0.9, "interpolation": "bilinear", "mean": (0.5, 0.4, 0.3), "std": (0.2, 0.3, 0.4)},
        {"crop_pct": 1.0, "crop_mode": "squash"},
        {"crop_pct": 0.9, "crop_mode": "border"},
    ],
)
def test_pixels_are_timms(size: tuple[int, int], config: dict[str, Any]) -> None:
    own = wrapper(**config)
    processor = readable(own)
    check_plain(processor)
    scale, shift = colours(processor)
    found = resize(processor, noise(*size)) * scale + shift
    wanted = own(noise(*size))["pixel_values"][0].permute(1, 2, 0)
    np.testing.assert_allclose(found, wanted, atol=1e-6)


def test_another_size_keeps_the_share_of_the_crop() -> None:
    own = resized_processor(readable(wrapper(crop_pct=0.5)), 16)
    assert pixel_shape(own) == (16, 16)
    assert [step.size for step in own.wrapper.val_transforms.transforms[:2]] == [32, (16, 16)]
    assert own.wrapper.data_config["crop_pct"] == 0.5


def test_transforms_that_end_in_something_else_are_refused() -> None:
    steps: Steps = [lambda image: image]
    other = SimpleNamespace(val_transforms=SimpleNamespace(transforms=steps))
    with pytest.raises(FairTuneError, match="runs function; one that ends in MaybeToTensor, Normalize is wanted"):
        TimmProcessor(other)


def test_other_processors_stay_as_they_are() -> None:
    other = SimpleNamespace()
    assert readable(other) is other
