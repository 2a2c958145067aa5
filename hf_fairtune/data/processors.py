"""What an image processor does to an image, so that cached pixels give exactly its result."""

import copy
from typing import Any

import numpy as np
from PIL import Image

from ..errors import FairTuneError, first_line
from .limits import SIDE, check_sides
from .timm_processor import TimmProcessor, readable

# EfficientNet's `include_top` divides by the standard deviation once more.
COLOUR_STEPS = ("do_rescale", "do_normalize", "include_top")


def plain_processor(processor: Any, image_size: int | None = None) -> Any:
    """Return a processor as the cache reads it, of square images where a size is given; refuse one it cannot read."""
    processor = readable(processor)
    check_sides(processor)
    processor = processor if image_size is None else resized_processor(processor, image_size)
    check_plain(processor)
    return processor


def resized_processor(processor: Any, image_size: int) -> Any:
    """Return a copy of `processor` whose output is `image_size` x `image_size`.

    A processor that resizes the shortest edge and crops the centre keeps the ratio of the two; one that knows only a
    shortest edge, as ConvNeXt's and ResNet's, crops by itself.
    """
    if not 1 <= image_size <= SIDE:
        raise FairTuneError(f"--image_size {image_size} is not a number of pixels up to {SIDE}; pass e.g. 224.")
    if isinstance(processor, TimmProcessor):
        return processor.resized(image_size)
    resized = copy.deepcopy(processor)
    size = dict(processor.size)
    crop = getattr(processor, "crop_size", None) if getattr(processor, "do_center_crop", False) else None
    edge = size.get("shortest_edge") or size.get("height") or 0
    side = round(edge * (image_size / dict(crop)["height"])) if crop else image_size
    if size.get("shortest_edge"):
        resized.size = type(processor.size)(shortest_edge=side)
    elif size.get("height") and size.get("width"):
        resized.size = type(processor.size)(height=side, width=side)
    if crop:
        resized.crop_size = type(crop)(height=image_size, width=image_size)
    if pixel_shape(resized) != (image_size, image_size):
        raise FairTuneError(
            f"{type(processor).__name__} with size={dict(processor.size)} cannot be set to --image_size {image_size}; "
            "set its size to a height and a width."
        )
    return resized


def resize(processor: Any, image: Image.Image) -> np.ndarray:
    """Resize (and crop) an RGB image as `processor` does, without its colour steps: uint8 [height, width, 3]."""
    try:
        plain = {name: False for name in COLOUR_STEPS if hasattr(processor, name)}
        pixels = np.asarray(processor(image, **plain)["pixel_values"][0])
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise FairTuneError(
            f"{type(processor).__name__} cannot resize an RGB image on its own ({first_line(error)}); pass the image "
            "processor of an image classifier."
        ) from error
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[0] != 3:
        raise FairTuneError(
            f"{type(processor).__name__} gives {pixels.dtype} pixels of shape {pixels.shape} from an RGB image; "
            "three 8-bit colours are wanted: pass the image processor of an image classifier."
        )
    return np.ascontiguousarray(pixels.transpose(1, 2, 0))


def pixel_shape(processor: Any) -> tuple[int, int]:
    """Return the (height, width) of the processor's output."""
    shapes = {resize(processor, Image.new("RGB", size)).shape[:2] for size in ((48, 32), (32, 48))}
    if len(shapes) > 1:
        raise FairTuneError(
            f"{type(processor).__name__} with size={dict(processor.size)} gives images of different shapes; a fixed "
            "one is wanted: set its size to a height and a width."
        )
    (height, width) = shapes.pop()
    return height, width


def colours(processor: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the `(scale, shift)` of shape `(3,)` with `pixel_values = pixels * scale + shift`."""
    scale, shift = np.ones(3), np.zeros(3)
    if processor.do_rescale:
        scale *= processor.rescale_factor
        shift -= bool(getattr(processor, "rescale_offset", False))
    if processor.do_normalize:
        scale, shift = scale / processor.image_std, (shift - processor.image_mean) / processor.image_std
    if getattr(processor, "include_top", False):
        scale, shift = scale / processor.image_std, shift / processor.image_std
    return scale, shift


def check_plain(processor: Any) -> None:
    """Check that a processor gives one shape and the colours of `colours`, on a black-to-white ramp."""
    pixel_shape(processor)
    ramp = np.linspace(0, 255, 3 * 32 * 48).astype(np.uint8).reshape(32, 48, 3)
    image = Image.fromarray(ramp)
    scale, shift = colours(processor)
    expected = resize(processor, image) * scale + shift
    actual = np.asarray(processor(image)["pixel_values"][0]).transpose(1, 2, 0)
    if np.abs(expected - actual).max() > 1e-3:
        raise FairTuneError(
            f"{type(processor).__name__} does more than resize, crop, rescale and normalise; the pixel cache cannot "
            "reproduce it: pass another image processor."
        )
