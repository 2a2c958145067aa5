"""Arguments that cannot work here are one line before training; a metric knows which way is better."""

import sys
from pathlib import Path
from typing import Any

import pytest
from transformers import EarlyStoppingCallback
from transformers.trainer_utils import HubStrategy

from hf_fairtune import FairTrainer, FairTuneError
from hf_fairtune.families.one_logit import two_logits
from hf_fairtune.methods.fairtune import FairTune
from hf_fairtune.methods.full import Full
from hf_fairtune.methods.method import Method
from hf_fairtune.trainer.refusals import check_catch, refuse
from tests.conftest import table, tiny_vit
from tests.trainer.test_fair import arguments, trainer

REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"batch_eval_metrics": True}, "`batch_eval_metrics` is True, but numbers by group are of all rows at once"),
    ({"prediction_loss_only": True}, "`prediction_loss_only` is True, but an audit takes the scores of every row"),
    ({"eval_do_concat_batches": False}, "`eval_do_concat_batches` is False, but numbers by group"),
    ({"bf16_full_eval": True}, "`bf16_full_eval` is True, but the model's weights would be rounded, and images tie"),
    ({"fp16_full_eval": True}, "`fp16_full_eval` is True, but the model's weights would be rounded, and images tie"),
    ({"train_sampling_strategy": "group_by_length"}, "`train_sampling_strategy` is group_by_length, but images have"),
    ({"enable_jit_checkpoint": True}, "`enable_jit_checkpoint` is True, but a signal has a checkpoint written"),
    (
        {"fsdp": True},
        "`fsdp` is True, but Accelerate divides a model among accelerators alone: one process, or several",
    ),
    ({"fsdp": True, "fsdp_config": {"version": 1}}, "`fsdp_config` asks for FSDP1, XLA or divided checkpoints, but"),
    ({"fsdp": True, "fsdp_config": {"state_dict_type": "SHARDED_STATE_DICT"}}, "`fsdp_config` asks for FSDP1, XLA or"),
    (
        {"deepspeed": "zero.json"},
        "`deepspeed` is zero.json, but ZeRO divides gradients and parameters among processes, so that no mask",
    ),
    ({"hub_strategy": "every_save"}, "`hub_strategy` is every_save, but a checkpoint's folder also holds the study"),
    ({"hub_strategy": HubStrategy.CHECKPOINT}, "`hub_strategy` is checkpoint, but a checkpoint's folder also holds"),
    ({"hub_always_push": True}, "`hub_always_push` is True, but nothing is pushed before the end; use False."),
    ({"push_to_hub": True, "hub_model_id": "a/b/c"}, "`a/b/c` is not a repository name"),
    ({"push_to_hub": True, "hub_revision": "a" * 40}, f"the revision `{'a' * 40}` is no branch"),
    ({"label_names": ["target"]}, "`label_names` is ['target'], but the loss takes `labels`; name them so."),
    ({"save_strategy": "best"}, "`save_strategy` is best, but by no metric; name a `metric_for_best_model`"),
    ({"report_to": "dvclive"}, "`report_to` cannot be dvclive: DVCLiveCallback requires dvclive to be installed."),
    ({"report_to": ["none", "x"]}, "`report_to` cannot be none: none is not supported, only"),
    ({"optim": "lomo"}, "`optim` cannot be lomo: You need to install `lomo_optim`"),
    ({"optim": "grokadamw"}, "`optim` cannot be grokadamw: Please install grokadamw"),
    ({"metric_for_best_model": "auc_gap", "greater_is_better": True}, "`greater_is_better` is True, but a lower"),
    ({"metric_for_best_model": "eval_auc", "greater_is_better": False}, "`greater_is_better` is False, but a higher"),
]


@pytest.mark.parametrize(("options", "message"), REFUSED, ids=[str(options) for options, _ in REFUSED])
def test_what_cannot_work_is_refused_by_the_arguments(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(FairTuneError) as refused:
        arguments(tmp_path, **options)
    assert str(refused.value).startswith(message)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("FSDP", "the arguments of the run do not name it; give `fsdp`."),
        ("DEEPSPEED", "ZeRO divides gradients and parameters among .* use DDP or one device."),
        ("MEGATRON_LM", "methods, masks and the hand-over take every parameter whole; use DDP or one device."),
    ],
)
def test_what_accelerate_launch_would_divide_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, message: str
) -> None:
    monkeypatch.setenv(f"ACCELERATE_USE_{name}", "true")
    with pytest.raises(FairTuneError, match=f"^`accelerate launch` uses {name}, but {message}$"):
        arguments(tmp_path)


def test_arguments_changed_later_are_refused_by_the_trainer(tmp_path: Path) -> None:
    args = arguments(tmp_path)
    args.set_evaluate(strategy="epoch", loss_only=True)
    with pytest.raises(FairTuneError, match="`prediction_loss_only` is True"):
        FairTrainer(tiny_vit(), args, train_dataset=table(), eval_dataset=table(), method=Full())


def test_an_optimizer_that_is_there_is_taken(tmp_path: Path) -> None:
    assert {arguments(tmp_path, optim=name).optim.value for name in ("sgd", "adafactor")} == {"sgd", "adafactor"}


def test_a_logger_that_is_there_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its package is looked for as the stock Trainer does."""
    (tmp_path / "dvclive.py").write_text("class Live: ...\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert arguments(tmp_path, report_to="dvclive").report_to == ["dvclive"]
    sys.modules.pop("dvclive")


@pytest.mark.parametrize(
    ("metric", "greater"),
    [
        ("auc_gap", False),
        ("eval_auc_gap", False),
        ("min_group_auc", True),
        ("fpr", False),
        ("min_group_average_precision", True),
        ("average_precision_gap", False),
        ("auc_a", True),
        ("average_precision_b", True),
        ("equalized_odds_difference", False),
        ("loss", False),
        ("eval_loss", False),
    ],
)
def test_a_metric_knows_its_direction(tmp_path: Path, metric: str, greater: bool) -> None:
    args = arguments(tmp_path, metric_for_best_model=metric)
    assert args.greater_is_better is greater
    assert arguments(tmp_path, metric_for_best_model=metric, greater_is_better=greater).greater_is_better is greater


def test_a_metric_of_ones_own_keeps_the_stock_direction(tmp_path: Path) -> None:
    assert arguments(tmp_path, metric_for_best_model="cost", greater_is_better=False).greater_is_better is False
    assert arguments(tmp_path, metric_for_best_model="kappa").greater_is_better is True


def test_the_model_loaded_at_the_end_has_the_smallest_gap(tmp_path: Path) -> None:
    run = trainer(
        tmp_path,
        metric_for_best_model="auc_gap",
        load_best_model_at_end=True,
        save_total_limit=None,
        num_train_epochs=4,
        learning_rate=3e-3,
        warmup_steps=0,
    )
    run.train()
    gaps = [entry["eval_auc_gap"] for entry in run.state.log_history if "eval_auc_gap" in entry]
    assert min(gaps) < max(gaps)
    assert run.state.best_metric == min(gaps)
    assert run.evaluate()["eval_auc_gap"] == min(gaps)


@pytest.mark.parametrize("metric", ["min_group_auk", "auc_c", "worst_group"])
def test_a_metric_that_no_evaluation_has_is_refused_before_training(tmp_path: Path, metric: str) -> None:
    with pytest.raises(FairTuneError) as refused:
        trainer(tmp_path, metric_for_best_model=metric)
    assert f"`metric_for_best_model`: `{metric}` is not a metric to optimise; choose from " in str(refused.value)
    nearest = str(refused.value).partition("choose from ")[2]
    assert {"min_group_auk": "min_group_auc,", "auc_c": "auc_a"}.get(metric, "") in nearest
    assert len(nearest) < 80 or metric == "worst_group"


def test_a_published_name_is_refused_where_stock_looks_for_a_key(tmp_path: Path) -> None:
    with pytest.raises(FairTuneError, match="`metric_for_best_model`: `min_acc` is called `min_group_accuracy` here."):
        trainer(tmp_path, metric_for_best_model="min_acc")
    assert trainer(tmp_path, metric_for_best_model="equalized_odds_mean_fitted").args.greater_is_better is False


def test_a_metric_of_a_group_and_of_ones_own_are_taken(tmp_path: Path) -> None:
    assert trainer(tmp_path, metric_for_best_model="auc_b").args.greater_is_better
    splits = {"train_dataset": table(), "eval_dataset": table(64, 1)}
    args = arguments(tmp_path, metric_for_best_model="kappa", num_train_epochs=1)
    run = FairTrainer(tiny_vit(), args, method=Full(), compute_metrics=lambda _: {"kappa": 0.5}, **splits)
    run.train()
    assert run.state.best_metric == 0.5


def test_patience_is_for_a_gap_that_does_not_fall(tmp_path: Path) -> None:
    run = trainer(tmp_path, metric_for_best_model="auc_gap", load_best_model_at_end=True, num_train_epochs=3)
    run.add_callback(EarlyStoppingCallback(1))
    values = iter([0.3, 0.2, 0.1])
    run.compute_metrics = lambda _: {"auc_gap": next(values)}
    run.train()
    assert run.state.epoch == 3


@pytest.mark.parametrize("method", [Full(), FairTune(mask="attention")], ids=["full", "fairtune"])
def test_a_compiled_model_trains_alike(tmp_path: Path, method: Method) -> None:
    losses = []
    for place, options in enumerate(({}, {"torch_compile": True, "torch_compile_backend": "eager"})):
        run = trainer(tmp_path / str(place), method=method, num_train_epochs=1, **options)
        run.train()
        losses.append(run.evaluate()["eval_loss"])
        assert len(run.predict(table(61, 1)).predictions) == 61
    assert losses[1] == pytest.approx(losses[0], rel=1e-5)


@pytest.mark.parametrize("method", ["full", "swift"])
def test_a_model_of_one_logit_is_refused_before_the_training(tmp_path: Path, method: str) -> None:
    options = {"train_dataset": table(), "eval_dataset": table(64, 1)}
    with pytest.raises(FairTuneError, match="the model has one logit but two are wanted; pass `two_logits"):
        FairTrainer(tiny_vit(num_labels=1), arguments(tmp_path, method=method), **options)
    FairTrainer(two_logits(tiny_vit(num_labels=1)), arguments(tmp_path, method=method), **options).evaluate()


def test_several_processes_find_no_batch_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    args = arguments(tmp_path, auto_find_batch_size=True)
    refuse(args)
    monkeypatch.setattr(type(args), "world_size", 2)
    with pytest.raises(FairTuneError, match=r"`auto_find_batch_size` finds a batch on each of 2 processes for itself"):
        refuse(args)


def test_no_error_is_caught_on_several_processes() -> None:
    check_catch((RuntimeError,), 1)
    check_catch((), 2)
    with pytest.raises(FairTuneError, match="^`catch` names RuntimeError, but of 2 processes one that fails alone"):
        check_catch((RuntimeError, OSError), 2)
