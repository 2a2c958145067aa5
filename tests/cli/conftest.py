"""One finished search and one repair on generated lesions, for every test that looks at what a run leaves."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest
from transformers import ViTImageProcessor

from hf_fairtune.cli.main import main
from hf_fairtune.datasets.lesions import write_lesions
from hf_fairtune.show.files import write_card
from hf_fairtune.trainer.timing import Cost
from tests.conftest import tiny_vit

CARD = "hf_fairtune.handover.write_card"


@contextmanager
def hourly() -> Iterator[pytest.MonkeyPatch]:
    """Say that every training costs an hour, without the seconds that it takes to time a few steps."""
    with pytest.MonkeyPatch.context() as patch:
        for command in ("search", "debias", "train"):
            patch.setattr(f"hf_fairtune.cli.{command}.cost", lambda *_, **__: Cost(0, 3600, 0, 0))
        yield patch


@contextmanager
def for_all() -> Iterator[None]:
    """Run what many modules read: with card and figures, whatever the module that asks first leaves out."""
    with hourly() as patch:
        patch.setattr(CARD, write_card)
        yield


@pytest.fixture(scope="module", autouse=True)
def unpriced() -> Iterator[None]:
    """No run is timed for its price; a module on prices has a fixture of this name that does nothing."""
    with hourly():
        yield


@contextmanager
def without_card() -> Iterator[None]:
    """Leave out card and figures, which take most of the time of a short run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CARD, lambda *_: None)
        yield


def run_without_card(command: str, flags: list[str], folder: Path) -> Path:
    """Run a command, and return its output folder."""
    with without_card():
        assert main([command, *flags, "--output_dir", str(folder)]) == 0
    return folder


@pytest.fixture
def cardless() -> Iterator[None]:
    """Leave them out of the runs of a test."""
    with without_card():
        yield


@pytest.fixture(scope="session")
def lesions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """300 generated images of 16 pixels."""
    return write_lesions(tmp_path_factory.mktemp("data") / "lesions", n=300, image_size=16)


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random classifier with its processor, as a Hub folder; its images are larger than ours."""
    folder = tmp_path_factory.mktemp("base") / "tiny-vit"
    tiny_vit(num_labels=5, image_size=32).save_pretrained(folder)
    ViTImageProcessor(size={"height": 32, "width": 32}).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def flags(lesions: Path, base: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Flags that say data and model."""
    cache = tmp_path_factory.mktemp("pixels")
    return (
        f"--dataset {lesions} --label label --positive malignant --group skin --cluster patient_id --model {base} "
        f"--image_size 16 --data_cache {cache} --use_cpu --seed 3 --per_device_train_batch_size 32"
    ).split()


@pytest.fixture(scope="session")
def searching(flags: list[str]) -> list[str]:
    """Flags of a short search, but for its folder."""
    return [
        *flags,
        "--num_train_epochs",
        "2",
        "--trials",
        "7",
        "--baselines",
        "full",
        "linear",
        "--baseline_trials",
        "2",
    ]


@pytest.fixture(scope="session")
def finished(searching: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output folder of `fairtune search`."""
    folder = tmp_path_factory.mktemp("runs") / "finished"
    with for_all():
        assert main(["search", *searching, "--output_dir", str(folder)]) == 0
    return folder


@pytest.fixture(scope="session")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """100 generated images of patients of another clinic."""
    folder = write_lesions(tmp_path_factory.mktemp("data") / "elsewhere", n=100, image_size=16, seed=1)
    for path in folder.glob("*/metadata.csv"):
        table = pd.read_csv(path)
        table.assign(patient_id="Q" + table["patient_id"]).to_csv(path, index=False)
    return folder


@pytest.fixture(scope="session")
def biased(flags: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that is better on light skin: the output folder of `fairtune train` by a recipe, but for its epochs."""
    folder = tmp_path_factory.mktemp("runs") / "biased"
    own = folder.parent / "biased.yaml"
    own.write_text("method: full\nnum_train_epochs: 5\nlearning_rate: 3e-3\n")
    more = ["--recipe", str(own), "--num_train_epochs", "3", "--output_dir", str(folder)]
    with for_all():
        assert main(["train", *flags, *more]) == 0
    return folder


@pytest.fixture(scope="session")
def repairing(flags: list[str], biased: Path) -> list[str]:
    """Flags of a short repair, but for its folder."""
    at = flags.index("--model") + 1
    more = ["--num_train_epochs", "2", "--per_device_train_batch_size", "8", "--seeds", "1"]
    return [*flags[:at], str(biased), *flags[at + 1 :], *more]


@pytest.fixture(scope="session")
def repairing_both(repairing: list[str], elsewhere: Path) -> list[str]:
    """Flags of one that is tested on two sets and ends with scores that can be calibrated."""
    return [*repairing, "--head_learning_rate", "0.02", "--seeds", "3", "--test", f"other={elsewhere}"]


@pytest.fixture(scope="session")
def repaired(repairing_both: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output folder of `fairtune debias`."""
    folder = tmp_path_factory.mktemp("runs") / "repaired"
    with for_all():
        assert main(["debias", *repairing_both, "--output_dir", str(folder)]) == 0
    return folder


@pytest.fixture
def repair(repairing: list[str], tmp_path: Path, cardless: None) -> Callable[..., Path]:
    """Run `fairtune debias` with more flags, without card and figures."""

    def run(*more: str, group: str = "skin") -> Path:
        folder = tmp_path / f"repair-{len(list(tmp_path.iterdir()))}"
        flags = [group if flag == "skin" else flag for flag in repairing]
        assert main(["debias", *flags, *more, "--output_dir", str(folder)]) == 0
        return folder

    return run
