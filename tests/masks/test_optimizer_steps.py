"""Where the mask acts in the Trainer's loop: after accumulation and clipping, around the optimizer's step."""

from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from accelerate import Accelerator
from accelerate.optimizer import AcceleratedOptimizer
from torch import nn
from transformers import TrainerControl, TrainerState, TrainingArguments

from hf_fairtune.errors import FairTuneError
from hf_fairtune.masks.soft_mask import soft_mask
from hf_fairtune.masks.soft_mask_callback import MASK_ON, SoftMaskCallback
from tests.conftest import table, tiny_vit
from tests.masks.importances import drawn
from tests.masks.training import OPTIMIZERS, Plain, constant, rows, start, trained, trainer_of, uniform

Weights = Mapping[str, torch.Tensor]


def close(one: Weights, other: Weights) -> None:
    for name, values in one.items():
        torch.testing.assert_close(values, other[name], rtol=1e-5, atol=1e-6, msg=lambda m, n=name: f"{n}: {m}")


def gradients(rows_: list[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """Return the gradients at the start, by one backward pass."""
    model = Plain()
    batch = {name: torch.stack([row[name] for row in rows_]) for name in rows_[0]}
    model(**batch)["loss"].backward()
    return {name: parameter.grad for name, parameter in model.named_parameters()}


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "nesterov"])
def test_gradient_and_update_are_the_same_for_sgd(tmp_path: Path, optimizer: str) -> None:
    mask = uniform(Plain())
    options = {"optimizer": optimizer, "max_steps": 5, "max_grad_norm": 1.0}
    update, gradient = (trained(Plain(), tmp_path, SoftMaskCallback(mask, on), **options) for on in MASK_ON)
    close(update, gradient)
    assert not torch.equal(update["head.weight"], trained(Plain(), tmp_path, **options)["head.weight"])


def test_a_gradient_mask_is_inert_under_adam(tmp_path: Path) -> None:
    """The published step: a tenth of the gradient is the whole step, where a tenth of the update is a tenth of it."""
    before, plain = start(Plain()), trained(Plain(), tmp_path, optimizer="adam", max_steps=5)
    update, gradient = (
        trained(Plain(), tmp_path, SoftMaskCallback(constant(Plain(), 0.1), on), optimizer="adam", max_steps=5)
        for on in MASK_ON
    )

    def distance(weights: Weights) -> float:
        return sum(float((weights[name] - before[name]).abs().sum()) for name in before)

    assert distance(gradient) == pytest.approx(distance(plain), rel=1e-3)
    assert distance(update) < 0.2 * distance(plain)


@pytest.mark.parametrize("mask_on", MASK_ON)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_two_halves_accumulated_are_one_batch(tmp_path: Path, mask_on: str, optimizer: str) -> None:
    mask = uniform(Plain())
    halves = {"per_device_train_batch_size": 4, "gradient_accumulation_steps": 2}
    # Adam magnifies rounding where a gradient is nearly nothing, unless epsilon is larger than the rounding.
    options = {"optimizer": optimizer, "max_steps": 1, "max_grad_norm": 0.5}
    one = trained(Plain(), tmp_path, SoftMaskCallback(mask, mask_on), **options)
    two = trained(Plain(), tmp_path, SoftMaskCallback(mask, mask_on), **options, **halves)
    close(one, two)


@pytest.mark.parametrize("mask_on", MASK_ON)
def test_the_whole_gradient_is_clipped_then_masked(tmp_path: Path, mask_on: str) -> None:
    """One SGD step by hand: w - rate * mask * gradient * (norm allowed / norm of the whole gradient)."""
    mask, whole, allowed = uniform(Plain()), gradients(rows()), 0.01
    norm = sum(float((g.double() ** 2).sum()) for g in whole.values()) ** 0.5
    assert norm > 10 * allowed
    after = trained(Plain(), tmp_path, SoftMaskCallback(mask, mask_on), max_grad_norm=allowed)
    for name, value in start(Plain()).items():
        wanted = -0.1 * mask[name] * whole[name] * allowed / norm
        torch.testing.assert_close(after[name] - value, wanted, rtol=1e-3, atol=1e-7)


class Bfloat16(Plain):
    """The model in bfloat16."""

    kind = torch.bfloat16

    def __init__(self) -> None:
        super().__init__()
        self.to(self.kind)

    def forward(self, pixel_values: torch.Tensor, labels: torch.Tensor) -> dict[str, torch.Tensor]:
        return super().forward(pixel_values.to(self.kind), labels)


class Float16(Bfloat16):
    """The model in float16."""

    kind = torch.float16


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_whole_steps_of_weights_in_bfloat16(tmp_path: Path, optimizer: str) -> None:
    """Zeros and ones round nothing, as of a hard mask: they stay and move bit for bit."""
    hard = {name: (values > 0.5).float() for name, values in uniform(Plain()).items()}
    before, options = start(Bfloat16()), {"optimizer": optimizer, "max_steps": 3}
    plain = trained(Bfloat16(), tmp_path, **options)
    ones = trained(Bfloat16(), tmp_path, SoftMaskCallback(constant(Plain(), 1.0)), **options)
    some = trained(Bfloat16(), tmp_path, SoftMaskCallback(hard), **options)
    for name, value in before.items():
        assert torch.equal(ones[name], plain[name])
        assert torch.equal(some[name][hard[name] == 0], value[hard[name] == 0])
        assert some[name].dtype == torch.bfloat16
    assert any(not torch.equal(some[name], before[name]) for name in before)


@pytest.mark.parametrize("mask_on", MASK_ON)
@pytest.mark.parametrize("kind", [Bfloat16, Float16])
def test_a_share_of_a_step_in_half_precision_is_refused(tmp_path: Path, kind: type[Bfloat16], mask_on: str) -> None:
    model, mask = kind(), constant(Plain(), 0.0) | {"conv.weight": torch.full((4, 3, 3, 3), 0.001)}
    name = str(kind.kind).removeprefix("torch.")
    with pytest.raises(FairTuneError, match=f"`conv.weight` is {name}, whose rounding swallows the share of a step"):
        trained(model, tmp_path, SoftMaskCallback(mask, mask_on))
    assert all(torch.equal(value, start(kind())[name]) for name, value in start(model).items())
    model.conv.requires_grad_(False)
    trained(model, tmp_path, SoftMaskCallback(mask, mask_on))  # it is frozen


def test_under_bf16_autocast_a_thousandth_of_a_step_arrives(tmp_path: Path) -> None:
    """The way that the refusal names: the weights are float32. In bfloat16 the same share is lost bit for bit."""
    mask = constant(Plain(), 0.001)
    plain, after = (trained(Plain(), tmp_path, *callbacks, bf16=True) for callbacks in ([], [SoftMaskCallback(mask)]))
    for name, value in start(Plain()).items():
        share = 0.001 * (plain[name] - value)
        torch.testing.assert_close(after[name] - value, share, rtol=1e-2, atol=1.2e-7)
        low, high = value.bfloat16(), plain[name].bfloat16()
        assert torch.equal(low.lerp(high, torch.full_like(low, 0.001)), low)


@pytest.mark.parametrize("mask_on", MASK_ON)
@pytest.mark.parametrize("clipped", [False, True])
def test_a_step_that_the_fp16_scaler_skips_moves_nothing(mask_on: str, clipped: bool, tmp_path: Path) -> None:
    """Accelerate's own optimizer and scaler: an overflow skips the step, the next step is masked as ever."""
    events = (TrainingArguments(str(tmp_path), use_cpu=True), TrainerState())
    Accelerator(cpu=True)
    model, mask = Plain(), uniform(Plain())
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0)
    inner = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    optimizer = AcceleratedOptimizer(inner, device_placement=False, scaler=scaler)
    callback = SoftMaskCallback(mask, mask_on)
    callback.on_train_begin(*events, TrainerControl(), model=model, optimizer=optimizer)
    batch = {name: torch.stack([row[name] for row in rows()]) for name in rows()[0]}

    def step(overflow: bool) -> None:
        optimizer.zero_grad()
        scaler.scale(model(**batch)["loss"]).backward()
        if overflow:
            model.head.weight.grad[0, 0] = torch.inf
        if clipped:
            scaler.unscale_(inner)
        callback.on_pre_optimizer_step(*events, TrainerControl())
        optimizer.step()
        callback.on_optimizer_step(*events, TrainerControl())

    step(overflow=True)
    assert optimizer.step_was_skipped
    assert all(torch.equal(value, dict(model.named_parameters())[name]) for name, value in start(Plain()).items())
    step(overflow=False)
    assert not optimizer.step_was_skipped
    whole = gradients(rows())
    close(start(model), {n: v - 0.1 * mask[n] * whole[n] for n, v in start(Plain()).items()})


@pytest.mark.parametrize("mask_on", MASK_ON)
@pytest.mark.parametrize("optimizer", ["decay", "adamw"])
def test_resumed_training_is_the_uninterrupted_one(tmp_path: Path, mask_on: str, optimizer: str) -> None:
    """Stopped half-way between two epochs' batches and gone on from the checkpoint: the same weights, bit for bit."""
    options = {"optimizer": optimizer, "max_steps": 6, "save_strategy": "steps", "save_steps": 3}
    options |= {"per_device_train_batch_size": 4, "lr_scheduler_type": "linear"}
    mask = uniform(Plain())
    whole = trained(Plain(), tmp_path, SoftMaskCallback(mask, mask_on), **options)
    model = Plain()
    trainer = trainer_of(model, tmp_path, SoftMaskCallback(mask, mask_on), **options)
    trainer.train(resume_from_checkpoint=str(tmp_path / "checkpoint-3"))
    assert trainer.state.global_step == 6
    assert all(torch.equal(value, whole[name]) for name, value in start(model).items())


def test_a_compiled_model_is_masked_by_its_plain_names(tmp_path: Path) -> None:
    class Loose(Plain):
        """Takes what the Trainer hands to a model whose signature it cannot read."""

        def forward(self, pixel_values: torch.Tensor, labels: torch.Tensor, **_: object) -> dict[str, torch.Tensor]:
            return super().forward(pixel_values, labels)

    mask, model = uniform(Plain()), Loose()
    plain = trained(Plain(), tmp_path, SoftMaskCallback(mask))
    compiled: nn.Module = torch.compile(model, backend="eager")
    assert next(compiled.named_parameters())[0].startswith("_orig_mod.")
    trained(compiled, tmp_path, SoftMaskCallback(mask), remove_unused_columns=False)
    close(start(model), plain)


def test_a_vision_transformer_of_the_library(tmp_path: Path) -> None:
    """Its own optimizer and schedule; the soft mask of importances; batches that divide nothing."""
    model, before = tiny_vit(), start(tiny_vit())
    mask = soft_mask(drawn(model))
    usual = trainer_of(model, tmp_path, SoftMaskCallback(mask), num_train_epochs=1, max_steps=-1)
    usual.train_dataset = table(21).remove_columns("groups")
    usual.optimizer = None
    usual.train()
    after = start(model)
    assert usual.state.global_step == 3
    for name, value in before.items():
        assert torch.equal(after[name][mask[name] == 0], value[mask[name] == 0])
    assert any(not torch.equal(after[name], value) for name, value in before.items())
