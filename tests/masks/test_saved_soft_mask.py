"""A soft mask written and read: the same values, by folder or from the Hub, and the same training."""

from pathlib import Path

import pytest
import torch
from transformers import Trainer, TrainingArguments

from hf_fairtune import FairTuneError, SoftMask, SoftMaskCallback, soft_mask
from tests.conftest import table, tiny_vit
from tests.hub_process import client
from tests.hub_server import serve
from tests.masks.importances import drawn

CLIENT = """
import sys
from huggingface_hub import HfApi
from hf_fairtune.masks.saved_soft_mask import FairTuneError, SoftMask
HfApi().create_repo("tester/mask", private=True)
HfApi().upload_folder(repo_id="tester/mask", folder_path=sys.argv[1])
print(SoftMask.from_pretrained("tester/mask", revision="main")["w"].tolist())
try:
    SoftMask.from_pretrained("tester/nothing")
except FairTuneError as error:
    print(error)
"""


def test_a_mask_comes_back_bit_for_bit_and_trains_alike(tmp_path: Path) -> None:
    mask = soft_mask(drawn(tiny_vit()), "percentile")
    mask.save_pretrained(tmp_path / "mask")
    again = SoftMask.from_pretrained(tmp_path / "mask")
    assert {name: values.tolist() for name, values in again.items()} == {n: v.tolist() for n, v in mask.items()}
    assert again.made == {"normalization": "percentile"}
    rows, weights = table(16).remove_columns("groups"), []
    for place, one in enumerate((mask, again)):
        folder = str(tmp_path / str(place))
        args = TrainingArguments(folder, use_cpu=True, max_steps=2, save_strategy="no", report_to=[])
        run = Trainer(tiny_vit(), args, train_dataset=rows, callbacks=[SoftMaskCallback(one)])
        run.train()
        weights.append([*run.model.parameters()])
    assert all(torch.equal(one, other) for one, other in zip(*weights, strict=True))
    assert any(not torch.equal(one, start) for one, start in zip(weights[0], tiny_vit().parameters(), strict=True))


def test_a_mask_of_ones_own_is_saved_too(tmp_path: Path) -> None:
    SoftMask({"w": torch.tensor([0.0, 0.5])}).save_pretrained(tmp_path)
    assert SoftMask.from_pretrained(str(tmp_path))["w"].tolist() == [0.0, 0.5]


def test_a_mask_of_the_hub(tmp_path: Path) -> None:
    SoftMask({"w": torch.tensor([0.0, 0.5])}).save_pretrained(tmp_path / "mask")
    with serve() as hub:
        done = client(hub.url, tmp_path / "home", "-c", CLIENT, str(tmp_path / "mask"))
    assert done.returncode == 0, done.stderr
    there, missing = done.stdout.splitlines()
    assert there == "[0.0, 0.5]"
    assert missing.startswith("`tester/nothing` holds no soft mask (")


@pytest.mark.parametrize("broken", ["missing", "short", "fewer"])
def test_a_folder_without_a_whole_mask_is_one_line(tmp_path: Path, broken: str) -> None:
    SoftMask({"w": torch.ones(100)}).save_pretrained(tmp_path)
    weights = tmp_path / "soft_mask.safetensors"
    if broken == "missing":
        weights.unlink()
    elif broken == "short":
        weights.write_bytes(weights.read_bytes()[:50])
    else:
        (tmp_path / "soft_mask_config.json").write_text('{"parameters": 2}')
    with pytest.raises(FairTuneError, match=r"holds no soft mask \(.*\); give a folder that") as refused:
        SoftMask.from_pretrained(tmp_path)
    assert "\n" not in str(refused.value)
