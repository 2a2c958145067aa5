"""A mask under a method that trains everything: what moves is the mask's, bit for bit, and how is the method's."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset
from transformers import TrainerCallback

from hf_fairtune import catalog
from hf_fairtune.errors import FairTuneError
from hf_fairtune.methods.fairtune import FairTune
from hf_fairtune.methods.method import Method, method_named
from hf_fairtune.trainer.arguments import FairTrainingArguments
from hf_fairtune.trainer.fair import FairTrainer
from tests.conftest import KilledError, table, tiny_vit

# Those that do not train everything, in every stage, from the weights of the model.
UNFIT = {
    "bitfit", "bmft", "crossfitted", "dfr", "diffprune", "enforced", "fairprune", "fairtune", "fscl", "llft", "lora",
    "plain", "scratch", "self", "swift", "unchanged",
}  # fmt: skip
FIT = sorted({*catalog.names("methods")} - UNFIT)


@pytest.fixture(scope="module")
def rows() -> Dataset:
    return table(32)


def trainer(
    folder: Path,
    rows: Dataset,
    method: Method | str,
    mask: str | None = None,
    start: Callable[[], Any] = tiny_vit,
    **more: Any,
) -> FairTrainer:
    args = FairTrainingArguments(
        str(folder), num_train_epochs=2, per_device_train_batch_size=8, learning_rate=1e-2, warmup_steps=0,
        use_cpu=True, report_to=[], under_mask=mask, max_grad_norm=0.0, **more,
    )  # fmt: skip
    return FairTrainer(model_init=lambda: start(), args=args, train_dataset=rows, eval_dataset=rows, method=method)


def moved(model: Any) -> set[str]:
    before = dict(tiny_vit().named_parameters())
    plain = model.merge_and_unload() if hasattr(model, "merge_and_unload") else model
    return {name for name, values in plain.named_parameters() if not torch.equal(values, before[name])}


@pytest.fixture(scope="module")
def by_mask(rows: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The model of FairTune with the same mask."""
    found = trainer(tmp_path_factory.mktemp("fairtune"), rows, FairTune(mask="layernorm"))
    found.train()
    return found.model.merge_and_unload()


@pytest.mark.parametrize("name", FIT)
def test_exactly_the_units_of_the_mask_and_the_head_move(
    tmp_path: Path, rows: Dataset, by_mask: Any, name: str
) -> None:
    found = trainer(tmp_path, rows, name, "layernorm")
    found.train()
    assert moved(found.model) == moved(by_mask)
    assert any("layernorm" in parameter for parameter in moved(by_mask))
    training = found.training_log.training(found)
    assert training.mask is not None
    assert (training.mask.bits, training.mask.kept) == ([1, 0, 0] * training.mask.blocks, "tensors")
    moving = [values.numel() for parameter, values in found.model.named_parameters() if parameter in moved(by_mask)]
    assert training.trainable_parameters == sum(moving)
    assert training.method.name == name


def test_full_fine_tuning_under_a_mask_is_fairtunes(tmp_path: Path, rows: Dataset, by_mask: Any) -> None:
    found = trainer(tmp_path, rows, "full", "layernorm")
    found.train()
    for name, values in found.model.named_parameters():
        assert torch.equal(values, by_mask.get_parameter(name)), name


@pytest.mark.parametrize("name", ["cfair", "domainind", "end", "odr", "resampling", "taskarithmetic"])
def test_a_mask_is_as_if_the_rest_had_no_gradient(tmp_path: Path, rows: Dataset, by_mask: Any, name: str) -> None:
    """Bit for bit: without decay, AdamW leaves what has a gradient of 0."""
    free, data = moved(by_mask), rows.select(range(27))

    def held() -> Any:
        model = tiny_vit()
        for parameter, values in model.named_parameters():
            if parameter not in free:
                values.register_hook(torch.zeros_like)
        return model

    masked = trainer(tmp_path / "masked", data, name, "layernorm", weight_decay=0.0)
    oracle = trainer(tmp_path / "oracle", data, name, start=held, weight_decay=0.0)
    plain = trainer(tmp_path / "plain", data, "full", "layernorm", weight_decay=0.0)
    for one in (masked, oracle, plain):
        one.train()
    same, other = masked.model.state_dict(), plain.model.state_dict()
    assert all(torch.equal(values, same[key]) for key, values in oracle.model.state_dict().items())
    assert not torch.equal(same["classifier.weight"], other["classifier.weight"])
    assert same.keys() == other.keys()


def test_the_method_still_decides_how(tmp_path: Path, rows: Dataset) -> None:
    """Of one group GroupDRO is plain fine-tuning, bit for bit, under a mask too; of two it is not."""
    lone = table(32, group_names=("a",))
    for data, alike in ((lone, True), (rows, False)):
        heads = []
        for method in ("full", method_named("groupdro", eta=1.0)):
            found = trainer(tmp_path / f"{alike}-{method}"[:40], data, method, "attention")
            found.train()
            heads.append(found.model.classifier.weight)
        assert torch.equal(*heads) == alike


@pytest.mark.parametrize("name", sorted(UNFIT))
def test_a_method_that_decides_what_moves_is_refused(tmp_path: Path, rows: Dataset, name: str) -> None:
    trains = re.escape(method_named(name).trains)
    with pytest.raises(FairTuneError, match=f"the method '{name}' trains is no matter of a mask: {trains};"):
        trainer(tmp_path, rows, name, "layernorm")


def test_a_mask_that_does_not_fit_is_refused(tmp_path: Path, rows: Dataset) -> None:
    with pytest.raises(FairTuneError, match="units; pass one bit a unit"):
        trainer(tmp_path, rows, "full", "0101")
    with pytest.raises(FairTuneError, match="no_such"):
        trainer(tmp_path, rows, "full", "no_such")


class Killed(TrainerCallback):
    """Dies after the checkpoint of the first epoch."""

    def on_save(self, *_: object, **__: object) -> None:
        raise KilledError


def test_a_killed_training_under_a_mask_goes_on_and_another_mask_starts_afresh(tmp_path: Path, rows: Dataset) -> None:
    whole = trainer(tmp_path / "whole", rows, "groupdro", "attention")
    whole.train()
    killed = trainer(tmp_path / "killed", rows, "groupdro", "attention")
    killed.add_callback(Killed())
    with pytest.raises(KilledError):
        killed.train()
    other = trainer(tmp_path / "killed", rows, "groupdro", "attention")
    other.train(resume_from_checkpoint=True)
    for one, same in zip(whole.model.parameters(), other.model.parameters(), strict=True):
        assert torch.equal(one, same)
    third = trainer(tmp_path / "killed", rows, "groupdro", "layernorm")
    third.train(resume_from_checkpoint=True)
    assert not any("attention" in name for name in moved(third.model))
