"""A method of two steps in the Trainer: what moves in each, by which rate, and what is put back afterwards."""

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import TrainerControl, TrainerState
from transformers.trainer_callback import TrainerCallback

from hf_fairtune.masks.repair_mask import RepairMask
from hf_fairtune.masks.soft_mask_callback import SoftMaskCallback
from hf_fairtune.methods.swift import Swift
from hf_fairtune.trainer.arguments import FairTrainingArguments
from hf_fairtune.trainer.fair import FairTrainer
from tests.conftest import table, tiny_vit

HEAD = {"classifier.weight", "classifier.bias"}


class Watch(TrainerCallback):
    """Keep the weights at the start and the end of each step, and the rate it was trained at."""

    def __init__(self) -> None:
        self.starts: list[dict[str, torch.Tensor]] = []
        self.ends: list[dict[str, torch.Tensor]] = []
        self.rates: list[float] = []

    def on_train_begin(self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        self.starts.append({n: p.detach().clone() for n, p in kwargs["model"].named_parameters()})
        self.rates.append(kwargs["optimizer"].param_groups[0]["lr"])

    def on_train_end(self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        self.ends.append({n: p.detach().clone() for n, p in kwargs["model"].named_parameters()})


def repaired(folder: Path, method: Swift, **more: Any) -> tuple[FairTrainer, Watch]:
    args = FairTrainingArguments(
        str(folder),
        num_train_epochs=2,
        per_device_train_batch_size=16,
        use_cpu=True,
        report_to=[],
        learning_rate=1e-3,
        warmup_steps=0,
        **more,
    )
    watch = Watch()
    trainer = FairTrainer(
        tiny_vit(), args, method=method, train_dataset=table(), eval_dataset=table(64, 1), callbacks=[watch]
    )
    trainer.train()
    return trainer, watch


def mask_of(trainer: FairTrainer) -> RepairMask:
    """Measure the masks of the untrained model again."""
    (stage, *_) = trainer.method.stages()
    assert isinstance(stage, Swift)
    stage.prepare(tiny_vit(), trainer.facts)
    assert stage.measured.mask is not None
    return stage.measured.mask


def moved(before: dict[str, torch.Tensor], after: dict[str, torch.Tensor]) -> set[str]:
    return {name for name in before if not torch.equal(before[name], after[name])}


def test_first_the_extractor_then_the_head(tmp_path: Path) -> None:
    trainer, watch = repaired(tmp_path, Swift(head_learning_rate=5e-3))
    names = set(watch.starts[0])
    # The bias of a key moves no logit: its gradient is rounding, and its mask 0.
    keys = {name for name in names if name.endswith("k_proj.bias")}
    assert len(keys) == 3
    assert moved(watch.starts[0], watch.ends[0]) == names - HEAD - keys
    assert moved(watch.starts[1], watch.ends[1]) == HEAD
    assert watch.rates == [1e-3, 5e-3]
    # Between the steps only the head changes: it starts at zero where the mask is above its mean.
    assert moved(watch.ends[0], watch.starts[1]) == {"classifier.weight"}
    soft = mask_of(trainer).soft["classifier.weight"]
    assert torch.equal(watch.starts[1]["classifier.weight"] == 0, soft > soft.mean())


def test_everything_is_put_back(tmp_path: Path) -> None:
    trainer, _ = repaired(tmp_path, Swift())
    assert (trainer.args.output_dir, trainer.args.learning_rate) == (str(tmp_path), 1e-3)
    assert not [c for c in trainer.callback_handler.callbacks if isinstance(c, SoftMaskCallback)]
    assert trainer.method == Swift()
    assert {p.name for p in tmp_path.iterdir()} == {"extractor", "head"}


def test_the_same_seed_gives_the_same_weights_and_another_mask_others(tmp_path: Path) -> None:
    def final(name: str, **fields: Any) -> dict[str, torch.Tensor]:
        return repaired(tmp_path / name, Swift(**fields))[1].ends[1]

    first = final("a")
    assert not moved(first, final("b"))
    assert moved(first, final("c", mask="none"))


def test_weights_outside_a_hard_mask_never_move(tmp_path: Path) -> None:
    trainer, watch = repaired(tmp_path, Swift(mask="hard", rate=70.0), weight_decay=0.1)
    step = mask_of(trainer).step
    for name in set(step) - HEAD:
        still = step[name] == 0
        assert torch.equal(watch.starts[0][name][still], watch.ends[0][name][still])
    # A bias of the keys has no gradient: attention does not depend on it.
    free = {name for name in set(step) - HEAD if not (step[name] == 0).all() and not name.endswith("k_proj.bias")}
    assert free <= moved(watch.starts[0], watch.ends[0])


@pytest.mark.parametrize(("steps", "names"), [("extractor", {"extractor"}), ("head", {"head"})])
def test_one_step(tmp_path: Path, steps: Any, names: set[str]) -> None:
    _, watch = repaired(tmp_path, Swift(steps=steps))
    assert {p.name for p in tmp_path.iterdir()} == names
    assert (moved(watch.starts[0], watch.ends[0]) <= HEAD) == (steps == "head")
