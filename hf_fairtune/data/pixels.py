"""The pixel cache: every image decoded and resized once, in one memory-mapped file.

The file is written to a temporary name and renamed when whole. Two processes may build the same one at a time: the
later rename replaces an equal file.
"""

import io
import math
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import numpy as np
from datasets import Dataset
from PIL import Image, ImageOps
from tqdm.auto import tqdm

from ..errors import FairTuneError, first_line, listed
from .identity import EncodedImage, digest, encoded
from .processors import COLOUR_STEPS, pixel_shape, resize

COLOUR_KEYS = {*COLOUR_STEPS, "rescale_factor", "rescale_offset", "image_mean", "image_std"}
EIGHT_BIT_MODES = {"1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "LAB"}
CHUNK = 256
DAY = 24 * 3600


def cache_folder(asked: str | None) -> Path:
    """Return the folder of the pixels: the named one, `$FAIRTUNE_CACHE`, or `~/.cache/hf_fairtune`."""
    return Path(asked or os.environ.get("FAIRTUNE_CACHE") or "~/.cache/hf_fairtune").expanduser()


def cached_pixels(images: Dataset, stamps: list[str], processor: Any, folder: Path) -> Path:
    """Return the `.npy` file of the resized pixels, uint8 [rows, 3, height, width]; built if no earlier run has.

    A stamp is one an image, and changes when the image does.
    """
    height, width = pixel_shape(processor)
    geometry = {key: value for key, value in processor.to_dict().items() if key not in COLOUR_KEYS}
    key = digest([geometry, getattr(processor, "backend", None), 3, height, width, stamps])
    path = folder / f"pixels-{key}.npy"
    if not path.is_file():
        _build(path, images, processor, (len(images), 3, height, width))
    return path


def _build(path: Path, images: Dataset, processor: Any, shape: tuple[int, ...]) -> None:
    temporary: str | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep(path.parent)
        _check_space(path.parent, math.prod(shape))
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as file:
            _write(file, images, processor, shape)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as error:
        gigabytes = math.prod(shape) / 1e9
        raise FairTuneError(
            f"`{path.parent}` could not take the {gigabytes:.2f} GB of decoded pixels ({first_line(error)}); "
            "free some space or name another folder by --data_cache."
        ) from error
    finally:
        if temporary:
            Path(temporary).unlink(missing_ok=True)


def _check_space(folder: Path, size: int) -> None:
    """Check that a disk takes so many bytes, before hours of decoding."""
    free = shutil.disk_usage(folder).free
    if size > free:
        raise FairTuneError(
            f"`{folder}` has {free / 1e9:.2f} GB free, but the decoded pixels take {size / 1e9:.2f} GB; free some "
            "space, name another folder by --data_cache, or give a smaller --image_size."
        )


def _sweep(folder: Path) -> None:
    """Remove what builds killed more than a day ago left; one at work has written since."""
    for left in folder.glob(".pixels-*"):
        with suppress(FileNotFoundError):  # another process renames or removes its own meanwhile
            if time.time() - left.stat().st_mtime > DAY:
                left.unlink()


def _write(file: IO[bytes], images: Dataset, processor: Any, shape: tuple[int, ...]) -> None:
    """Write plainly, not through a memory map: a full disk then is an error instead of a killed process."""
    np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
    unreadable: list[str] = []
    for pixels in _decoded(images, processor):
        if isinstance(pixels, str):
            unreadable.append(pixels)
        elif not unreadable:
            file.write(pixels.transpose(2, 0, 1).tobytes())
    if unreadable:
        raise FairTuneError(
            f"{len(unreadable)} of {len(images)} images cannot be decoded: {listed(unreadable, 5)}. Replace these "
            "files or drop their rows."
        )
    file.flush()
    os.fsync(file.fileno())


def _decoded(images: Dataset, processor: Any) -> Iterator[np.ndarray | str]:
    """Yield the resized pixels of every image, or its name and why it has none."""

    def pixels_of(numbered: tuple[int, EncodedImage]) -> np.ndarray | str:
        image = decoded(*numbered)
        return image if isinstance(image, str) else resize(processor, image)

    with (
        ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool,
        tqdm(total=len(images), desc="Decoding images", unit="image", disable=None) as bar,
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
