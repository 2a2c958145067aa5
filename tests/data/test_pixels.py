"""The pixel cache: equal to the processor, built once, whole or not at all, and honest about broken images."""

import errno
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from datasets import Dataset, Features
from datasets import Image as ImageFeature
from filelock import FileLock
from PIL import Image
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

from hf_fairtune.data import array_file, pixels
from hf_fairtune.data.decoding import rgb_image
from hf_fairtune.data.identity import EncodedImage, identify
from hf_fairtune.data.pixels import cache_folder, cached_pixels
from hf_fairtune.errors import FairTuneError
from tests.spoiling import SPOILINGS, deleted

from .conftest import write_images

NAMES = [f"{i}.png" for i in range(6)]


def column(folder: Path, names: list[str]) -> Dataset:
    paths = {"image": [str(folder / name) for name in names]}
    return Dataset.from_dict(paths, features=Features(image=ImageFeature(decode=False)))


def build(folder: Path, names: list[str], processor: ViTImageProcessorPil, cache: Path) -> Path:
    images = column(folder, names)
    return cached_pixels(images, identify(images, folder).images, processor, cache)


def mode_image(mode: str) -> Image.Image:
    draw = np.random.default_rng(0)
    image = Image.fromarray(draw.integers(0, 256, (20, 28, 3), dtype=np.uint8))
    return image.convert(mode)


def test_the_cache_is_what_the_processor_sees(tmp_path: Path, processor: ViTImageProcessorPil) -> None:
    write_images(tmp_path, NAMES)
    found = np.load(build(tmp_path, NAMES, processor, tmp_path / "c"), mmap_mode="r")
    assert (found.dtype, found.shape) == (np.uint8, (6, 3, 16, 16))
    for row, name in zip(found, NAMES, strict=True):
        with Image.open(tmp_path / name) as image:
            plain = np.asarray(image.resize((16, 16), Image.Resampling.BILINEAR))
            assert (row == plain.transpose(2, 0, 1)).all()


@pytest.mark.parametrize(
    ("mode", "suffix"), [("L", "png"), ("1", "png"), ("P", "png"), ("RGBA", "png"), ("LA", "png"), ("CMYK", "jpg")]
)
def test_every_mode_is_seen_as_datasets_sees_it(tmp_path: Path, mode: str, suffix: str) -> None:
    path = tmp_path / f"image.{suffix}"
    mode_image(mode).save(path)
    stock = ImageFeature().decode_example({"path": str(path), "bytes": None})
    ours = rgb_image(EncodedImage(str(path), None))
    assert (np.asarray(ours) == np.asarray(stock.convert("RGB"))).all()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_turns_the_image(tmp_path: Path, orientation: int) -> None:
    path, exif = tmp_path / "image.jpg", Image.Exif()
    exif[0x0112] = orientation
    mode_image("RGB").save(path, exif=exif)
    stock = ImageFeature().decode_example({"path": str(path), "bytes": None})
    ours = rgb_image(EncodedImage(None, path.read_bytes()))
    assert ours.size == ((20, 28) if orientation > 4 else (28, 20))
    assert (np.asarray(ours) == np.asarray(stock)).all()


def test_it_is_built_once_and_again_when_an_image_or_the_size_changes(
    tmp_path: Path, processor: ViTImageProcessorPil, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_images(tmp_path, NAMES)
    first = build(tmp_path, NAMES, processor, tmp_path / "c")
    monkeypatch.setattr(pixels, "_build", lambda file, *_: file.path.write_text("built"))
    assert build(tmp_path, NAMES, processor, tmp_path / "c") == first
    other_colours = ViTImageProcessorPil(size={"height": 16, "width": 16}, image_mean=[0.1, 0.1, 0.1])
    assert build(tmp_path, NAMES, other_colours, tmp_path / "c") == first
    sharper = ViTImageProcessorPil(size={"height": 16, "width": 16}, resample=3)
    larger = ViTImageProcessorPil(size={"height": 24, "width": 24})
    changed = {build(tmp_path, NAMES, processor, tmp_path / "c") for processor in (sharper, larger)}
    path = tmp_path / NAMES[0]
    status, content = path.stat(), path.read_bytes()
    os.utime(path, (1, 1))
    assert build(tmp_path, NAMES, processor, tmp_path / "c") == first
    path.write_bytes(content[:-1] + b"!")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    changed.add(build(tmp_path, NAMES, processor, tmp_path / "c"))
    assert len(changed | {first}) == 4


def test_all_broken_images_are_named_together(tmp_path: Path, processor: ViTImageProcessorPil) -> None:
    names = [f"{i}.png" for i in range(9)]
    write_images(tmp_path, names)
    for name in names[:5]:
        (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:-60])
    (tmp_path / "5.png").write_bytes(b"no image")
    Image.fromarray(np.full((4, 4), 4000, np.uint16)).save(tmp_path / "6.png")
    with pytest.raises(FairTuneError, match=r"7 of 9 images cannot be decoded: 0.png .* and 2 more\.") as refusal:
        build(tmp_path, names, processor, tmp_path / "c")
    assert "\n" not in str(refusal.value)
    assert [path.suffix for path in (tmp_path / "c").iterdir()] == [".lock"]


def test_sixteen_bits_are_refused_not_clipped(tmp_path: Path, processor: ViTImageProcessorPil) -> None:
    Image.fromarray(np.full((4, 4), 4000, np.uint16)).save(tmp_path / "scan.png")
    with pytest.raises(FairTuneError, match="scan.png .pixels of mode I;16, not 8 bits: choose a window"):
        build(tmp_path, ["scan.png"], processor, tmp_path / "c")


def test_missing_files_are_named_together(tmp_path: Path) -> None:
    write_images(tmp_path, NAMES[:2])
    with pytest.raises(FairTuneError, match="4 of 6 image files do not exist .*2.png.*--image_root"):
        identify(column(tmp_path, NAMES), tmp_path)


def test_an_empty_cell_is_refused() -> None:
    nothing = Dataset.from_dict({"image": [None]}, features=Features(image=ImageFeature(decode=False)))
    with pytest.raises(FairTuneError, match="An image of the table is empty"):
        identify(nothing, None)


def test_a_full_disk_is_one_line_and_leaves_no_pixels(
    tmp_path: Path, processor: ViTImageProcessorPil, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    write_images(tmp_path, NAMES)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(FairTuneError, match=r"could not take the 0.00 GB of decoded pixels \(No space left"):
        build(tmp_path, NAMES, processor, tmp_path / "c")
    assert [path.suffix for path in (tmp_path / "c").iterdir()] == [".lock"]


def test_a_disk_that_is_too_small_is_said_before_decoding(
    tmp_path: Path,
    processor: ViTImageProcessorPil,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    write_images(tmp_path, NAMES)
    needed = len(NAMES) * 16 * 16 * 3
    free = SimpleNamespace(free=needed - 1)
    monkeypatch.setattr(pixels, "LARGE", needed)
    monkeypatch.setattr(pixels.shutil, "disk_usage", lambda _: free)
    with monkeypatch.context() as patch:
        patch.setattr(pixels, "rgb_image", None)
        with pytest.raises(FairTuneError, match="c` has 0.00 GB free, but the decoded pixels take 0.00 GB; free some"):
            build(tmp_path, NAMES, processor, tmp_path / "c")
    assert list((tmp_path / "c").iterdir()) == []
    free.free = needed
    assert build(tmp_path, NAMES, processor, tmp_path / "c").is_file()
    assert "note: the decoded pixels take 0.0 GB in `" in capfd.readouterr().err


def test_leftovers_of_killed_builds_go_after_a_day(tmp_path: Path, processor: ViTImageProcessorPil) -> None:
    write_images(tmp_path, NAMES)
    (tmp_path / "c").mkdir()
    left = {
        name: [tmp_path / "c" / f".pixels-{name}.npy.{what}" for what in ("lock", "part", "sums")]
        for name in ("old", "recent", "at_work")
    }
    for name, files in left.items():
        for file in files:
            file.write_bytes(b"half")
            os.utime(file, (1, 1) if name != "recent" else None)
    with FileLock(left["at_work"][0]):
        path = build(tmp_path, NAMES, processor, tmp_path / "c")
    assert set((tmp_path / "c").iterdir()) == {path, *left["recent"], *left["at_work"]}


@pytest.mark.parametrize(("spoilt_row", "decoded"), [(None, 2), (3, 4), (0, 6)])
def test_a_killed_build_goes_on_where_it_was(
    tmp_path: Path,
    processor: ViTImageProcessorPil,
    monkeypatch: pytest.MonkeyPatch,
    spoilt_row: int | None,
    decoded: int,
) -> None:
    """Behind the last block, here of two rows, that is as it was written."""
    write_images(tmp_path, NAMES)
    monkeypatch.setattr(array_file, "BLOCK", 2 * 16 * 16 * 3)
    whole, plain, seen = build(tmp_path, NAMES, processor, tmp_path / "whole"), pixels.resize, []

    def dying(processor: Any, image: Any) -> Any:
        seen.append(image)
        if len(seen) > 4:
            raise KeyboardInterrupt
        return plain(processor, image)

    monkeypatch.setattr(pixels, "CHUNK", 2)
    with monkeypatch.context() as patch:
        patch.setattr(pixels, "resize", dying)
        with pytest.raises(KeyboardInterrupt):
            build(tmp_path, NAMES, processor, tmp_path / "c")
    assert not list((tmp_path / "c").glob("[!.]*"))
    (part,) = (tmp_path / "c").glob(".*.part")
    if spoilt_row is not None:
        content = bytearray(part.read_bytes())
        content[128 + spoilt_row * 16 * 16 * 3] ^= 1
        part.write_bytes(content)
    seen.clear()
    monkeypatch.setattr(pixels, "resize", lambda processor, image: seen.append(image) or plain(processor, image))
    again = build(tmp_path, NAMES, processor, tmp_path / "c")
    assert len(seen) == decoded
    assert again.read_bytes() == whole.read_bytes()
    assert list((tmp_path / "c").iterdir()) == [again]


@pytest.mark.parametrize("spoil", SPOILINGS)
def test_a_damaged_cache_is_built_again(
    tmp_path: Path, processor: ViTImageProcessorPil, spoil: Callable[[Path], None], capfd: pytest.CaptureFixture[str]
) -> None:
    write_images(tmp_path, NAMES)
    path = build(tmp_path, NAMES, processor, tmp_path / "c")
    written = path.read_bytes()
    spoil(path)
    capfd.readouterr()
    if path.is_dir():
        with pytest.raises(FairTuneError, match="is a folder; remove it"):
            build(tmp_path, NAMES, processor, tmp_path / "c")
        return
    assert build(tmp_path, NAMES, processor, tmp_path / "c") == path
    said = capfd.readouterr().err.splitlines()
    assert spoil is deleted or "is damaged (" in "".join(said)
    assert len(said) == (spoil is not deleted)
    assert path.read_bytes() == written


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path, processor: ViTImageProcessorPil) -> None:
    write_images(tmp_path, NAMES)
    with pytest.raises(FairTuneError, match="name another folder by --data_cache"):
        build(tmp_path, NAMES, processor, tmp_path / "0.png" / "c")


def test_two_processes_may_build_at_once(tmp_path: Path, processor: ViTImageProcessorPil) -> None:
    write_images(tmp_path, NAMES)
    with ProcessPoolExecutor(2, mp_context=get_context("fork")) as pool:
        jobs = [pool.submit(build, tmp_path, NAMES, processor, tmp_path / "c") for _ in range(2)]
        (path,) = {job.result() for job in jobs}
    assert list((tmp_path / "c").iterdir()) == [path]
    assert np.load(path).shape == (6, 3, 16, 16)


def test_the_folder_is_the_flag_then_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIRTUNE_CACHE", "/somewhere")
    assert cache_folder("/here") == Path("/here")
    assert cache_folder(None) == Path("/somewhere")
    monkeypatch.delenv("FAIRTUNE_CACHE")
    monkeypatch.setattr("huggingface_hub.constants.HF_ASSETS_CACHE", "/hf/assets")
    assert cache_folder(None) == Path("/hf/assets/hf_fairtune")
