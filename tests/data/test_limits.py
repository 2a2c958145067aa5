"""Bombs, endless files, other formats and addresses are refused in one line, before they take memory or a network."""

import io
import json
import os
import time
import tracemalloc
import zlib
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from datasets import Dataset, Features, Value
from datasets import Image as ImageFeature
from PIL import Image
from transformers import ViTConfig
from transformers.models.convnext.image_processing_pil_convnext import ConvNextImageProcessorPil
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

from hf_fairtune.data import decoding
from hf_fairtune.data.addresses import check_card, check_hub_paths
from hf_fairtune.data.decoding import KINDS, alone_if_large, rgb_image
from hf_fairtune.data.identity import EncodedImage, identify
from hf_fairtune.data.limits import BYTES, PIXELS, SIDE, check_sides
from hf_fairtune.data.processors import resized_processor
from hf_fairtune.data.source import load_source
from hf_fairtune.errors import FairTuneError
from hf_fairtune.loading import load_processor

EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\n(/tmp/x) run showpage\n%%EOF\n"


def chunk(kind: bytes, content: bytes) -> bytes:
    return len(content).to_bytes(4, "big") + kind + content + zlib.crc32(kind + content).to_bytes(4, "big")


def bomb(side: int) -> bytes:
    """Write the head of a grey PNG of so many pixels a side, whose rows nobody is to reach."""
    head = side.to_bytes(4, "big") * 2 + bytes([8, 0, 0, 0, 0])
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )


def column(*paths: object) -> Dataset:
    return Dataset.from_dict({"image": [str(p) for p in paths]}, features=Features(image=ImageFeature(decode=False)))


def test_a_bomb_is_refused_by_its_head() -> None:
    tracemalloc.start()
    start = time.monotonic()
    with pytest.raises(ValueError, match="144,000,000 pixels, above FAIRTUNE_MAX_PIXELS=100000000"):
        rgb_image(EncodedImage(None, bomb(12_000)))
    assert tracemalloc.get_traced_memory()[1] < 5e6
    assert time.monotonic() - start < 1
    tracemalloc.stop()


def test_the_limits_can_be_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pillow's own, which is the process's, neither warns nor changes."""
    place, before = tmp_path / "a.png", 100
    Image.new("RGB", (20, 30), "red").save(place)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", before)
    monkeypatch.setenv(PIXELS, "600")
    assert rgb_image(EncodedImage(str(place), None)).size == (20, 30)
    assert before == Image.MAX_IMAGE_PIXELS
    monkeypatch.setenv(PIXELS, "599")
    with pytest.raises(ValueError, match="600 pixels, above FAIRTUNE_MAX_PIXELS=599"):
        rgb_image(EncodedImage(str(place), None))
    monkeypatch.setenv(BYTES, "10")
    with pytest.raises(ValueError, match="11 bytes, above FAIRTUNE_MAX_BYTES=10"):
        EncodedImage(str(place), None).read()
    with pytest.raises(FairTuneError, match=r"a.png` has \d+ bytes, above FAIRTUNE_MAX_BYTES=10; set that higher"):
        identify(column(place), tmp_path)
    monkeypatch.setenv(BYTES, "many")
    with pytest.raises(FairTuneError, match="FAIRTUNE_MAX_BYTES is `many`; set it to a whole number"):
        identify(column(place), tmp_path)


def test_what_is_no_file_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "endless.png")
    (tmp_path / "link.png").symlink_to("/dev/zero")
    (tmp_path / "folder.png").mkdir()
    for name in ("endless.png", "link.png", "folder.png"):
        with pytest.raises(FairTuneError, match=f"{name}` is no file; correct the path"):
            identify(column(tmp_path / name), tmp_path)


@pytest.mark.parametrize("content", [EPS, b"%PDF-1.4\n", b"P7\nWIDTH 1\n", b"\xc5\xd0\xd3\xc6" + EPS, b"", b"<svg/>"])
def test_other_formats_are_not_opened(content: bytes) -> None:
    with pytest.raises(ValueError, match="no image that is read: BMP, GIF, JPEG"):
        rgb_image(EncodedImage(None, content))


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_read(kind: str) -> None:
    file, image = io.BytesIO(), Image.fromarray(np.arange(192, dtype=np.uint8).reshape(8, 8, 3))
    image.save(file, kind)
    found = rgb_image(EncodedImage(None, file.getvalue()))
    assert (found.size, found.mode) == ((8, 8), "RGB")


def test_large_images_are_decoded_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.BytesIO()
    Image.new("L", (9, 9)).save(file, "PNG")
    small = EncodedImage(None, file.getvalue())
    for most, held in ((81, False), (80, True)):
        monkeypatch.setattr(decoding, "LARGE", most)
        with alone_if_large(small):
            assert decoding._LARGE_ONE.locked() is held
    with alone_if_large(EncodedImage("nowhere.png", None)), alone_if_large(EncodedImage(None, b"x")):
        assert not decoding._LARGE_ONE.locked()


@pytest.mark.parametrize(
    "processor",
    [
        ViTImageProcessorPil(size={"height": 100_000, "width": 100_000}),
        ViTImageProcessorPil(size={"height": 224, "width": 224}, crop_size={"height": 224, "width": SIDE + 1}),
        ConvNextImageProcessorPil(size={"shortest_edge": 224}, crop_pct=1e-4),
        SimpleNamespace(size=[100_000, 100_000]),
        SimpleNamespace(size=100_000),
    ],
)
def test_a_processor_of_huge_images_is_refused(processor: object) -> None:
    with pytest.raises(FairTuneError, match=r"makes images of [\d,]+ pixels a side, but 4,096 are the most"):
        check_sides(processor)


def test_a_usual_processor_passes(tmp_path: Path) -> None:
    check_sides(ConvNextImageProcessorPil(size={"shortest_edge": 224}))
    check_sides(SimpleNamespace())
    ViTImageProcessorPil(size={"height": 100_000, "width": 100_000}).save_pretrained(tmp_path)
    ViTConfig().save_pretrained(tmp_path)
    with pytest.raises(FairTuneError, match="100,000 pixels a side"):
        load_processor(str(tmp_path))
    with pytest.raises(FairTuneError, match="--image_size 100000 is not a number of pixels up to 4096"):
        resized_processor(ViTImageProcessorPil(), 100_000)


@pytest.mark.parametrize(
    "place",
    [
        "http://example.org/a.png",
        " s3://bucket/a.png",
        "hf://datasets/a/b/c.png",
        "zip://a.png::b.zip",
        "file:///a.png",
    ],
)
def test_nothing_is_fetched_for_a_table(tmp_path: Path, place: str) -> None:
    frame = pd.DataFrame({"image": [place, "a.png"], "label": [0, 1]})
    Image.new("L", (4, 4)).save(tmp_path / "a.png")
    frame.to_csv(tmp_path / "t.csv", index=False)
    source = load_source(str(tmp_path / "t.csv"))
    with pytest.raises(FairTuneError, match="is an address, and nothing is fetched for a table; download the images"):
        identify(source.images, source.root)


def test_nothing_is_fetched_for_a_folder(tmp_path: Path) -> None:
    """`datasets` follows the card of a folder, and fetches the files that it names."""
    Image.new("L", (4, 4)).save(tmp_path / "a.png")
    (tmp_path / "metadata.csv").write_text("file_name,label\na.png,1\n")
    files = {"split": "train", "path": "https://example.org/x.csv"}
    front = json.dumps({"configs": [{"config_name": "default", "data_files": [files]}]})
    (tmp_path / "README.md").write_text(f"---\n{front}\n---\n# Images\n")
    with pytest.raises(
        FairTuneError, match=r"README.md` names the data `https://example.org/x.csv`, and nothing is f"
    ):
        load_source(str(tmp_path))
    for text in (
        "---\nlicense: https://example.org\n---\n",
        "# https://example.org\n",
        "---\nconfigs: &a [*a]\n---\n",
        "---\n[\n---\n",
    ):
        (tmp_path / "README.md").write_text(text)
        check_card(tmp_path)


def test_paths_of_the_hub_stay_in_the_folder_that_is_named(tmp_path: Path) -> None:
    features = Features(path=Value("string"), image=ImageFeature(decode=False))

    def part(path: str) -> Dataset:
        return Dataset.from_dict({"path": [path], "image": [None]}, features=features)

    with pytest.raises(FairTuneError, match="`path` holds paths; name their folder by --image_root"):
        check_hub_paths("a/b", "path", part("x.png"), None)
    for path in ("/etc/passwd", "../x.png", "a/../../x.png"):
        with pytest.raises(FairTuneError, match="leaves --image_root; drop its row"):
            check_hub_paths("a/b", "path", part(path), tmp_path)
    check_hub_paths("a/b", "path", part("a/x.png"), tmp_path)
    check_hub_paths("a/b", "image", part("x"), None)
