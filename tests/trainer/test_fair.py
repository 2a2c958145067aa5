"""Groups travel to loss and metrics, never into the model; the loss is a mean; a diverged loss is told."""

from pathlib import Path
from typing import Any

import pytest
import torch

from hf_fairtune import FairTrainer, FairTrainingArguments, FairTuneError
from hf_fairtune.data.balanced_sampler import balanced_sampler
from hf_fairtune.methods.dfr import Dfr
from hf_fairtune.methods.fairtune import FairTune
from hf_fairtune.methods.full import Full
from hf_fairtune.methods.groupdro import GroupDro
from hf_fairtune.methods.method import Method
from hf_fairtune.methods.sam import Sam
from hf_fairtune.methods.swift import Swift
from tests.conftest import table, tiny_vit


def arguments(folder: Path, **options: Any) -> FairTrainingArguments:
    """Arguments of a short, silent CPU run."""
    quick = {"num_train_epochs": 2, "per_device_train_batch_size": 16, "use_cpu": True, "report_to": []}
    return FairTrainingArguments(str(folder), disable_tqdm=True, **{**quick, **options})


def trainer(folder: Path, model: Any = None, **options: Any) -> FairTrainer:
    """Full fine-tuning of the tiny ViT on a generated table."""
    extra = {name: options.pop(name) for name in ("compute_loss_func", "method") if name in options}
    splits = {"train_dataset": table(), "eval_dataset": table(64, 1)}
    method = {"method": Full()} | extra
    return FairTrainer(tiny_vit() if model is None else model, arguments(folder, **options), **splits, **method)


def test_the_model_sees_pixels_only(tmp_path: Path) -> None:
    model, seen = tiny_vit(), set()
    model.register_forward_pre_hook(lambda _, __, kwargs: seen.update(kwargs), with_kwargs=True)
    metrics = trainer(tmp_path, model).evaluate()
    assert seen == {"pixel_values"}
    assert {"eval_min_group_auc", "eval_auc_a", "eval_auc_b"} <= set(metrics)


def test_accumulation_equals_one_batch(tmp_path: Path) -> None:
    """Four batches of 4 accumulated move the weights as one of 16 does, up to rounding."""
    moved = []
    for batch, steps in ((16, 1), (4, 4)):
        options = {"per_device_train_batch_size": batch, "gradient_accumulation_steps": steps, "max_steps": 1}
        run = trainer(
            tmp_path / str(batch), **options, optim="sgd", learning_rate=1.0, warmup_steps=0, max_grad_norm=0
        )
        run.train()
        moved.append(torch.cat([p.detach().flatten() for p in run.model.parameters()]))
    start = torch.cat([p.detach().flatten() for p in tiny_vit().parameters()])
    steps = [m - start for m in moved]
    assert steps[0].norm() > 1e-3
    torch.testing.assert_close(steps[0], steps[1], rtol=1e-3, atol=1e-5)


def test_label_smoothing_and_own_loss_still_work(tmp_path: Path) -> None:
    smooth = trainer(tmp_path, label_smoothing_factor=0.5).evaluate()["eval_loss"]
    plain = trainer(tmp_path).evaluate()["eval_loss"]
    own = trainer(tmp_path, compute_loss_func=lambda outputs, labels, num_items_in_batch: outputs.logits.sum() * 0 + 7)
    assert smooth != pytest.approx(plain)
    assert own.evaluate()["eval_loss"] == 7


def test_balanced_weights_are_of_the_rows_trained_on(tmp_path: Path) -> None:
    """Those of a fold are its own, whatever method it takes over."""
    whole = trainer(tmp_path, class_weights=["balanced"])
    few = table().filter(lambda row: row["labels"] == 0 or row["groups"] == 0)
    splits = {"train_dataset": few, "eval_dataset": table(64, 1)}
    fold = FairTrainer(tiny_vit(), whole.args, method=whole.method, **splits)
    for run, rows in ((whole, table()), (fold, few)):
        n, positives = len(rows), sum(rows.with_format(None)["labels"])
        wanted = [n / (2 * (n - positives)), n / (2 * positives)]
        assert run.method.cross_entropy.class_weights == pytest.approx(wanted)
        assert run.open_method == run.method
    assert whole.method != fold.method
    kept = fold.training_log.training(fold)
    assert kept.class_weights == list(fold.method.cross_entropy.class_weights)
    assert kept.arguments["class_weights"] == ["balanced"]
    with pytest.raises(FairTuneError, match="`class_weights` has no effect on a `compute_loss_func` of your own"):
        trainer(tmp_path, class_weights=["1", "2"], compute_loss_func=lambda *_, **__: 0)


@pytest.mark.parametrize("method", [Full(), Swift(), FairTune(mask="linear"), GroupDro(), Sam()])
def test_the_rows_of_every_method_are_the_samplers(tmp_path: Path, method: Method) -> None:
    run = trainer(tmp_path, method=method, sampler="group_label", data_seed=7)
    assert list(run._get_train_sampler()) == list(balanced_sampler("group_label", table(), 7))
    assert run.training_log.training(run).arguments["sampler"] == "group_label"


@pytest.mark.parametrize(
    ("method", "said"),
    [
        (GroupDro(balance=True), "'groupdro' draws its rows itself: every group equally often"),
        (Swift(contrast="pair_data"), "'swift' draws its rows itself: those of the two groups compared"),
        (Dfr(), "'dfr' draws its rows itself: equally many of every group and label"),
    ],
)
def test_a_sampler_beside_rows_of_the_methods_own(tmp_path: Path, method: Method, said: str) -> None:
    with pytest.raises(FairTuneError, match=said):
        trainer(tmp_path, method=method, sampler="group")
    with pytest.raises(FairTuneError, match="but `train_sampling_strategy` is sequential"):
        trainer(tmp_path, sampler="group", train_sampling_strategy="sequential")


def test_the_loss_is_the_models_own(tmp_path: Path) -> None:
    run = trainer(tmp_path, per_device_eval_batch_size=64)
    batch = run.data_collator([run.eval_dataset[i] for i in range(64)])
    with torch.no_grad():
        wanted = tiny_vit()(pixel_values=batch["pixel_values"], labels=batch["labels"]).loss
    assert run.evaluate()["eval_loss"] == pytest.approx(float(wanted), rel=1e-6)


def test_a_diverged_loss_is_one_line(tmp_path: Path) -> None:
    line = r"the training loss is NaN or infinite; lower `learning_rate` \(now 1e\+30\)"
    with pytest.raises(FairTuneError, match=line):
        trainer(tmp_path, learning_rate=1e30, warmup_steps=0).train()


def test_an_open_mask_cannot_train(tmp_path: Path) -> None:
    with pytest.raises(FairTuneError, match="`mask` is empty; search one with `fairtune search`"):
        trainer(tmp_path, method=FairTune()).train()


@pytest.mark.parametrize("mask", ["linear", "layernorm", "010000001"])
def test_training_moves_exactly_the_mask(tmp_path: Path, mask: str) -> None:
    run = trainer(tmp_path, method=FairTune(mask=mask))
    trained = {name for name, p in run.model.named_parameters() if p.requires_grad}
    before = {name: p.detach().clone() for name, p in run.model.named_parameters()}
    run.train()
    moved = {name for name, p in run.model.named_parameters() if not torch.equal(p, before[name])}
    assert moved == trained
    assert moved


def test_full_moves_everything_and_mask_of_ones_the_blocks(tmp_path: Path) -> None:
    run = trainer(tmp_path / "full")
    before = {name: p.detach().clone() for name, p in run.model.named_parameters()}
    run.train()
    assert all(not torch.equal(p, before[name]) for name, p in run.model.named_parameters())
    ones = trainer(tmp_path / "ones", method=FairTune(mask="all"))
    frozen = {n for n, p in ones.model.named_parameters() if not p.requires_grad and "base_layer" not in n}
    assert {n.rpartition("vit.")[2].split(".")[0] for n in frozen} == {"embeddings", "layernorm"}


def test_two_runs_are_bit_equal(tmp_path: Path) -> None:
    logits = []
    for name in ("a", "b"):
        run = trainer(tmp_path / name)
        run.train()
        logits.append(run.predict(run.eval_dataset).predictions)
    assert (logits[0] == logits[1]).all()


def test_resuming_a_masked_training_is_bit_equal(tmp_path: Path) -> None:
    """Killed after the first epoch and resumed from its checkpoint, the weights end where they would have."""
    options = {"method": FairTune(mask="attention"), "num_train_epochs": 3, "save_total_limit": None}
    whole = trainer(tmp_path, **options)
    whole.train()
    first = sorted(tmp_path.glob("checkpoint-*"), key=lambda p: int(p.name.rpartition("-")[2]))[0]
    again = trainer(tmp_path / "again", **options)
    again.train(resume_from_checkpoint=str(first))
    for (name, ours), theirs in zip(again.model.named_parameters(), whole.model.parameters(), strict=True):
        assert torch.equal(ours, theirs), name


def test_bf16_and_workers(tmp_path: Path) -> None:
    run = trainer(tmp_path, bf16=True, dataloader_num_workers=1, max_steps=2)
    assert run.train().training_loss == pytest.approx(0.7, abs=0.7)


def test_method_by_argument_or_object(tmp_path: Path) -> None:
    args = arguments(tmp_path)
    splits = {"train_dataset": table(), "eval_dataset": table(64, 1)}
    assert FairTrainer(tiny_vit(), args, method=Full(), **splits).method.name == "full"
    with pytest.raises(FairTuneError, match="`magic` is not one of the methods; choose from .*bmft, .*fairtune,"):
        FairTrainer(tiny_vit(), arguments(tmp_path, method="magic"), **splits)
    assert FairTrainer(tiny_vit(), arguments(tmp_path, method="swift"), **splits).method == Swift()
    with pytest.raises(FairTuneError, match="the losses of the method 'swift' have no such option"):
        FairTrainer(tiny_vit(), arguments(tmp_path, method="swift", label_smoothing_factor=0.1), **splits)
