"""timm's image processor, whose transforms have no settings, in the form that the pixel cache reads."""

from typing import Any

import numpy as np
from PIL import Image

from ..errors import FairTuneError

WRAPPER = "TimmWrapperImageProcessor"
# How timm ends the transforms of evaluation, after the steps that give an image of 8 bits.
COLOUR_STEPS = ["MaybeToTensor", "Normalize"]


class TimmProcessor:
    """The transforms of timm's image processor, with the settings that those of transformers have.

    Resizing and cropping are timm's own. It is saved nowhere: a model's config.json holds what timm makes it from.

    Args:
        wrapper: `TimmWrapperImageProcessor`.

    Raises:
        FairTuneError: its transforms do more than resize, crop, rescale and normalise.
    """

    do_rescale, rescale_factor, do_normalize = True, 1 / 255, True

    def __init__(self, wrapper: Any) -> None:
        self.wrapper, steps = wrapper, wrapper.val_transforms.transforms
        kinds = [type(step).__name__ for step in steps]
        if kinds[-len(COLOUR_STEPS) :] != COLOUR_STEPS:
            raise FairTuneError(
                f"timm's image processor runs {', '.join(kinds)}; one that ends in {', '.join(COLOUR_STEPS)} is "
                "wanted: pass another image processor."
            )
        self._geometry = steps[: -len(COLOUR_STEPS)]
        self.image_mean, self.image_std = (list(wrapper.data_config[name]) for name in ("mean", "std"))
        height, width = wrapper.data_config["input_size"][1:]
        self.size = {"height": int(height), "width": int(width)}
        self.crop_pct = wrapper.data_config.get("crop_pct")

    def __call__(
        self, image: Image.Image, *, do_rescale: bool = True, do_normalize: bool = True, return_tensors: Any = None
    ) -> dict[str, Any]:
        """Return the pixel values of one RGB image, [1, 3, height, width]; of 8 bits without the colour steps."""
        if do_rescale and do_normalize:
            return dict(self.wrapper(image, return_tensors="pt"))
        for step in self._geometry:
            image = step(image)
        return {"pixel_values": np.asarray(image).transpose(2, 0, 1)[None]}

    def resized(self, image_size: int) -> "TimmProcessor":
        """Return a processor of square images of another size, cropped to the same share."""
        size = (self.wrapper.data_config["input_size"][0], image_size, image_size)
        return TimmProcessor(
            type(self.wrapper)(self.wrapper.data_config | {"input_size": size}, self.wrapper.architecture)
        )

    def to_dict(self) -> dict[str, object]:
        """Return the settings that timm makes its transforms from."""
        found: dict[str, object] = self.wrapper.to_dict()
        return found

    def save_pretrained(self, save_directory: Any, **_: object) -> None:
        """Write nothing, as timm's processor does."""


def readable(processor: Any) -> Any:
    """Return timm's image processor as the cache reads one, and any other as it is."""
    return TimmProcessor(processor) if type(processor).__name__ == WRAPPER else processor
