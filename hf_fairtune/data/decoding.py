"""An image file decoded: of the kinds that are listed, and of no more pixels than allowed."""

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError

from .identity import EncodedImage
from .limits import PIXELS, refusal

# Pillow knows forty more, and some of them start programs: EPS is drawn by Ghostscript.
KINDS = ("BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")
EIGHT_BIT_MODES = {"1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "LAB"}
# Pixels from which on an image is decoded alone, whatever the number of threads.
LARGE = 20_000_000
_OPENING, _LARGE_ONE = threading.Lock(), threading.Lock()


def rgb_image(encoded: EncodedImage) -> Image.Image:
    """Decode an image as `datasets.Image` does (turned upright by its EXIF), then convert it to RGB.

    More than 8 bits a colour are refused, as a conversion to RGB would clip them to white.

    Raises:
        ValueError: it is of no kind that is read, or larger than allowed.
    """
    with _opened(io.BytesIO(encoded.read())) as image:
        if reason := refusal(image.width * image.height, PIXELS):
            raise ValueError(reason)
        image.load()
        if image.mode not in EIGHT_BIT_MODES:
            raise ValueError(f"pixels of mode {image.mode}, not 8 bits: choose a window and save as 8-bit")
        # In place, as a copy of a large image is a gigabyte.
        ImageOps.exif_transpose(image, in_place=True)
        return image if image.mode == "RGB" else image.convert("RGB")


@contextmanager
def alone_if_large(encoded: EncodedImage) -> Iterator[None]:
    """Hold back other threads while the body decodes and resizes a large image."""
    try:
        with _opened(io.BytesIO(encoded.content) if encoded.content is not None else Path(str(encoded.path))) as image:
            large = image.width * image.height > LARGE
    except Exception:  # whoever decodes it says what is wrong with it
        large = False
    with _LARGE_ONE if large else nullcontext():
        yield


def _opened(source: io.BytesIO | Path) -> Image.Image:
    """Read the head of an image file."""
    # Pillow's own limit is one of the whole process, and at first warns only.
    with _OPENING:
        usual, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            return Image.open(source, formats=KINDS)
        except UnidentifiedImageError:
            raise ValueError(f"no image that is read: {', '.join(KINDS)}") from None
        finally:
            Image.MAX_IMAGE_PIXELS = usual
