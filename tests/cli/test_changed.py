"""A run that is taken up again is refused where anything changed that its numbers depend on, and says what."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from hf_fairtune.cli import train
from hf_fairtune.cli.flags import parse
from hf_fairtune.cli.job import Job
from hf_fairtune.cli.main import main
from hf_fairtune.errors import FairTuneError
from hf_fairtune.files.folder import START, claim
from hf_fairtune.files.kept_json import read_json, write_json

FLAGS = {
    "dataset": "lesions.csv",
    "model": "google/vit-base-patch16-224",
    "positive": "benign",
    "label": "skin",
    "group": "age:60",
    "cluster": "image",
    "exclude": "dark",
    "include": "dark",
    "uncertain": "drop",
    "image": "file_name",
    "image_size": "32",
    "image_root": ".",
    "validation_fraction": "0.3",
    "test_fraction": "0.3",
    "augment": "flips",
    "smallest_crop": "0.5",
    "stored_views": "2",
    "seed": "7",
    "learning_rate": "0.5",
    "num_train_epochs": "3",
    "per_device_train_batch_size": "7",
    "gradient_accumulation_steps": "2",
    "class_weights": "balanced",
    "sampler": "group",
    "label_smoothing_factor": "0.1",
    "weight_decay": "0.3",
    "warmup_steps": "5",
    "lr_scheduler_type": "linear",
    "optim": "sgd",
    "bf16": "true",
    "max_grad_norm": "0.3",
    "average_last": "2",
    "schedule_per": "epoch",
    "decay_all": "true",
    "under_mask": "layernorm",
    "dataloader_num_workers": "2",
}
FREE = {
    "logging_steps": "3",
    "report_to": "none",
    "run_name": "x",
    "disable_tqdm": "true",
    "log_level": "error",
    "save_total_limit": "4",
    "per_device_eval_batch_size": "7",
    "hub_model_id": "me/x",
    "hub_private_repo": "true",
    "contact": "me",
    "data_cache": "elsewhere",
    "activation_gb": "0",
}


@pytest.fixture
def job(flags: list[str], tmp_path: Path) -> list[str]:
    """Flags of a run that was begun."""
    own = [*flags, "--method", "full", "--output_dir", str(tmp_path / "run")]
    claim(tmp_path / "run", Job(*parse(train, own), {}).fingerprint)
    return own


@pytest.mark.parametrize("name", FLAGS)
def test_a_flag_that_decides_is_named(job: list[str], name: str) -> None:
    with pytest.raises(FairTuneError, match=rf"run` holds another run \(other {name}\); choose another output_dir"):
        Job(*parse(train, [*job, f"--{name}", FLAGS[name]]), {}).finished()


@pytest.mark.parametrize("name", FREE)
def test_a_flag_that_decides_nothing_is_not(job: list[str], name: str) -> None:
    assert not Job(*parse(train, [*job, f"--{name}", FREE[name]]), {}).finished()


def test_a_hyper_parameter_is_named(flags: list[str], tmp_path: Path) -> None:
    own = [*flags, "--method", "sam", "--output_dir", str(tmp_path / "run")]
    claim(tmp_path / "run", Job(*parse(train, own), {}).fingerprint)
    with pytest.raises(FairTuneError, match=r"holds another run \(other rho\)"):
        Job(*parse(train, [*own, "--rho", "0.3"]), {}).finished()


def other_weights(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    name = next(name for name in tensors if name.endswith(("mlp.fc1.weight", "dense.weight")))
    tensors[name] = tensors[name] + torch.tensor(1e-6)
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})


def other_value(file: str, name: str, value: object) -> object:
    def change(folder: Path) -> None:
        known = json.loads((folder / file).read_text())
        (folder / file).write_text(json.dumps({**known, name: value}))

    return change


@pytest.mark.usefixtures("cardless")
def test_a_model_that_changed_is_said(
    flags: list[str], base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By its files, which keep their names: weights, configuration and image processor; the number of devices, too."""
    model, folder = tmp_path / "model", tmp_path / "run"
    at = flags.index("--model") + 1
    own = [*flags[:at], str(model), *flags[at + 1 :], "--method", "full", "--output_dir", str(folder)]
    shutil.copytree(base, model)
    Job(*parse(train, own), {"command": "train"}).trainer()
    for change, said in (
        (other_weights, "other model weights"),
        (other_value("config.json", "hidden_dropout_prob", 0.3), "other model configuration"),
        (other_value("preprocessor_config.json", "image_mean", [0.4] * 3), "other image processor"),
        (None, "2 devices in place of 1"),
    ):
        shutil.copytree(base, model, dirs_exist_ok=True)
        kept = (folder / START).read_text()
        if change is None:
            write_json(folder / START, {**read_json(folder / START), "devices": 2})
        else:
            change(model)  # type: ignore[operator]
        capsys.readouterr()
        assert main(["train", *own]) == 2
        *_, line = capsys.readouterr().err.splitlines()
        do = "give it what it was begun with, or choose another output_dir."
        assert line == f"fairtune: `{folder}` was begun with {said}; {do}"
        (folder / START).write_text(kept)
