"""Every backbone through what needs no mask: an audit, a repair and a full training, as the table of the docs says."""

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torch.utils.data import Dataset
from transformers import TimmWrapperConfig
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

from hf_fairtune import FairTrainer, FairTuneError
from hf_fairtune.data.scored import PredictionArguments
from hf_fairtune.importance.fisher import fisher_importance
from hf_fairtune.importance.layer_taps import checked_taps
from hf_fairtune.masks.soft_mask import soft_mask
from hf_fairtune.methods.full import Full
from hf_fairtune.scoring import score_dataset
from tests.data.conftest import frame_of, write_table
from tests.importance.fisher_oracle import by_row, rows
from tests.importance.test_fisher import agree
from tests.trainer.test_fair import arguments

from .backbone_table import COLUMNS, committed
from .backbones import backbone, heads, images
from .recipes import RECIPES

ROWS = 8


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of eight images."""
    return write_table(tmp_path_factory.mktemp("pictures"), frame_of(ROWS), "clinic.csv")


def processor_of(model: Any, size: int) -> Any:
    if not isinstance(model.config, TimmWrapperConfig):
        return ViTImageProcessorPil(size={"height": size, "width": size})
    from transformers import TimmWrapperImageProcessor

    return TimmWrapperImageProcessor(model.config.pretrained_cfg)


def answer(check: Any, *given: Any) -> str:
    """Return what a check finds, "no" where one line refuses it."""
    try:
        return str(check(*given))
    except FairTuneError as error:
        return "no" if "\n" not in str(error) else str(error)


def test_the_table_is_of_every_backbone() -> None:
    assert list(committed()) == list(RECIPES)
    assert all(tuple(cells) == COLUMNS for cells in committed().values())


def audited(name: str, pictures: Path, cache: Path) -> str:
    """The scores are those of the processor's pixels, and the model stays as it was."""
    model = backbone(name).train()
    before = copy.deepcopy(model.state_dict())
    processor = processor_of(model, RECIPES[name].size)
    asked = PredictionArguments(dataset=str(pictures), label=["label"], group=["sex"], data_cache=str(cache))
    found = score_dataset(model, processor, asked, batch_size=3).table.scores[:, 0]
    assert all(module.training for module in model.modules())
    assert all(torch.equal(values, before[key]) for key, values in model.state_dict().items())
    given = [Image.open(pictures.parent / f"{i:03d}.png").convert("RGB") for i in range(ROWS)]
    pixels = torch.cat([processor(image, return_tensors="pt")["pixel_values"] for image in given])
    with torch.no_grad():
        wanted = model.eval()(pixels).logits.softmax(-1)[:, 1]
    np.testing.assert_allclose(found, wanted, atol=1e-5)
    assert np.ptp(found) > 0
    return "yes"


@pytest.mark.parametrize("name", RECIPES)
def test_audit(name: str, pictures: Path, tmp_path: Path) -> None:
    assert answer(audited, name, pictures, tmp_path) == committed()[name]["audit"]


def repaired(name: str) -> str:
    """The importances are the definition's; most are had by layer, the others by going through the images."""
    model, batch = backbone(name).double(), rows(4, size=RECIPES[name].size)
    found = fisher_importance(model, [batch], progress=False)
    prediction, bias = by_row(model, batch, "equalized_odds", found.contrast)
    agree(found.prediction, prediction)
    agree(found.bias, bias)
    inside = {key for key, values in soft_mask(found).items() if values.any()}
    assert inside - {f"{head}.{own}" for head in heads(name) for own in ("weight", "bias")}
    names = {key for key, _ in model.named_parameters()}
    slow = names - checked_taps(model.requires_grad_(False), batch["pixel_values"][:2]).covered()
    return f"yes, {len(slow)} of {len(names)} tensors image by image" if slow else "yes"


@pytest.mark.parametrize("name", RECIPES)
def test_repair(name: str) -> None:
    assert answer(repaired, name) == committed()[name]["repair"]


class Rows(Dataset[dict[str, Any]]):
    """Eight images of two groups."""

    def __init__(self, size: int) -> None:
        self.pixels = images(ROWS, size)

    def __len__(self) -> int:
        return ROWS

    def __getitem__(self, row: int) -> dict[str, Any]:
        return {"pixel_values": self.pixels[row], "labels": row % 2, "groups": row // 2 % 2}


def without_chance(model: nn.Module) -> nn.Module:
    for module in model.modules():
        for rate in ("p", "drop_prob", "attention_dropout", "dropout"):
            if isinstance(getattr(module, rate, None), float):
                setattr(module, rate, 0.0)
    return model


def trained(name: str, folder: Path) -> str:
    """One step of descent moves every weight that the forward reaches by its gradient, and no other."""
    model, rows = without_chance(backbone(name)), Rows(RECIPES[name].size)
    plain = copy.deepcopy(model).train()
    options: dict[str, Any] = {"optim": "sgd", "weight_decay": 0, "max_grad_norm": 0, "warmup_steps": 0}
    options |= {"learning_rate": 1.0, "max_steps": 1, "save_strategy": "no", "per_device_train_batch_size": ROWS}
    args = arguments(folder, **options)
    FairTrainer(model, args, method=Full(), train_dataset=rows, eval_dataset=rows).train()
    labels = torch.arange(ROWS) % 2
    torch.nn.functional.cross_entropy(plain(rows.pixels).logits, labels).backward()
    steps = {key: torch.zeros_like(p) if p.grad is None else p.grad for key, p in plain.named_parameters()}
    # Some gradients are rounding: those of shifts that a batch norm takes out again.
    floor, reached = 1e-5 * max(step.abs().max() for step in steps.values()), 0
    for key, step in steps.items():
        start = plain.get_parameter(key).detach()
        rounding = float(floor + 1e-2 * step.abs().max() + 1e-6 * start.abs().max())
        torch.testing.assert_close(model.get_parameter(key), start - step, rtol=0, atol=rounding, msg=key)
        reached += bool((step.abs() > 10 * rounding).any())
    assert reached > len(heads(name)) * 2
    return "yes"


@pytest.mark.parametrize("name", RECIPES)
def test_full_training(name: str, tmp_path: Path) -> None:
    assert answer(trained, name, tmp_path) == committed()[name]["full training"]
