"""Small tables of images in a folder of their own, and caches that no other test sees."""

from pathlib import Path

import datasets
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

from hf_fairtune.data.arguments import DataArguments
from hf_fairtune.data.fair_dataset import FairDataset

datasets.disable_progress_bars()


@pytest.fixture(autouse=True)
def caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep every cache under tmp_path and every look-up offline."""
    cache = tmp_path / "cache"
    monkeypatch.setenv("HF_HOME", str(cache / "hf"))
    monkeypatch.setenv("FAIRTUNE_CACHE", str(cache / "pixels"))
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", cache / "datasets")
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    return cache


@pytest.fixture
def processor() -> ViTImageProcessorPil:
    return ViTImageProcessorPil(size={"height": 16, "width": 16})


def frame_of(n: int) -> pd.DataFrame:
    """List n rows: every group has both labels, a patient has two rows."""
    i = np.arange(n)
    return pd.DataFrame(
        {
            "file_name": [f"{k:03d}.png" for k in i],
            "label": i % 2,
            "diagnosis": np.array(["nevus", "melanoma"])[i % 2],
            "sex": np.array(["F", "M"])[i // 2 % 2],
            "age": 30 + 7 * (i // 4 % 9),
            "patient": [f"p{k // 2}" for k in i],
        }
    )


def write_images(folder: Path, names: list[str], seed: int = 0) -> None:
    draw = np.random.default_rng(seed)
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        height, width = draw.integers(12, 40, 2)
        Image.fromarray(draw.integers(0, 256, (height, width, 3), dtype=np.uint8)).save(folder / name)


def write_table(folder: Path, frame: pd.DataFrame, name: str = "metadata.csv") -> Path:
    """Write the images of a frame and the frame itself; return the file."""
    write_images(folder, list(frame["file_name"]))
    frame.to_csv(folder / name, index=False)
    return folder / name


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    return write_table(tmp_path / "clinic", frame_of(48), "clinic.csv")


def asked(dataset: Path, **more: object) -> DataArguments:
    """Build arguments with the label and a group."""
    return DataArguments(**({"dataset": str(dataset), "label": "label", "group": ["sex"]} | more))  # type: ignore[arg-type]


def counts_of(fair: FairDataset, split: str) -> dict[tuple[str, str], int]:
    """Return the rows of every (group, label) of a split, by the facts about the data."""
    negative, positive = fair.label_names
    counts = {}
    for level in fair.facts().splits[split].attributes[-1].levels:
        assert isinstance(level.n, int)
        (positives,) = level.positives.values()
        assert isinstance(positives, int)
        counts |= {(level.group, negative): level.n - positives, (level.group, positive): positives}
    return counts
