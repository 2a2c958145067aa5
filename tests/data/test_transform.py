"""What a model is given: equal to the image processor on evaluation, the same from workers, nothing else in it."""

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from datasets import Image as ImageFeature
from torch.utils.data import DataLoader
from transformers import default_data_collator
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

from hf_fairtune.data.collate import collate
from hf_fairtune.data.fair_dataset import FairDataset, load_fair_dataset

from .conftest import asked


@pytest.fixture
def fair(csv: Path, processor: ViTImageProcessorPil) -> FairDataset:
    return load_fair_dataset(asked(csv), processor)


@pytest.mark.parametrize(
    "stock",
    [
        ViTImageProcessorPil(size={"height": 24, "width": 24}, resample=3, image_mean=[0.48, 0.45, 0.4]),
        CLIPImageProcessorPil(size={"shortest_edge": 20}, crop_size={"height": 16, "width": 16}),
    ],
    ids=["resize", "crop"],
)
def test_evaluation_is_the_image_processor(csv: Path, stock: ViTImageProcessorPil) -> None:
    fair = load_fair_dataset(asked(csv), stock)
    for split in ("validation", "test"):
        rows = fair.columns(split)["row"]
        for row, example in zip(rows, fair[split], strict=True):
            path = str(csv.parent / f"{row:03d}.png")
            image = ImageFeature().decode_example({"path": path, "bytes": None})
            expected = stock(image, return_tensors="pt")["pixel_values"][0]
            torch.testing.assert_close(example["pixel_values"], expected, rtol=0, atol=1e-5)


def test_only_train_is_augmented(fair: FairDataset) -> None:
    assert torch.equal(fair["test"][0]["pixel_values"], fair["test"][0]["pixel_values"])
    assert not torch.equal(fair["train"][0]["pixel_values"], fair["train"][0]["pixel_values"])
    plain = fair.plain("train")
    assert torch.equal(plain[0]["pixel_values"], plain[0]["pixel_values"])


def test_a_whole_batch_is_collated_without_a_copy(fair: FairDataset) -> None:
    """Rows of one batch, all and in order, are that batch; any others are stacked as in stock."""
    rows = fair.plain("train").__getitems__([0, 3, 5, 1])
    found = collate(rows)
    assert found["pixel_values"] is rows[0]["pixel_values"]._base
    for some in (rows, rows[:3], rows[1:], [rows[1], rows[0], *rows[2:]], [*rows, *rows], [fair["train"][0]]):
        wanted, found = default_data_collator(some), collate(some)
        assert found.keys() == wanted.keys()
        assert all(torch.equal(found[name], value) for name, value in wanted.items())


def test_a_batch_has_three_tensors(fair: FairDataset) -> None:
    batch = default_data_collator(fair["train"].__getitems__([0, 3, 5]))
    shapes = {name: (value.dtype, tuple(value.shape)) for name, value in batch.items()}
    assert shapes == {
        "pixel_values": (torch.float32, (3, 3, 16, 16)),
        "labels": (torch.int64, (3,)),
        "groups": (torch.int64, (3,)),
    }


def test_workers_give_the_same_batches(fair: FairDataset) -> None:
    def batches(workers: int) -> list[dict[str, torch.Tensor]]:
        return list(DataLoader(fair["test"], 3, collate_fn=default_data_collator, num_workers=workers))

    alone, together = batches(0), batches(2)
    assert len(alone) == len(together) > 1
    for one, two in zip(alone, together, strict=True):
        assert all(torch.equal(one[name], two[name]) for name in one)


def test_it_travels_by_pickle_without_the_open_map(fair: FairDataset) -> None:
    transform = fair["test"].format["format_kwargs"]["transform"]
    before = transform({"row": [0], "labels": [0], "groups": [0]})
    sent = pickle.dumps(transform)
    assert len(sent) < 2000
    after = pickle.loads(sent)({"row": [0], "labels": [0], "groups": [0]})
    assert torch.equal(before["pixel_values"], after["pixel_values"])


def test_selecting_and_shuffling_keep_the_pixels(fair: FairDataset) -> None:
    part = fair["test"].shuffle(seed=0).select(range(3))
    rows = part.with_format(None)["row"][:]
    position = {row: i for i, row in enumerate(fair.columns("test")["row"])}
    for row, example in zip(rows, part, strict=True):
        assert torch.equal(example["pixel_values"], fair["test"][position[row]]["pixel_values"])


def test_the_seed_governs_the_augmentation(fair: FairDataset) -> None:
    torch.manual_seed(3)
    first = fair["train"].__getitems__([0, 1])[1]["pixel_values"]
    torch.manual_seed(3)
    assert np.array_equal(first, fair["train"].__getitems__([0, 1])[1]["pixel_values"])
