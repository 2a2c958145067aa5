"""Handing over: a kill or a full disk in the middle leaves what was there; nothing half remains."""

import copy
import errno
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from transformers import AutoModelForImageClassification, ViTImageProcessor

from hf_fairtune import handover
from hf_fairtune.combinations.mean import MeanModel
from hf_fairtune.document.document import Document
from hf_fairtune.document.run import Base, MethodFacts, Run, Step, Training
from hf_fairtune.errors import FairTuneError
from hf_fairtune.files import manifest
from hf_fairtune.loading import load_classifier
from hf_fairtune.masks.config import masked
from hf_fairtune.masks.mask import Mask
from hf_fairtune.methods.facts import Facts
from hf_fairtune.methods.fairtune import FairTune
from hf_fairtune.outgoing import publishable
from hf_fairtune.publish import publish
from tests.conftest import KilledError, tiny_vit
from tests.document_samples import document
from tests.families.backbones import backbone


@pytest.fixture
def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of an earlier hand-over, whose card is one line."""
    monkeypatch.setattr(handover, "write_card", lambda made, folder: (folder / "README.md").write_text("card"))
    handover.write(tmp_path / "out", tiny_vit(), None, run(1))
    return tmp_path / "out"


def run(seed: int) -> Document:
    made = document({("F",): (6, 30), ("M",): (40, 50)})
    return replace(made, job="train", run=Run(seed, Base("tiny", "vit", 16, 5)))


def files(folder: Path) -> dict[Path, bytes]:
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("step", ["write_card", "publish"])
@pytest.mark.parametrize("error", [KilledError(), OSError(errno.ENOSPC, "No space left on device")])
def test_the_old_folder_survives(old: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, step: str) -> None:
    before = files(old)

    def stop(*_: object) -> None:
        raise error

    monkeypatch.setattr(handover, step, stop)
    model = masked(tiny_vit(), Mask((1,) * 9))
    with pytest.raises((KilledError, FairTuneError), match="free some space|^$"):
        handover.write(old, model, None, run(2))
    assert files(old) == before


def test_the_exact_document_is_the_last_file(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[Path] = []
    move = os.replace
    monkeypatch.setattr(os, "replace", lambda a, b: (order.append(Path(b)), move(a, b))[1])
    handover.write(old, masked(tiny_vit(), Mask((1,) * 9)), None, run(3))
    assert order[-1] == old / "fairtune.json"
    found = Document.load(old)
    assert found.run is not None
    assert (found.run.seed, found.shared) == (3, None)
    assert (old / "adapter" / "adapter_model.safetensors").is_file()
    assert not (old / "adapter" / "README.md").exists()


def test_share_is_what_a_push_sends(old: Path) -> None:
    made = run(4)
    handover.write(old, masked(tiny_vit(), Mask((1,) * 9)), None, made)
    share = old / "share"
    assert set(files(share)) == {name for name in files(old) if name.parts[0] != "share"} - {Path(manifest.FILE_NAME)}
    for name in files(share):
        same = os.path.samefile(share / name, old / name)
        assert same == (name.name != "fairtune.json"), name
    assert Document.load(share).to_json() == publish(made).to_json()
    assert not [p.name for p in old.iterdir() if p.name.startswith(".handover")]


def test_share_keeps_nothing_of_an_earlier_hand_over(old: Path) -> None:
    handover.write(old, masked(tiny_vit(), Mask((1,) * 9)), None, run(5))
    assert (old / "share" / "adapter").exists()
    handover.write(old, tiny_vit(), None, run(6))
    assert Path("adapter/adapter_model.safetensors") not in files(old / "share")


def test_a_file_system_without_hard_links_gets_copies(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    handover.write(old, tiny_vit(), None, run(7))
    assert files(old / "share")[Path("model.safetensors")] == files(old)[Path("model.safetensors")]


def test_an_ensemble_is_handed_over_as_stock_models_and_a_recipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    members = [{"classifier.bias": torch.tensor(bias)} for bias in ([1.0, 0.0], [0.0, 2.0])]
    model, processor = MeanModel(tiny_vit(), members), ViTImageProcessor(size={"height": 16, "width": 16})
    monkeypatch.setattr(handover, "write_card", lambda made, folder: (folder / "README.md").write_text("card"))
    handover.write(tmp_path / "out", model, processor, run(1))
    image = Image.fromarray(np.random.default_rng(0).integers(0, 255, (16, 16, 3), dtype=np.uint8))
    image.save(tmp_path / "image.png")
    inputs = processor(image, return_tensors="pt")
    with torch.no_grad():
        wanted = model(**inputs).logits.softmax(-1)[0, 1].item()
        each = [
            AutoModelForImageClassification.from_pretrained(tmp_path / "out" / "members" / str(i))(**inputs).logits
            for i in (0, 1)
        ]
    assert np.mean([logits.softmax(-1)[0, 1].item() for logits in each]) == pytest.approx(wanted, abs=1e-6)
    script = (tmp_path / "out" / "average.py").read_text().replace("FOLDER", str(tmp_path / "out"))
    exec(script.replace("image.jpg", str(tmp_path / "image.png")), {})
    assert capsys.readouterr().out == f"probability of LABEL_1: {wanted:.2f}\n"
    assert {f"members/{i}/model.safetensors" for i in (0, 1)} <= {p.as_posix() for p in publishable(tmp_path / "out")}
    with pytest.raises(FairTuneError, match="holds several models whose probabilities are averaged"):
        load_classifier(str(tmp_path / "out"))


def test_a_mask_that_peft_cannot_copy_leaves_its_tensors(tmp_path: Path) -> None:
    """They are in what is shared, and give the trained model by stock means, on any head; the card says how."""
    method = FairTune(mask="attention")
    start = backbone("swin")
    model = method.prepare(copy.deepcopy(start), Facts.of(start, {}))
    with torch.no_grad():
        model.swin.encoder.layers[0].blocks[0].attention.q_proj.weight.add_(1)
    made = run(1)
    steps = [Step("fairtune", 1.0, 1e-3, 1.0, 3)]
    facts = MethodFacts(method.name, method.title, method.citation, method.hyperparameters())
    own = replace(made.models[0], training=Training(facts, 5, steps, mask=method.record().mask))
    made = replace(made, models=[own, *made.models[1:]])
    handover.write(tmp_path / "out", model, None, made)
    assert Path("adapter/delta.safetensors") in publishable_of(tmp_path / "out")
    tensors = load_file(tmp_path / "out" / "adapter" / "delta.safetensors")
    start.classifier.reset_parameters()
    assert not start.load_state_dict(tensors, strict=False).unexpected_keys
    assert all(torch.equal(start.state_dict()[name], values) for name, values in model.state_dict().items())
    assert "adapter/delta.safetensors" in (tmp_path / "out" / "README.md").read_text(encoding="utf-8")


def publishable_of(folder: Path) -> set[Path]:
    """List what is shared of a run whose model has no image processor."""
    (folder / "share" / "preprocessor_config.json").write_text("{}")
    manifest.write(folder, ["share/preprocessor_config.json"])
    return {*publishable(folder)}
