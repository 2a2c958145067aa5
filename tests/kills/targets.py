"""The commands that are fired at, small enough to be run a thousand times, each with all that it writes."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import pytest
from huggingface_hub import close_session, constants
from transformers import ViTImageProcessor

from hf_fairtune.datasets.lesions import write_lesions
from tests.conftest import tiny_vit
from tests.hub_server import TOKEN, serve
from tests.hub_state import Hub
from tests.kills.firing import fire
from tests.kills.remains import contents

SHORT = ["--num_train_epochs", "2", "--per_device_train_batch_size", "16"]


@dataclass(frozen=True)
class Ground:
    """What all commands share: a table of images, and a model with its processor, in a folder of this process.

    Args:
        root: the folder; each command writes into `root/out`, as a path is part of what a run records.
        hub: on loopback.
    """

    root: Path
    hub: Hub = field(default_factory=Hub)

    @classmethod
    @contextmanager
    def prepare(cls, root: Path) -> Iterator[Ground]:
        """Write table and model, and serve a Hub to the processes that are started in the body."""
        lesions = write_lesions(root / "lesions", n=160, image_size=16)
        parts = {split: pd.read_csv(lesions / split / "metadata.csv") for split in ("train", "validation", "test")}
        for split, part in parts.items():
            part["file_name"] = f"{lesions / split}/" + part["file_name"]
        pd.concat(parts.values()).to_csv(root / "table.csv", index=False)
        tiny_vit(2).save_pretrained(root / "model")
        ViTImageProcessor(size={"height": 16, "width": 16}).save_pretrained(root / "model")
        with pytest.MonkeyPatch.context() as patch, serve() as hub:
            for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
                patch.delenv(name, raising=False)
            patch.setenv("HF_TOKEN", TOKEN)
            patch.setattr(constants, "HF_HUB_OFFLINE", False)
            patch.setattr(constants, "HF_HUB_DISABLE_XET", True)
            patch.setattr(constants, "ENDPOINT", hub.url)
            close_session()
            yield cls(root, hub)
        close_session()

    def clear(self) -> None:
        """Remove what a command left, on disk and on the Hub."""
        shutil.rmtree(self.out, ignore_errors=True)
        self.log.unlink(missing_ok=True)
        self.hub.repos.clear()

    def left(self) -> Mapping[str, str]:
        """Return a hash of each file that a finished command left on disk and on the Hub, by its name."""
        sent = {
            f"hub {name}": hashlib.sha256(content).hexdigest()
            for repo in self.hub.repos.values()
            for name, content in repo.at("main")[1].items()
        }
        return contents(self.out) | sent

    @property
    def out(self) -> Path:
        """Return the folder that is written."""
        return self.root / "out"

    @property
    def log(self) -> Path:
        """Return where the commands print."""
        return self.root / "log.txt"

    @property
    def data(self) -> list[str]:
        """Return the flags of the table."""
        table = ["--dataset", str(self.root / "table.csv"), "--image", "file_name", "--label", "label"]
        return [*table, "--positive", "malignant", "--group", "skin", "--cluster", "patient_id"]

    @property
    def model(self) -> list[str]:
        """Return the flags of the model that is trained."""
        return ["--model", str(self.root / "model")]

    def searched(self) -> Path:
        """Return the folder of a finished search, made once."""
        folder = self.root / "searched"
        if not folder.is_dir():
            assert fire([*search(self), "--output_dir", str(folder)], self.log).status == 0, self.log.read_text()
        return folder


def search(ground: Ground) -> list[str]:
    """Search a mask with three trials, train the winner, test it."""
    short = [*SHORT, "--seeds", "1", "--baselines", "none"]
    return ["search", *ground.data, *ground.model, *short, "--trials", "3"]


def search_with_baseline(ground: Ground) -> list[str]:
    """Search, and a baseline with as many trials."""
    short = [*SHORT, "--num_train_epochs", "1", "--seeds", "1", "--baselines", "linear"]
    return ["search", *ground.data, *ground.model, *short, "--trials", "2"]


def train(ground: Ground) -> list[str]:
    """Train one method."""
    return ["train", *ground.data, *ground.model, *SHORT, "--method", "groupdro"]


def debias(ground: Ground) -> list[str]:
    """Repair in two stages."""
    return ["debias", *ground.data, *ground.model, *SHORT, "--method", "swift", "--seeds", "1"]


def compare(ground: Ground) -> list[str]:
    """Compare two methods over three seeds."""
    short = ["--num_train_epochs", "1", "--seeds", "0", "1", "2", "--trials", "1"]
    return ["compare", *ground.data, "--models", str(ground.root / "model"), "--methods", "full", "swift", *short]


def audit(ground: Ground) -> list[str]:
    """Score a model and audit it."""
    return ["audit", str(ground.root / "model"), *ground.data, "--split", "all", "--n_boot", "100"]


def report(ground: Ground) -> list[str]:
    """Write card, page and figures of a finished run once more."""
    shutil.copytree(ground.searched(), ground.out)
    return ["report", str(ground.out)]


def push(ground: Ground) -> list[str]:
    """Push a finished run to the Hub."""
    return ["push", str(ground.searched()), "--repo", "tester/run"]


TARGETS: dict[str, Callable[[Ground], list[str]]] = {
    one.__name__: one for one in (search, search_with_baseline, train, debias, compare, audit, report, push)
}
