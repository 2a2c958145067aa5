"""One step and many under a soft mask in a stock Trainer: how far every weight moves, bit for bit where it can be."""

import logging
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from accelerate import Accelerator
from hypothesis import given
from hypothesis import strategies as st
from torch import distributed
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.tensor import Replicate, distribute_tensor
from transformers import TrainerControl, TrainerState, TrainingArguments

from hf_fairtune.errors import FairTuneError
from hf_fairtune.masks import soft_mask_callback
from hf_fairtune.masks.soft_mask_callback import SoftMaskCallback, plain_name
from tests.masks.training import OPTIMIZERS, Plain, constant, start, trained, trainer_of, uniform

Weights = dict[str, torch.Tensor]


def same(one: Weights, other: Weights) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


def masked(folder: Path, mask: Weights, mask_on: str = "update", **options: object) -> Weights:
    return trained(Plain(), folder, SoftMaskCallback(mask, mask_on), **options)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_tenth_is_a_tenth(tmp_path: Path, optimizer: str) -> None:
    before, plain = start(Plain()), trained(Plain(), tmp_path, optimizer=optimizer)
    after = masked(tmp_path, constant(Plain(), 0.1), optimizer=optimizer)
    for name, value in before.items():
        step = plain[name] - value
        assert step.abs().max() > 1e-4
        # What is told apart of a step of 0.01 from a weight of 1 in float32 is 1e-7.
        torch.testing.assert_close(after[name] - value, 0.1 * step, rtol=1e-5, atol=1.2e-7)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_each_weight_moves_by_its_own_share(tmp_path: Path, optimizer: str) -> None:
    """In float64, where the share can be told to 1e-6 of each step."""
    before, mask = start(Plain().double()), uniform(Plain())
    plain = trained(Wide(), tmp_path, optimizer=optimizer)
    after = trained(Wide(), tmp_path, SoftMaskCallback(mask), optimizer=optimizer)
    for name, value in before.items():
        torch.testing.assert_close(after[name] - value, mask[name] * (plain[name] - value), rtol=1e-6, atol=1e-15)


class Wide(Plain):
    """The model in float64."""

    def __init__(self) -> None:
        super().__init__()
        self.double()

    def forward(self, pixel_values: torch.Tensor, labels: torch.Tensor) -> Weights:
        return super().forward(pixel_values.double(), labels)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("options", [{}, {"bf16": True}, {"gradient_accumulation_steps": 3}], ids=str)
def test_zeros_stay_and_ones_move_freely_bit_for_bit(tmp_path: Path, optimizer: str, options: dict) -> None:
    options = {"optimizer": optimizer, "max_steps": 4, "max_grad_norm": 1.0, **options}
    plain = trained(Plain(), tmp_path, **options)
    assert not same(plain, start(Plain()))
    assert same(masked(tmp_path, constant(Plain(), 0.0), **options), start(Plain()))
    assert same(masked(tmp_path, constant(Plain(), 1.0), **options), plain)
    assert same(masked(tmp_path, {"head.bias": torch.ones(2)}, **options), plain)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_zero_among_others_stays_bit_for_bit(tmp_path: Path, optimizer: str) -> None:
    """With momentum and decay of its own, and while its neighbours in the tensor move."""
    mask, before = uniform(Plain()), start(Plain())
    after = masked(tmp_path, mask, optimizer=optimizer, max_steps=4)
    assert sum(int((values == 0).sum()) for values in mask.values()) > 10
    for name, value in before.items():
        moved = after[name] != value
        assert not moved[mask[name] == 0].any()
        assert moved[mask[name] > 0.1].any()


@given(st.data())
def test_lerp_is_exact_at_both_ends(data: st.DataObject) -> None:
    """What the promise above rests on, in every type, whatever the two ends are."""
    dtype = data.draw(st.sampled_from([torch.float64, torch.float32, torch.bfloat16, torch.float16]))
    ends = st.lists(st.floats(-1e4, 1e4), min_size=20, max_size=20)
    old, new = (torch.tensor(data.draw(ends), dtype=dtype) for _ in range(2))
    assert torch.equal(old.clone().lerp_(new, torch.zeros_like(old)), old)
    assert torch.equal(old.clone().lerp_(new, torch.ones_like(old)), new)


@pytest.mark.parametrize(
    ("mask_on", "change", "message"),
    [
        ("update", {"other.weight": torch.ones(2)}, "names `other.weight`, which the model lacks"),
        ("gradient", {"head.bias": torch.ones(3)}, r"`head.bias` has shape \(3,\) but the parameter has \(2,\)"),
    ],
)
def test_a_mask_of_another_model_is_refused(tmp_path: Path, mask_on: str, change: dict, message: str) -> None:
    with pytest.raises(FairTuneError, match=message):
        masked(tmp_path, {**constant(Plain(), 0.5), **change}, mask_on)


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan"), float("inf")])
def test_values_are_shares(value: float) -> None:
    with pytest.raises(FairTuneError, match=r"mask of `w` has values that are NaN or outside \[0, 1\]"):
        SoftMaskCallback({"w": torch.tensor([0.5, value])})


def test_what_is_masked_is_the_update_or_the_gradient() -> None:
    with pytest.raises(FairTuneError, match="`mask_on` is 'weights'; choose from update, gradient"):
        SoftMaskCallback({}, mask_on="weights")


@pytest.mark.parametrize(("mask", "given"), [({}, "empty"), ([1], "of type list"), (None, "of type NoneType")])
def test_a_mask_names_its_parameters(mask: object, given: str) -> None:
    with pytest.raises(FairTuneError, match=f"The mask is {given}; pass a mapping of parameter names"):
        SoftMaskCallback(mask)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["DEEPSPEED", "FSDP", "MEGATRON_LM"])
def test_sharded_training_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    state = SimpleNamespace(distributed_type=SimpleNamespace(value=kind))
    monkeypatch.setattr(soft_mask_callback, "AcceleratorState", lambda: state)
    with pytest.raises(FairTuneError, match=f"sharded \\({kind}\\)"):
        masked(tmp_path, constant(Plain(), 0.5))


def test_a_sharded_parameter_is_refused(tmp_path: Path) -> None:
    """One weight is laid over a mesh of devices, which here is a mesh of one."""
    args, model = TrainingArguments(str(tmp_path), use_cpu=True), Plain()
    Accelerator(cpu=True)
    distributed.init_process_group("gloo", store=distributed.HashStore(), rank=0, world_size=1)
    try:
        laid = distribute_tensor(model.head.bias.detach(), DeviceMesh("cpu", [0]), [Replicate()])
        model.head.bias = torch.nn.Parameter(laid)
        with pytest.raises(FairTuneError, match="needs whole parameters"):
            SoftMaskCallback(constant(model, 0.5)).on_train_begin(args, TrainerState(), TrainerControl(), model=model)
    finally:
        distributed.destroy_process_group()


@pytest.mark.parametrize(
    "wrap", ["w.b", "module.w.b", "_orig_mod.w.b", "module._orig_mod.w.b", "_orig_mod.module.w.b"]
)
def test_names_are_those_of_the_plain_model(wrap: str) -> None:
    assert plain_name(wrap) == "w.b"


def test_a_frozen_parameter_with_a_mask_stays_frozen(tmp_path: Path) -> None:
    model = Plain()
    model.conv.requires_grad_(False)
    after = trained(model, tmp_path, SoftMaskCallback(constant(model, 0.5)), optimizer="decay")
    assert {name for name in after if not torch.equal(after[name], start(Plain())[name])} == {
        "head.weight",
        "head.bias",
    }


def test_nothing_is_held_after_training(tmp_path: Path) -> None:
    callback = SoftMaskCallback(constant(Plain(), 0.5))
    trainer = trainer_of(Plain(), tmp_path, callback)
    trainer.train()
    assert (callback._parameters, callback._snapshots) == ([], [])
    trainer.train()


@pytest.mark.parametrize(
    ("mask_on", "optimizer", "warned"),
    [
        ("gradient", "adam", "Adam: "),
        ("gradient", "adamw", "AdamW with weight decay: "),
        ("gradient", "decay", "SGD with weight decay: "),
        ("gradient", "momentum", None),
        ("update", "adamw", None),
    ],
)
def test_a_gradient_mask_that_does_not_scale_steps_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, mask_on: str, optimizer: str, warned: str | None
) -> None:
    with caplog.at_level(logging.WARNING, logger=soft_mask_callback.__name__):
        masked(tmp_path, constant(Plain(), 0.5), mask_on, optimizer=optimizer, max_steps=3)
    told = [r.getMessage() for r in caplog.records if r.name == soft_mask_callback.__name__]
    assert len(told) == (warned is not None)
    assert warned is None or warned in told[0]
