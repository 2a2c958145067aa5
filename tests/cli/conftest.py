"""One finished search on generated lesions, for every test that looks at what a run leaves."""

from pathlib import Path

import pytest
from transformers import ViTImageProcessor

from hf_fairtune.cli.main import main
from hf_fairtune.data.synthetic import write_lesions
from tests.conftest import tiny_vit


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
    return [*flags, "--num_train_epochs", "2", "--trials", "7"]


@pytest.fixture(scope="session")
def finished(searching: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output folder of `fairtune search`."""
    folder = tmp_path_factory.mktemp("runs") / "finished"
    assert main(["search", *searching, "--output_dir", str(folder)]) == 0
    return folder
