"""What leaves the building, what never does, and that the Hub gives the same model back."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hf_fairtune.record import Record
from peft import LNTuningConfig, get_peft_model
from PIL import Image
from transformers import ViTImageProcessorPil

from hf_fairtune.errors import FairTuneError
from hf_fairtune.hub import check, publishable, push

from .conftest import tiny_vit
from .hub_server import TOKEN, serve

# PEFT says so of every LayerNorm it wraps.
pytestmark = pytest.mark.filterwarnings("ignore:Unsupported layer type:UserWarning")

CARD = "---\nlicense: apache-2.0\nlibrary_name: transformers\ntags:\n- fairness\n---\n# Lesions\n"
DECOYS = ("search.db", "search.db-wal", "splits.json", "run.json", "training_args.bin", "patients.csv", "job.log")
DECOYS += ("checkpoint-1/model.safetensors", "run-0/config.json", "figures/patients.csv", "figures/eye.jpg")
DECOYS += ("adapter/optimizer.bin", "model-notes.txt", ".env", "predictions.parquet", "cache/pixels.npy")
DECOYS += ("private/maps.png", "private/maps.csv")
SENT = ["README.md", "adapter/adapter_config.json", "adapter/adapter_model.safetensors", "config.json"]
SENT += ["fairtune.json", "figures/gap.png", "figures/masks.svg", "model.safetensors", "preprocessor_config.json"]


def cell(group: str, label: str, n: int) -> dict[str, Any]:
    return {"group": group, "label": label, "n": n}


def a_record(**changes: Any) -> Record:
    cells = [cell(group, label, 40) for group in ("dark", "light") for label in ("benign", "malignant")]
    data: dict[str, Any] = {"name": "made up", "label": "labels", "positive_label": "malignant"}
    data |= {"negative_label": "benign", "groups": ["skin"], "group_names": ["dark", "light"], "cluster": "patient"}
    data |= {"hash": "0", "split_source": "made"}
    data["splits"] = {"test": {"n": 160, "hash": "0", "clusters": 80, "cells": cells}}
    model = {"name": "tiny", "model_type": "vit", "image_size": 16, "parameters": 1, "trainable_parameters": 1}
    fields: dict[str, Any] = {
        "job": "train",
        "seed": 0,
        "model": model | {"blocks": 1},
        "data": data,
        "method": "full",
    }
    return Record(**(fields | {"git": None} | changes))


@pytest.fixture
def base(tmp_path: Path) -> Path:
    tiny_vit(1).save_pretrained(tmp_path / "base")
    return tmp_path / "base"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A hand-over folder among everything else a run leaves."""
    root = tmp_path / "fairtune-out"
    targets = ["q_proj", "fc1", "layernorm_before", "classifier"]
    model = get_peft_model(tiny_vit(1), LNTuningConfig(target_modules=targets))
    for parameter in model.parameters():
        parameter.data += 0.1 * parameter.requires_grad
    model.save_pretrained(root / "adapter")
    (root / "adapter" / "README.md").unlink()
    model.merge_and_unload().save_pretrained(root)
    ViTImageProcessorPil(size={"height": 16, "width": 16}).save_pretrained(root)
    (root / "README.md").write_text(CARD)
    a_record(arguments={"output_dir": "/home/ann/secret-study/out", "hub_token": "<HUB_TOKEN>"}).save(root)
    for name in DECOYS:
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text("patient 17")
    Image.new("RGB", (2, 2)).save(root / "figures" / "gap.png")
    (root / "figures" / "masks.svg").write_text("<svg/>")
    (root / "figures" / "linked.png").symlink_to(root / "patients.csv")
    return root


def client(url: str, home: Path, *command: str, token: str = TOKEN) -> subprocess.CompletedProcess[str]:
    """Run Python with `url` as its Hub, away from the user's own settings and proxies."""
    env = {key: value for key, value in os.environ.items() if "proxy" not in key.lower() and not key.startswith("HF_")}
    env |= {"HF_ENDPOINT": url, "HF_HUB_DISABLE_XET": "1", "HF_TOKEN": token, "HF_HOME": str(home)}
    env |= {"HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    root = Path(__file__).parent.parent
    return subprocess.run(
        [sys.executable, *command], env=env, cwd=root, capture_output=True, text=True, timeout=300, check=False
    )


def push_elsewhere(url: str, folder: Path, options: str = "", token: str = TOKEN) -> str:
    """Push from a process of its own; return the one line it was refused with."""
    code = "from hf_fairtune.hub import push, FairTuneError\n"
    code += f"try:\n    push({str(folder)!r}, 'tester/lesions', {options})\nexcept FairTuneError as e:\n    print(e)"
    done = client(url, folder.parent / "home", "-c", code, token=token)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 1
    return done.stdout


def test_stock_calls_load_what_was_pushed(folder: Path, base: Path) -> None:
    with serve() as hub:
        done = client(hub.url, folder.parent / "home", "-m", "tests.hub_client", str(folder), str(base))
        assert done.returncode == 0, done.stderr + "\n".join(hub.log)
    answers = json.loads(done.stdout.splitlines()[-1])
    assert answers["model"]
    assert answers["adapter"]
    assert answers["data"]
    assert answers["card"]["license"] == "apache-2.0"
    repo = hub.repo("models", "tester/lesions")
    assert repo.private
    assert {"main", "v1"} < set(repo.refs)
    for files in [*(repo.at(ref)[1] for ref in repo.refs if repo.at(ref)[1])]:
        assert sorted(files) == SENT
        assert not [name for name, content in files.items() if b"patient 17" in content or b"secret-study" in content]
    assert "/commit/" in answers["url"]
    assert "/discussions/" in answers["request"]


def test_dry_run_lists_and_touches_no_network(folder: Path, base: Path) -> None:
    with serve() as hub:
        code = f"from hf_fairtune.hub import push\nprint(push({str(folder)!r}, 'tester/lesions', dry_run=True))"
        done = client(hub.url, folder.parent / "home", "-c", code)
    assert done.returncode == 0, done.stderr
    assert hub.log == []
    assert [line.split()[1] for line in done.stdout.splitlines()[1:]] == SENT
    assert "9 files would go to private tester/lesions" in done.stdout


def test_sizes_are_those_of_what_is_sent(folder: Path) -> None:
    sizes = dict(push(folder, "tester/lesions", dry_run=True).files)
    assert sizes["model.safetensors"] == (folder / "model.safetensors").stat().st_size
    assert sizes["fairtune.json"] < (folder / "fairtune.json").stat().st_size


def test_refusals_of_the_hub_are_one_line(folder: Path) -> None:
    with serve() as hub:
        assert "hf auth login" in push_elsewhere(hub.url, folder, token="hf_wrong")
        assert hub.repos == {}
        for metadata, reason in (("license: none-such", "must be one of"), ("license: [", "while parsing")):
            (folder / "README.md").write_text(f"---\n{metadata}\n---\n# Lesions\n")
            said = push_elsewhere(hub.url, folder)
            assert "`README.md` has metadata" in said
            assert reason in said
        assert hub.repos == {}
    (folder / "README.md").write_text(CARD)
    assert "cannot be reached" in push_elsewhere(hub.url, folder)


def test_public_repository_is_not_taken_for_private(folder: Path) -> None:
    with serve() as hub:
        hub.create(b'{"name": "lesions", "organization": "tester"}', {})
        assert "exists and is public" in push_elsewhere(hub.url, folder)
        assert hub.repo("models", "tester/lesions").at("main")[1] == {}


@pytest.mark.parametrize("name", ["a/b/c", "", "tester/les ions", "-x"])
def test_malformed_name_is_refused_before_anything(folder: Path, name: str) -> None:
    with pytest.raises(FairTuneError, match="is not a repository name"):
        push(folder, name, dry_run=True)


def test_only_a_handover_folder_is_published(folder: Path) -> None:
    assert [path.as_posix() for path in publishable(folder)] == SENT
    (folder / "model.safetensors").unlink()
    (folder / "config.json").unlink()
    with pytest.raises(FairTuneError, match=r"lacks `config.json`, `model.safetensors`; pass the folder"):
        publishable(folder)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"arguments": {"hub_token": "abc"}}, "holds the secret `hub_token`"),
        ({"arguments": {"note": "hf_" + "a" * 30}}, "holds a Hub token"),
        ({"arguments": {"patient_ids": ["17", "18"]}}, "lists `patient_ids`"),
        ({"search": {"clusters": {"17": 3}}}, "lists `clusters`"),
    ],
)
def test_leaks_of_the_record_are_refused(folder: Path, changes: dict[str, Any], said: str) -> None:
    a_record(**changes).save(folder)
    with pytest.raises(FairTuneError, match=said):
        check(folder)


@pytest.mark.parametrize("place", ["/home/ann/data", "/Users/ann/data", "C:\\\\Users\\\\ann", str(Path.home() / "x")])
def test_home_directories_are_refused(folder: Path, place: str) -> None:
    (folder / "adapter" / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": place}))
    with pytest.raises(FairTuneError, match="names a home directory"):
        check(folder)


def test_addresses_are_not_taken_for_home_directories(folder: Path) -> None:
    (folder / "README.md").write_text(CARD + "see https://example.org/home/page and docs/users/guide\n")
    check(folder)


def test_card_that_shows_a_merged_group_is_refused(folder: Path) -> None:
    record = a_record()
    record.data["splits"]["test"]["cells"][1]["n"] = 4
    record.data["splits"]["test"]["cells"].append(cell("medium", "malignant", 90))
    record.save(folder)
    check(folder)
    (folder / "README.md").write_text(CARD + "| group | n |\n|---|---|\n| dark | 4 |\n")
    with pytest.raises(FairTuneError, match="shows small counts"):
        check(folder)


def test_split_that_is_small_in_all_is_refused(folder: Path) -> None:
    record = a_record()
    for item in record.data["splits"]["test"]["cells"]:
        item["n"] = 3
    record.save(folder)
    with pytest.raises(FairTuneError, match="too few to publish"):
        push(folder, "tester/lesions", dry_run=True)
