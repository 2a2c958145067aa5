"""Frozen first layers calculated once give the same training, and are calculated again when they changed."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from transformers import Trainer, TrainingArguments, ViTImageProcessor

from hf_fairtune import FairTrainer, FairTuneError
from hf_fairtune.data.arguments import DataArguments
from hf_fairtune.data.fair_dataset import FairDataset, load_fair_dataset
from hf_fairtune.data.transform import transform_of
from hf_fairtune.datasets.lesions import write_lesions
from hf_fairtune.families.prefix import Prefix
from hf_fairtune.masks.mask import apply_mask
from hf_fairtune.methods.fairtune import FairTune
from hf_fairtune.methods.full import Full
from hf_fairtune.methods.sam import Sam
from hf_fairtune.trainer.kept_prefix import EVALUATION, TRAIN, kept_prefix
from hf_fairtune.trainer.price import cost
from tests.conftest import tiny_vit
from tests.trainer.test_fair import arguments
from tests.trainer.test_price import FakeClock

LATE, LAST = "000000101", "000000000"
VIEWS = 2


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> FairDataset:
    """60 generated images in three splits, each of training in two views."""
    folder = tmp_path_factory.mktemp("data")
    write_lesions(folder / "lesions", n=60, image_size=16)
    table = DataArguments(
        str(folder / "lesions"), "label", ["malignant"], ["skin"], "patient_id", image_size=16, stored_views=VIEWS,
        data_cache=str(folder / "cache"), include=["light", "dark"],
    )  # fmt: skip
    return load_fair_dataset(table, ViTImageProcessor(size={"height": 16, "width": 16}))


def files(data: FairDataset) -> set[Path]:
    return set(transform_of(data["train"]).pixels.parent.glob("activations-*"))


@pytest.fixture(autouse=True)
def empty(data: FairDataset) -> None:
    """Begin each test without files."""
    for path in files(data):
        path.unlink()


def run(folder: Path, data: FairDataset, mask: str, method: Any = None, **options: Any) -> FairTrainer:
    method = method or FairTune(mask=mask)
    args = arguments(folder, **{"num_train_epochs": 3, "save_strategy": "no", "learning_rate": 1e-3, **options})
    found = FairTrainer(tiny_vit(), args, data=data, method=method)
    found.train()
    return found


def assert_same(one: FairTrainer, other: FairTrainer) -> None:
    """Weights, names and evaluations of two trainings agree to 1e-5, and something moved."""
    start, own, theirs = tiny_vit(), one.model.state_dict(), other.model.state_dict()
    assert list(own) == list(theirs)
    for name in own:
        torch.testing.assert_close(own[name], theirs[name], rtol=0, atol=1e-5)
    assert not torch.equal(own["base_model.model.classifier.ln_tuning_layers.default.weight"], start.classifier.weight)
    pairs = [[log["eval_loss"] for log in r.state.log_history if "eval_loss" in log] for r in (one, other)]
    assert len(pairs[0]) == 3
    assert pairs[0] == pytest.approx(pairs[1], abs=1e-5)


@pytest.mark.parametrize(
    ("mask", "options"),
    [(LATE, {"gradient_accumulation_steps": 2, "dataloader_num_workers": 1}), (LAST, {})],
    ids=["accumulation and workers", "linear readout"],
)
def test_a_training_is_as_without(tmp_path: Path, data: FairDataset, mask: str, options: dict[str, Any]) -> None:
    kept, plain = run(tmp_path, data, mask, **options), run(tmp_path, data, mask, activation_gb=0, **options)
    n, rows = len(data["train"]), len(data["validation"])
    assert {name: found.rows for name, found in kept.filled.items()} == {TRAIN: VIEWS * n, EVALUATION: rows}
    assert not plain.filled
    assert len(files(data)) == VIEWS + 1
    assert_same(kept, plain)
    # What was swapped for a while is as it was.
    assert kept.train_dataset[0]["pixel_values"].shape == (3, 16, 16)
    assert kept.predict(kept.eval_dataset).metrics["test_loss"] == pytest.approx(
        kept.state.log_history[-2]["eval_loss"], abs=1e-5
    )


def test_a_second_training_reads_what_the_first_kept(tmp_path: Path, data: FairDataset) -> None:
    run(tmp_path, data, LATE)
    before = files(data)
    again = run(tmp_path, data, "000000010", seed=7, num_train_epochs=1)
    # Views are of the seed, evaluations are not.
    assert [again.filled[name].rows for name in (TRAIN, EVALUATION)] == [len(data["train"]), 0]
    assert len(files(data) - before) == 1


def test_a_resumed_training_is_at_its_view(tmp_path: Path, data: FairDataset) -> None:
    """Killed in its second epoch and taken up again, without the files of before, the weights end where they would."""
    options = {"save_strategy": "steps", "save_steps": 0.5, "save_total_limit": None}
    whole = run(tmp_path / "whole", data, LATE, **options)
    checkpoint = min((tmp_path / "whole").glob("checkpoint-*"), key=lambda path: int(path.name.rpartition("-")[2]))
    for path in files(data):
        path.unlink()
    again = FairTrainer(tiny_vit(), whole.args, data=data, method=FairTune(mask=LATE))
    again.train(resume_from_checkpoint=str(checkpoint))
    assert_same_weights(again, whole)


def assert_same_weights(one: FairTrainer, other: FairTrainer) -> None:
    for (name, own), theirs in zip(one.model.state_dict().items(), other.model.state_dict().values(), strict=True):
        torch.testing.assert_close(own, theirs, rtol=0, atol=1e-5, msg=name)


def test_another_step_of_a_method_reads_it_too(tmp_path: Path, data: FairDataset) -> None:
    """Two passes a batch, with every block trained but the first two."""

    class LateSam(Sam):
        def prepare(self, model: Any, facts: Any) -> Any:
            return apply_mask(model, LATE)

    runs = [run(tmp_path, data, LATE, LateSam(), activation_gb=gb) for gb in (8, 0)]
    assert [len(one.filled) for one in runs] == [2, 0]
    assert_same_weights(*runs)


@pytest.mark.parametrize(
    ("mask", "method", "options"),
    [
        ("100000000", None, {}),
        ("000100000", None, {}),
        (LATE, None, {"activation_gb": 1e-6}),
        (LATE, None, {"dataloader_num_workers": 1, "dataloader_persistent_workers": True}),
        ("", Full(), {}),
    ],
    ids=["first block", "less than half", "no room", "workers that stay", "no mask"],
)
def test_nothing_is_kept(tmp_path: Path, data: FairDataset, mask: str, method: Any, options: dict[str, Any]) -> None:
    if options.get("dataloader_persistent_workers"):
        with pytest.raises(FairTuneError, match="would never see the next of the stored views"):
            run(tmp_path, data, mask, method, **options)
        return
    assert not run(tmp_path, data, mask, method, num_train_epochs=1, **options).filled
    assert not files(data)


def test_chance_is_not_kept(tmp_path: Path, data: FairDataset) -> None:
    """Where dropout or augmentation change an output at each epoch, only evaluations read what was kept."""
    model = tiny_vit()
    model.vit.layers[0].dropout.p = 0.1
    args = arguments(tmp_path, num_train_epochs=1)
    with_dropout = FairTrainer(model, args, data=data, method=FairTune(mask=LATE))
    with_dropout.train()
    assert set(with_dropout.filled) == {EVALUATION}
    drawn = data["train"].with_transform(transform_of(data["train"]).__class__(*settings(data)))
    assert not torch.equal(drawn[0]["pixel_values"], drawn[0]["pixel_values"])
    augmented = FairTrainer(tiny_vit(), args, data=data, method=FairTune(mask=LATE), train_dataset=drawn)
    augmented.train()
    assert set(augmented.filled) == {EVALUATION}


def settings(data: FairDataset) -> tuple[Any, ...]:
    own = transform_of(data["train"])
    return own.pixels, own.scale, own.shift, own.augmentation


def test_each_epoch_sees_its_view(tmp_path: Path, data: FairDataset) -> None:
    """The k-th epoch sees view k mod K of every image, the same each time, and views differ."""
    seen: list[list[Tensor]] = []

    class Seeing(FairTrainer):
        def training_step(self, model: nn.Module, inputs: Any, num_items_in_batch: Any = None) -> torch.Tensor:
            epoch = int(self.state.epoch or 0)
            seen.extend([] for _ in range(epoch + 1 - len(seen)))
            seen[epoch].append(inputs["pixel_values"].sum((1, 2, 3)))
            return super().training_step(model, inputs, num_items_in_batch)

    args = arguments(tmp_path, num_train_epochs=4, activation_gb=0, save_strategy="no", eval_strategy="no")
    Seeing(tiny_vit(), args, data=data, method=FairTune(mask=LATE)).train()
    sums = [torch.cat(epoch).sort().values for epoch in seen]
    assert len(sums) == 4
    torch.testing.assert_close(sums[0], sums[2])
    torch.testing.assert_close(sums[1], sums[3])
    assert (sums[0] - sums[1]).abs().max() > 1


def test_a_stock_trainer_takes_it(tmp_path: Path, data: FairDataset) -> None:
    def model_only(rows: list[dict[str, Tensor]]) -> dict[str, Tensor]:
        return {key: torch.stack([row[key] for row in rows]) for key in ("pixel_values", "labels")}

    ends = []
    for gigabytes in (1, 0):
        args = TrainingArguments(
            str(tmp_path), num_train_epochs=2, use_cpu=True, report_to=[], save_strategy="no",
            remove_unused_columns=False, disable_tqdm=True,
        )  # fmt: skip
        model = apply_mask(tiny_vit(), LATE)
        trainer = Trainer(model, args, train_dataset=data.plain("train"), data_collator=model_only)
        with kept_prefix(trainer, gigabytes) as filled:
            trainer.train()
        assert set(filled) == ({TRAIN} if gigabytes else set())
        ends.append(torch.cat([p.detach().flatten() for p in model.parameters()]))
    torch.testing.assert_close(*ends, rtol=0, atol=1e-5)


def test_the_price_counts_what_is_kept_once(
    tmp_path: Path, data: FairDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row takes the prefix three seconds: once for each view, once for evaluations, and again for the scores."""
    clock = FakeClock(monkeypatch)
    clock.takes(Prefix, "__call__", lambda _, pixels: 3 * len(pixels))
    args = arguments(tmp_path, num_train_epochs=5, per_device_train_batch_size=4, per_device_eval_batch_size=4)
    made = FairTrainer(model_init=lambda: tiny_vit(), args=args, data=data, method=FairTune(mask=LATE))
    found, n = cost(made, made.method), {name: len(data[name]) for name in ("train", "validation", "test")}
    assert found.prefix == pytest.approx(3 * (VIEWS * n["train"] + n["validation"]))
    assert found.scores == pytest.approx(3 * (n["validation"] + n["test"]))
    assert found.training == found.trial + found.checkpoints + found.scores + found.prefix
    assert found.epochs == pytest.approx(0, abs=1e-6)
    assert not files(data)
    assert not (tmp_path / ".price").exists()
