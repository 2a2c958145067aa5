"""The pixel cache: every image decoded and resized once, in one memory-mapped file."""

import os
import shutil
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset
from huggingface_hub import constants
from PIL import Image

from ..errors import FairTuneError, first_line, listed
from ..progress import Progress
from .array_file import ArrayFile, sweep
from .decoding import alone_if_large, rgb_image
from .identity import EncodedImage, digest, encoded
from .processors import COLOUR_STEPS, pixel_shape, resize

COLOUR_KEYS = {*COLOUR_STEPS, "rescale_factor", "rescale_offset", "image_mean", "image_std"}
NAME, CHUNK = "pixels-", 256
# Bytes of pixels from which on their need of disk is said.
LARGE = 1e9


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
    file = ArrayFile(path, "|u1", (len(images), 3, height, width))
    if (reason := file.damage() if os.path.lexists(path) else "") is None:
        return path
    if reason:
        print(f"note: `{path}` is damaged ({reason}); the images are decoded again", file=sys.stderr)
    _build(file, images, processor)
    return path


def _build(file: ArrayFile, images: Dataset, processor: Any) -> None:
    folder = file.path.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
        sweep(folder, NAME)
        _check_space(folder, file.size, file.done)
        file.write(lambda first: _readable(images, processor, first))
    except OSError as error:
        raise FairTuneError(
            f"`{folder}` could not take the {file.size / 1e9:.2f} GB of decoded pixels ({first_line(error)}); "
            "free some space or name another folder by --data_cache."
        ) from error


def _check_space(folder: Path, size: int, done: int) -> None:
    """Check that a disk takes so many bytes, of which some are there, before hours of decoding; say it of many."""
    free = shutil.disk_usage(folder).free
    if size - done <= free and size >= LARGE:
        there = f", {done / 1e9:.1f} GB of them from an earlier start" if done else ""
        left = f"of {free / 1e9:.1f} GB that are free"
        print(f"note: the decoded pixels take {size / 1e9:.1f} GB in `{folder}`{there}, {left}", file=sys.stderr)
    if size - done > free:
        raise FairTuneError(
            f"`{folder}` has {free / 1e9:.2f} GB free, but the decoded pixels take {size / 1e9:.2f} GB; free some "
            "space, name another folder by --data_cache, or give a smaller --image_size."
        )


def _readable(images: Dataset, processor: Any, first: int) -> Iterator[np.ndarray]:
    """Yield the resized pixels of every image from one on, uint8 [1, 3, height, width].

    Raises:
        FairTuneError: some cannot be decoded; all are tried first, so that the message counts them.
    """
    unreadable: list[str] = []
    for pixels in _decoded(images, processor, first):
        if isinstance(pixels, str):
            unreadable.append(pixels)
        elif not unreadable:
            yield pixels.transpose(2, 0, 1)[None]
    if unreadable:
        raise FairTuneError(
            f"{len(unreadable)} of {len(images)} images cannot be decoded: {listed(unreadable, 5)}. Replace these "
            "files or drop their rows."
        )


def _decoded(images: Dataset, processor: Any, first: int) -> Iterator[np.ndarray | str]:
    """Yield the resized pixels of every image from one on, or its name and why it has none."""

    def pixels_of(numbered: tuple[int, EncodedImage]) -> np.ndarray | str:
        with alone_if_large(numbered[1]):
            image = decoded(*numbered)
            return image if isinstance(image, str) else resize(processor, image)

    with (
        ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool,
        Progress("Decoding images", len(images), "image", done=first) as bar,
    ):
        for start in range(first, len(images), CHUNK):
            for pixels in pool.map(pixels_of, enumerate(encoded(images, start, start + CHUNK), start)):
                bar.update()
                yield pixels


def decoded(row: int, encoded: EncodedImage) -> Image.Image | str:
    """Decode an image, or return its name and why it cannot be decoded."""
    try:
        return rgb_image(encoded)
    except Exception as error:  # decoders raise anything on broken files
        return f"{encoded.name(row)} ({first_line(error)})"
