"""`fairtune push` of a real run: what arrives at the Hub loads with stock calls and equals the folder."""

import json
from pathlib import Path

import pytest

from hf_fairtune.cli.main import main
from tests.hub_server import serve
from tests.hub_state import Hub
from tests.test_hub import client

LOAD = """
import sys; sys.modules["hf_fairtune"] = None
import torch
from huggingface_hub import ModelCard
from transformers import AutoImageProcessor, AutoModelForImageClassification
folder = sys.argv[1]
pixels = torch.randn(2, 3, 16, 16)
there, here = (AutoModelForImageClassification.from_pretrained(n).eval() for n in ("tester/run", folder))
with torch.no_grad():
    assert torch.equal(there(pixels).logits, here(pixels).logits)
assert AutoImageProcessor.from_pretrained("tester/run").size["height"] == 16
assert ModelCard.load("tester/run").data.eval_results[0].metric_type == "roc_auc"
"""


def test_a_finished_search_goes_to_the_hub_and_comes_back(finished: Path, tmp_path: Path) -> None:
    with serve() as hub:
        done = client(hub.url, tmp_path, "-m", "hf_fairtune.cli.main", "push", str(finished), "--repo", "tester/run")
        assert done.returncode == 0, done.stderr + "\n".join(hub.log)
        assert "went to private tester/run" in done.stdout
        loaded = client(hub.url, tmp_path, "-W", "ignore", "-c", LOAD, str(finished))
        assert loaded.returncode == 0, loaded.stderr
    repo = hub.repo("models", "tester/run")
    assert repo.private
    files = repo.at("main")[1]
    home = ("baselines", "seeds", "checkpoint", "search", "splits", "run.json")
    assert not [name for name in files if name.startswith(home)]
    record = json.loads(files["fairtune.json"])
    assert "/" not in record["run"]["base"]["name"]
    assert str(finished.parent).encode() not in b"".join(files.values())


def test_a_training_pushes_where_its_flags_say(
    hub: Hub, flags: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hf_fairtune.handover.write_card", lambda _, folder: (folder / "README.md").write_text("card"))
    goal = ["--push_to_hub", "--hub_model_id", "tester/run", "--hub_revision", "trial"]
    quick = ["--method", "full", "--num_train_epochs", "1", "--output_dir", str(tmp_path / "run")]
    assert main(["train", *flags, *quick, *goal]) == 0
    repo = hub.repo("models", "tester/run")
    assert repo.private
    assert repo.messages == ["Add Full fine-tuning model, adapter and document"]
    assert "model.safetensors" in repo.at("trial")[1]
    assert repo.at("main")[1] == {}
