"""Crops of originals are torchvision's, flips are the eight turns of a square, and none reaches an evaluation."""

import math
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from datasets import Dataset
from datasets import Image as ImageFeature
from PIL import Image
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

from hf_fairtune.data.augment import unseeded
from hf_fairtune.data.augmentations import Flips, OriginalCrop, random_box
from hf_fairtune.data.fair_dataset import load_fair_dataset
from hf_fairtune.errors import FairTuneError

from .conftest import asked

SIZES = [(40, 60), (61, 33), (8, 80), (90, 9)]


def torchvisions(height: int, width: int, scale: float) -> tuple[int, int, int, int]:
    """RandomResizedCrop.get_params of torchvision 0.2x, as it is written there."""
    area, log_ratio = height * width, torch.log(torch.tensor((3 / 4, 4 / 3)))
    for _ in range(10):
        target = area * torch.empty(1).uniform_(scale, 1.0).item()
        ratio = torch.exp(torch.empty(1).uniform_(log_ratio[0].item(), log_ratio[1].item())).item()
        w, h = int(round(math.sqrt(target * ratio))), int(round(math.sqrt(target / ratio)))
        if 0 < w <= width and 0 < h <= height:
            i = torch.randint(0, height - h + 1, size=(1,)).item()
            j = torch.randint(0, width - w + 1, size=(1,)).item()
            return int(i), int(j), h, w
    if width / height < 3 / 4:
        w, h = width, int(round(width / (3 / 4)))
    elif width / height > 4 / 3:
        w, h = int(round(height * (4 / 3))), height
    else:
        w, h = width, height
    return (height - h) // 2, (width - w) // 2, h, w


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_boxes_are_torchvisions_draw_by_draw(height: int, width: int) -> None:
    for seed in range(40):
        torch.manual_seed(seed)
        wanted = torchvisions(height, width, 0.08)
        after = torch.rand(1)
        torch.manual_seed(seed)
        assert random_box(height, width, 0.08, torch.default_generator) == wanted
        assert torch.equal(torch.rand(1), after)


def originals(folder: Path) -> Dataset:
    """Images of several sizes, larger than what a model sees."""
    draw, paths = np.random.default_rng(0), []
    for i, size in enumerate(SIZES[:2]):
        paths.append(str(folder / f"{i}.png"))
        Image.fromarray(draw.integers(0, 256, (*size, 3), dtype=np.uint8)).save(paths[-1])
    return Dataset.from_dict({"image": paths}).cast_column("image", ImageFeature(decode=False))


def test_a_crop_of_the_original_is_resized_with_antialiasing(tmp_path: Path) -> None:
    """Torch's own antialiased interpolation of the cut is the same within the rounding of 8 bits."""
    crop = OriginalCrop(0.5, 12, 10, originals(tmp_path))
    torch.manual_seed(3)
    found = crop([1, 0, 1], lambda rows: torch.zeros(0), unseeded(3))
    torch.manual_seed(3)
    assert found.shape == (3, 3, 12, 10)
    cuts = []
    for row in (1, 0, 1):
        pixels = torch.from_numpy(np.array(Image.open(tmp_path / f"{row}.png"))).permute(2, 0, 1)[None].float()
        top, left, height, width = torchvisions(*SIZES[row], 0.5)
        cut = pixels[..., top : top + height, left : left + width]
        cuts.append(torch.nn.functional.interpolate(cut, size=(12, 10), mode="bilinear", antialias=True)[0])
    mirrored = torch.rand(3) < 0.5
    for image, cut, flip in zip(found, cuts, mirrored, strict=True):
        torch.testing.assert_close(image, cut.flip(-1) if flip else cut, rtol=0, atol=1.01)
    assert not torch.equal(found[0], found[2])


def test_flips_are_the_eight_turns_of_a_square() -> None:
    image = torch.arange(9.0).reshape(1, 1, 3, 3)
    turns = [image[0].flip(f) for f in ((), (-1,), (-2,), (-1, -2))]
    wanted = {tuple((t.transpose(-1, -2) if d else t).flatten().tolist()) for t, d in product(turns, (False, True))}
    torch.manual_seed(0)
    found = Flips()(list(range(400)), lambda rows: image.expand(len(rows), 1, 3, 3), unseeded(400))
    seen = [tuple(one.flatten().tolist()) for one in found]
    assert set(seen) == wanted
    assert min(seen.count(turn) for turn in wanted) > 25


@pytest.mark.parametrize("kind", ["original_crop", "flips"])
def test_only_training_images_change(csv: Path, processor: ViTImageProcessorPil, kind: str) -> None:
    fair = load_fair_dataset(asked(csv, augment=kind, validation_fraction=0.3), processor)
    batches = [torch.stack([one["pixel_values"] for one in fair["train"].__getitems__([0, 1, 2])]) for _ in range(2)]
    assert not torch.equal(*batches)
    for part in (fair["test"], fair.plain("train")):
        assert torch.equal(part[0]["pixel_values"], part[0]["pixel_values"])
    if kind == "flips":
        plain = fair.plain("train")[0]["pixel_values"]
        torch.testing.assert_close(batches[0][0].sort().values.sum(), plain.sort().values.sum(), rtol=1e-4, atol=1e-2)


def test_what_cannot_be_is_refused(csv: Path) -> None:
    wide = ViTImageProcessorPil(size={"height": 16, "width": 24})
    with pytest.raises(FairTuneError, match="--augment flips transposes, but images are 16 x 24; make them square"):
        load_fair_dataset(asked(csv, augment="flips"), wide)
    with pytest.raises(FairTuneError, match="`augment` is 'magic'; choose crop, original_crop or flips"):
        load_fair_dataset(asked(csv, augment="magic"), wide)
