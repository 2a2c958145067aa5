"""What a job writes holds no token; what it shares names no place on the machine and nobody who works there."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from transformers import TrainingArguments, ViTImageProcessor

from hf_fairtune import FairTrainer, outgoing
from hf_fairtune.cli.main import main
from hf_fairtune.datasets.lesions import write_lesions
from hf_fairtune.errors import FairTuneError
from hf_fairtune.methods.method import method_named
from tests.conftest import table, tiny_vit

TOKEN, USER = "hf_" + "Secret" * 6, "ann-of-the-clinic"


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of somebody's with data, model, and the output of `fairtune train` by an adapter, and of an audit."""
    home = tmp_path_factory.mktemp("disk") / USER
    data, base = write_lesions(home / "lesions", n=200, image_size=16), home / "tiny-vit"
    tiny_vit(num_labels=5).save_pretrained(base)
    ViTImageProcessor(size={"height": 16, "width": 16}).save_pretrained(base)
    rows = f"--dataset {data} --label label --positive malignant --group skin --data_cache {home / 'pixels'}"
    more = f"--model {base} --method lora --num_train_epochs 1 --use_cpu --hub_token {TOKEN} --hub_model_id team/x"
    assert main(["train", *f"{rows} {more} --cluster patient_id --output_dir {home / 'run'}".split()]) == 0
    few = f"{rows} --n_boot 50 --n_permutations 50 --output_dir {home / 'audit'}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_TOKEN", TOKEN)
        assert main(["audit", str(home / "run"), *few.split()]) == 0
    return home


def files(folder: Path) -> Iterator[tuple[Path, bytes]]:
    """Yield every file below a folder with its bytes."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path, path.read_bytes()


def test_no_file_holds_the_token(job: Path) -> None:
    found = dict(files(job))
    assert any(path.name == "training_args.bin" for path in found)
    assert not [path for path, content in found.items() if TOKEN.encode() in content]
    # The search sees into such a file: the folder of the run is there.
    assert any(USER.encode() in content for path, content in found.items() if path.name == "training_args.bin")


def test_what_is_shared_names_no_place_and_nobody(job: Path) -> None:
    shared = [*files(job / "run" / "share"), *files(job / "audit" / "share")]
    assert {path.suffix for path, _ in shared} >= {".png", ".md", ".json", ".html", ".safetensors", ".csv"}
    for word in (USER, str(job.parent), socket.gethostname() + "."):
        assert not [path for path, content in shared if word.encode() in content], word
    outgoing.check(job / "run")
    # Nor what lies beside it under the same names.
    for name in ("README.md", "config.json", "adapter/adapter_config.json", "fairtune.json"):
        assert USER.encode() not in (job / "run" / name).read_bytes(), name


def test_pictures_say_nothing(job: Path) -> None:
    """A PNG has no text beside its pixels."""
    pictures = list((job / "run" / "share" / "figures").glob("*.png"))
    assert pictures
    for path in pictures:
        with Image.open(path) as picture:
            picture.load()
            assert set(picture.info) <= {"dpi"}, path


def test_the_arguments_keep_their_token(tmp_path: Path) -> None:
    args = TrainingArguments(str(tmp_path), hub_token=TOKEN, use_cpu=True, max_steps=1, report_to="none")
    trainer = FairTrainer(tiny_vit(), args, method=method_named("full"), train_dataset=table(8), eval_dataset=table(8))
    trainer.save_model()
    assert trainer.args.hub_token == TOKEN
    assert (tmp_path / "training_args.bin").is_file()
    assert not [path for path, content in files(tmp_path) if TOKEN.encode() in content]


def test_a_local_base_is_not_pushed(tmp_path: Path) -> None:
    tiny_vit().save_pretrained(tmp_path)
    outgoing.saved(tmp_path)
    for place, refused in ((tmp_path, True), ("/nowhere/at/all", False), ("team/model", False)):
        (tmp_path / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": str(place)}))
        if refused:
            with pytest.raises(FairTuneError, match="names a place on this machine"):
                outgoing.saved(tmp_path)
        else:
            outgoing.saved(tmp_path)
