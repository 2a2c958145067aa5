"""Only checkpoints written whole are resumed from, and all of their weights come back."""

from pathlib import Path

import pytest
import torch
from transformers import ViTForImageClassification

from hf_fairtune.methods.fairtune import FairTune
from hf_fairtune.methods.full import Full
from hf_fairtune.methods.method import Method
from hf_fairtune.methods.teacher import Teacher
from hf_fairtune.trainer.arguments import FairTrainingArguments
from hf_fairtune.trainer.checkpoints import load_weights
from hf_fairtune.trainer.fair import FairTrainer
from tests.conftest import table, tiny_vit


def test_every_weight_comes_back(tmp_path: Path) -> None:
    """Also where the file keeps another name than the model."""
    trained, model = tiny_vit(), ViTForImageClassification(tiny_vit().config)
    trained.save_pretrained(tmp_path)
    load_weights(model, tmp_path)
    for name, parameter in model.named_parameters():
        assert torch.equal(parameter, trained.get_parameter(name)), name


def test_a_resumed_training_of_all_weights_ends_like_another(tmp_path: Path) -> None:
    """As does one that goes back to its best epoch."""

    def train(folder: Path, resume: str | None = None) -> FairTrainer:
        args = FairTrainingArguments(
            str(folder),
            num_train_epochs=2,
            per_device_train_batch_size=16,
            learning_rate=1e-2,
            warmup_steps=0,
            save_total_limit=None,
            use_cpu=True,
            report_to=[],
            load_best_model_at_end=True,
            metric_for_best_model="eval_loss",
        )
        trainer = FairTrainer(tiny_vit(), args, method=Full(), train_dataset=table(), eval_dataset=table(32, 1))
        trainer.train(resume)
        return trainer

    whole = train(tmp_path)
    best = ViTForImageClassification.from_pretrained(whole.state.best_model_checkpoint)
    resumed = train(tmp_path, str(tmp_path / "checkpoint-3"))
    for name, parameter in best.named_parameters():
        assert torch.equal(parameter, whole.model.get_parameter(name)), name
        assert torch.equal(parameter, resumed.model.get_parameter(name)), name


@pytest.mark.parametrize(
    ("method", "rate"),
    [
        (FairTune(mask="linear"), 1e-2),
        (FairTune(mask="layernorm"), 1e-3),
        (FairTune(mask="linear").taught(Teacher(tiny_vit().eval(), (3,))), 1e-3),
    ],
)
def test_a_checkpoint_of_other_settings_is_put_aside(
    tmp_path: Path, method: Method, rate: float, capsys: pytest.CaptureFixture[str]
) -> None:
    """As where more trials chose another winner: it trains as if there were no checkpoint."""

    def train(folder: Path, method: Method, rate: float) -> FairTrainer:
        args = FairTrainingArguments(
            str(folder),
            num_train_epochs=2,
            per_device_train_batch_size=16,
            learning_rate=rate,
            use_cpu=True,
            report_to=[],
        )
        trainer = FairTrainer(
            model_init=lambda: tiny_vit(), args=args, method=method, train_dataset=table(), eval_dataset=table(32, 1)
        )
        trainer.train(resume_from_checkpoint=True)
        return trainer

    train(tmp_path / "a", FairTune(mask="linear"), 1e-3)
    capsys.readouterr()
    other, plain = (train(tmp_path / folder, method, rate).model.state_dict() for folder in ("a", "b"))
    assert all(torch.equal(other[name], plain[name]) for name in plain)
    assert (
        "checkpoint-6` is of another method, mask, teacher or learning rate; it is put aside as "
        in capsys.readouterr().out
    )
    assert {path.name for path in (tmp_path / "a").glob("*checkpoint*")} == {
        f"{kind}checkpoint-{step}" for kind in ("", "other-") for step in (3, 6)
    }
    # Of its own it is the end.
    again = train(tmp_path / "a", method, rate)
    assert again.state.log_history[-1].get("train_runtime") is not None
    assert all(torch.equal(value, plain[name]) for name, value in again.model.state_dict().items())
    assert "put aside" not in capsys.readouterr().out
