"""Models small enough to train in a blink, and where the real data and weights are, if they are."""

import gc
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

# A name that is no folder must fail at once, not after the Hub's timeouts.
os.environ["HF_HUB_OFFLINE"] = "1"

import numpy as np
import pytest
import torch
from accelerate.utils import memory
from datasets import Array3D, ClassLabel, Dataset, Features
from huggingface_hub import close_session, constants
from hypothesis import settings
from transformers import ViTConfig, ViTForImageClassification

from tests.hub_server import TOKEN, serve
from tests.hub_state import Hub

# A job in the background ignores Ctrl-C, and so do its children: tests that send it mean a command in the foreground.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Models this small are slower on two threads than on one.
torch.set_num_threads(1)

# `Trainer.train` collects all garbage twice, which takes longer than to train a model this small.
memory.gc = SimpleNamespace(collect=lambda: 0)

# An example may train a model: on a loaded machine that takes longer than hypothesis' 200 ms.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

# A PNG of one pixel, in base 64.
POINT = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="

SHARED = Path(__file__).parent.parent.parent / "shared"


def freeze_imports() -> None:
    """Exempt what the imports left from the collector."""
    gc.collect()
    gc.freeze()


def pytest_collection_finish() -> None:
    freeze_imports()


class KilledError(BaseException):
    """Stands for a kill: nothing handles it."""


def tiny_vit(n_blocks: int = 3, num_labels: int = 2, image_size: int = 16) -> ViTForImageClassification:
    """Build a seeded random ViT of hidden size 16."""
    torch.manual_seed(0)
    config = ViTConfig(
        hidden_size=16,
        num_hidden_layers=n_blocks,
        num_attention_heads=2,
        intermediate_size=32,
        image_size=image_size,
        patch_size=8,
        num_labels=num_labels,
    )
    model = ViTForImageClassification(config)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return model.eval()


@pytest.fixture
def vit() -> ViTForImageClassification:
    return tiny_vit()


@pytest.fixture
def pixels() -> torch.Tensor:
    return torch.randn(4, 3, 16, 16, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A Hub that this process talks to, logged in."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    close_session()
    with serve() as served:
        monkeypatch.setattr(constants, "ENDPOINT", served.url)
        yield served
    close_session()


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a point in place of each figure of an audit's page, where drawing takes most of the time."""
    monkeypatch.setattr("hf_fairtune.show.drawing.Picture.image", lambda _: (POINT, 1, 1))


def real(variable: str, default: str) -> Path:
    """Return the folder of real material, or skip the test with the reason."""
    folder = Path(os.environ.get(variable, SHARED / default))
    if not folder.is_dir():
        pytest.skip(f"no {folder}: set {variable} to run on real material")
    return folder


@pytest.fixture
def real_weights() -> Path:
    return real("FAIRTUNE_REAL_WEIGHTS", "weights")


@pytest.fixture
def real_data() -> Path:
    return real("FAIRTUNE_REAL_DATA", "data")


def table(n: int = 48, seed: int = 0, group_names: tuple[str, ...] = ("a", "b")) -> Dataset:
    """Build a split whose label shows as darkness, faintly in the last group."""
    draw = np.random.default_rng(seed)
    labels, groups = draw.integers(0, 2, n), draw.integers(0, len(group_names), n)
    shift = np.where(groups == len(group_names) - 1, 0.1, 0.6) * (1 - 2 * labels)
    pixels = draw.normal(shift[:, None, None, None], 1.0, (n, 3, 16, 16)).astype(np.float32)
    features = Features(
        {
            "pixel_values": Array3D((3, 16, 16), "float32"),
            "labels": ClassLabel(names=["benign", "malignant"]),
            "groups": ClassLabel(names=list(group_names)),
        }
    )
    columns = {"pixel_values": list(pixels), "labels": labels, "groups": groups}
    return Dataset.from_dict(columns, features=features).with_format("torch")
