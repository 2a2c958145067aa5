"""SWAD: the valley against a slow reading of algorithm 1; one step is the model; killed and resumed."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import TrainerCallback

from hf_fairtune import FairTrainer
from hf_fairtune.errors import FairTuneError
from hf_fairtune.methods.method import method_named
from hf_fairtune.methods.valley import Valley
from tests.conftest import table, tiny_vit
from tests.trainer.test_fair import arguments


def interval(losses: list[float], start: int, end: int, ratio: float) -> tuple[int, int] | None:
    """Return the first and the last evaluation averaged, from 0, as algorithm 1 has it."""
    first, level = None, 0.0
    for i in range(len(losses)):
        if first is None:
            window = losses[max(0, i - start + 1) : i + 1]
            if len(window) == start and window[0] == min(window):
                first, level = i - start + 1, ratio * sum(window) / start
        elif i + 1 >= end and level < min(losses[i - end + 1 : i + 1]):
            return first, i - end
    return None if first is None else (first, len(losses) - 1)


@pytest.mark.parametrize("seed", range(30))
def test_the_valley_is_that_of_the_algorithm(seed: int) -> None:
    draw = np.random.default_rng(seed)
    start, end, ratio = int(draw.integers(1, 4)), int(draw.integers(1, 4)), 1 + draw.random() / 3
    losses = (np.abs(np.linspace(-1, 1.5, 12)) + draw.random(12) / 2 + 0.2).tolist()
    valley, weights = Valley(start, end, ratio), draw.normal(size=(12, 2))
    for loss, pair in zip(losses, weights, strict=True):
        for value in pair:
            valley.add([("w", torch.tensor([value]))])
        valley.close(loss)
    found = interval(losses, start, end, ratio)
    if found is None:
        assert valley.average() == {}
        return
    inside = weights[found[0] : found[1] + 1]
    assert valley.average()["w"].item() == pytest.approx(inside.mean())
    said = f"{inside.size} steps, from evaluation {found[0] + 1} to "
    said += f"evaluation {found[1] + 1}" if valley.ended else "the last step"
    assert valley.facts() == {"averaged": said}
    assert valley.ended or found[1] + 1 == len(losses)


class Weights(TrainerCallback):
    """Keeps the weights after each step, before they are averaged."""

    def __init__(self) -> None:
        self.found: list[dict[str, torch.Tensor]] = []

    def on_step_end(self, *_: Any, **objects: Any) -> None:
        self.found.append({name: values.detach().clone() for name, values in objects["model"].named_parameters()})


def run(folder: Path, name: str = "swad", resume: bool = False, **options: Any) -> tuple[FairTrainer, Weights]:
    flags = {key: options.pop(key) for key in list(options) if key.startswith("valley")}
    args = arguments(folder, **{"num_train_epochs": 3, "learning_rate": 1e-2, "warmup_steps": 0, **options})
    seen, data = Weights(), {"train_dataset": table(), "eval_dataset": table(64, 1)}
    found = FairTrainer(tiny_vit(), args, method=method_named(name, **flags), callbacks=[seen], **data)
    found.train(resume_from_checkpoint=resume)
    return found, seen


def same(model: Any, wanted: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(values, wanted[name]) for name, values in model.named_parameters())


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[FairTrainer, Weights]:
    folder = tmp_path_factory.mktemp("swad")
    return run(folder, valley_start=1, valley_ratio=9.0, save_total_limit=None)


def test_it_is_the_mean_of_every_step_in_the_valley(whole: tuple[FairTrainer, Weights]) -> None:
    found, seen = whole
    mean = {name: torch.stack([one[name].double() for one in seen.found]).mean(0).float() for name in seen.found[0]}
    assert same(found.model, mean)
    assert not same(found.model, seen.found[-1])
    assert found.training_log.steps[0].facts == {"averaged": "9 steps, from evaluation 1 to the last step"}
    stored = load_file(Path(str(found.args.output_dir)) / "checkpoint-9" / "model.safetensors")
    assert torch.equal(stored["classifier.weight"], mean["classifier.weight"])
    assert found.state.log_history[-2]["eval_loss"] == pytest.approx(found.evaluate()["eval_loss"])


@pytest.mark.parametrize("step", [3, 6, 9])
def test_killed_and_resumed_it_ends_the_same(whole: tuple[FairTrainer, Weights], step: int, tmp_path: Path) -> None:
    start = Path(str(whole[0].args.output_dir)) / f"checkpoint-{step}"
    shutil.copytree(start, tmp_path / start.name)
    again = run(tmp_path, valley_start=1, valley_ratio=9.0, save_total_limit=None, resume=True)[0]
    assert same(again.model, dict(whole[0].model.named_parameters()))
    assert again.training_log.steps[0].facts == whole[0].training_log.steps[0].facts


def test_of_one_step_it_is_the_model() -> None:
    valley, steps = Valley(1, 1, 1.3), torch.randn(3, 5, generator=torch.Generator().manual_seed(0))
    for weights, loss in zip(steps, (1.0, 9.0, 0.1), strict=True):
        valley.add([("w", weights)])
        valley.close(loss)
    assert torch.equal(valley.average()["w"].float(), steps[0])
    assert valley.facts() == {"averaged": "1 step, from evaluation 1 to evaluation 1"}


def test_a_valley_goes_on_to_the_last_step(tmp_path: Path) -> None:
    options: dict[str, Any] = {"max_steps": 2, "eval_strategy": "steps", "eval_steps": 1}
    found, seen = run(tmp_path, valley_start=1, valley_end=1, **options)
    mean = {name: (seen.found[0][name].double() + values) / 2 for name, values in seen.found[1].items()}
    assert same(found.model, {name: values.float() for name, values in mean.items()})


def test_without_a_valley_the_weights_stay_and_that_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    found, seen = run(tmp_path, num_train_epochs=1)
    assert same(found.model, seen.found[-1])
    assert "shows no valley of 3: the weights are those of the last step" in caplog.text
    assert found.training_log.steps[0].facts == {"averaged": "nothing: no valley"}


def test_bad_input(tmp_path: Path) -> None:
    with pytest.raises(FairTuneError, match="`valley_ratio` is 0.9; give 1 or more"):
        method_named("swad", valley_ratio=0.9)
    with pytest.raises(FairTuneError, match="swad ends with an average of steps"):
        run(tmp_path, save_strategy="best", metric_for_best_model="auc")
