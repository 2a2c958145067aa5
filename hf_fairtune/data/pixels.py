"""The pixel cache: every image decoded and resized once, in one memory-mapped file."""

import io
import math
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset
from huggingface_hub import constants
from PIL import Image, ImageOps

from ..errors import FairTuneError, first_line, listed
from ..progress import Progress
from .array_file import sweep, write_array
from .identity import EncodedImage, digest, encoded
from .processors import COLOUR_STEPS, pixel_shape, resize

COLOUR_KEYS = {*COLOUR_STEPS, "rescale_factor", "rescale_offset", "image_mean", "image_std"}
EIGHT_BIT_MODES = {"1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "LAB"}
NAME, CHUNK = "pixels-", 256


def cache_folder(asked: str | None) -> Path:
    """Return the folder of the pixels: the named one, `$FAIRTUNE_CACHE`, or ours among the Hub's assets.

    These lie under `$HF_HOME`, where the Hub's libraries want what others keep.
    """
    return Path(asked or os.environ.get("FAIRTUNE_CACHE") or f"{constants.HF_ASSETS_CACHE}/hf_fairtune").expanduser()


def cached_pixels(images: Dataset, stamps: list[str], processor: Any, folder: Path) -> Path:
    """Return the `.npy` file of the resized pixels, uint8 [rows, 3, height, width]; built if no earlier run has.

    A stamp is one an image, and changes when the image does.
    """
    height, width = pixel_shape(processor)
    geometry = {key: value for key, value in processor.to_dict().items() if key not in COLOUR_KEYS}
    key = digest([geometry, getattr(processor, "backend", None), 3, height, width, stamps])
    path = folder / f"{NAME}{key}.npy"
    if not path.is_file():
        _build(path, images, processor, (len(images), 3, height, width))
    return path


def _build(path: Path, images: Dataset, processor: Any, shape: tuple[int, ...]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        sweep(path.parent, NAME)
        _check_space(path.parent, math.prod(shape))
        write_array(path, "|u1", shape, _readable(images, processor))
    except OSError as error:
        gigabytes = math.prod(shape) / 1e9
        raise FairTuneError(
            f"`{path.parent}` could not take the {gigabytes:.2f} GB of decoded pixels ({first_line(error)}); "
            "free some space or name another folder by --data_cache."
        ) from error


def _check_space(folder: Path, size: int) -> None:
    """Check that a disk takes so many bytes, before hours of decoding."""
    free = shutil.disk_usage(folder).free
    if size > free:
        raise FairTuneError(
            f"`{folder}` has {free / 1e9:.2f} GB free, but the decoded pixels take {size / 1e9:.2f} GB; free some "
            "space, name another folder by --data_cache, or give a smaller --image_size."
        )


def _readable(images: Dataset, processor: Any) -> Iterator[np.ndarray]:
    """Yield the resized pixels of every image, uint8 [3, height, width].

    Raises:
        FairTuneError: some cannot be decoded; all are tried first, so that the message counts them.
    """
    unreadable: list[str] = []
    for pixels in _decoded(images, processor):
        if isinstance(pixels, str):
            unreadable.append(pixels)
        elif not unreadable:
            yield pixels.transpose(2, 0, 1)
    if unreadable:
        raise FairTuneError(
            f"{len(unreadable)} of {len(images)} images cannot be decoded: {listed(unreadable, 5)}. Replace these "
            "files or drop their rows."
        )


def _decoded(images: Dataset, processor: Any) -> Iterator[np.ndarray | str]:
    """Yield the resized pixels of every image, or its name and why it has none."""

    def pixels_of(numbered: tuple[int, EncodedImage]) -> np.ndarray | str:
        image = decoded(*numbered)
        return image if isinstance(image, str) else resize(processor, image)

    with (
        ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool,
        Progress("Decoding images", len(images), "image") as bar,
    ):
        for start in range(0, len(images), CHUNK):
            for pixels in pool.map(pixels_of, enumerate(encoded(images, start, start + CHUNK), start)):
                bar.update()
                yield pixels


def decoded(row: int, encoded: EncodedImage) -> Image.Image | str:
    """Decode an image, or return its name and why it cannot be decoded."""
    try:
        return rgb_image(encoded)
    except Exception as error:  # decoders raise anything on broken files
        return f"{encoded.name(row)} ({first_line(error)})"


def rgb_image(encoded: EncodedImage) -> Image.Image:
    """Decode an image as `datasets.Image` does (turned upright by its EXIF), then convert it to RGB.

    More than 8 bits a colour are refused, as a conversion to RGB would clip them to white.
    """
    with Image.open(io.BytesIO(encoded.read())) as image:
        image.load()
        if image.mode not in EIGHT_BIT_MODES:
            raise ValueError(f"pixels of mode {image.mode}, not 8 bits: choose a window and save as 8-bit")
        return ImageOps.exif_transpose(image).convert("RGB")
