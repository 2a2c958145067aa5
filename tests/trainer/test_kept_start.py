"""A kept start gives what `model_init` gives, bit for bit, and runs it once for each state of chance."""

import gc
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import set_seed

from hf_fairtune import FairTrainer
from hf_fairtune.methods.full import Full
from hf_fairtune.trainer.chance import unchanged_chance
from hf_fairtune.trainer.heap import unexamined_heap
from hf_fairtune.trainer.kept_start import KeptStart
from tests.conftest import table, tiny_vit
from tests.trainer.test_fair import arguments


class Start:
    """A `model_init` that draws from every generator, and counts its calls."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self) -> Any:
        self.calls += 1
        with torch.random.fork_rng():
            model = tiny_vit()
        torch.nn.init.normal_(model.classifier.weight)
        model.classifier.bias.data.fill_(random.random() + np.random.rand())  # noqa: NPY002
        return model


def draws() -> list[float]:
    return [random.random(), float(np.random.rand()), torch.rand(1).item()]  # noqa: NPY002


def built(start: Any, seed: int) -> tuple[dict[str, torch.Tensor], list[float]]:
    """The weights under a seed, and what is drawn next; the model is then spoilt."""
    set_seed(seed)
    model = start()
    weights, after = {name: value.clone() for name, value in model.state_dict().items()}, draws()
    for parameter in model.parameters():
        parameter.data.zero_()
    return weights, after


def test_a_kept_start_is_the_new_one_and_leaves_chance_as_it_does() -> None:
    plain, kept = Start(), KeptStart(Start())
    for seed in (3, 3, 4, 3):
        (wanted, after), (found, then) = built(plain, seed), built(kept, seed)
        assert then == after
        assert all(torch.equal(found[name], value) for name, value in wanted.items())
    assert kept.model_init.calls == 3  # type: ignore[attr-defined]


def test_what_cannot_be_copied_is_built_each_time() -> None:
    def holding_a_generator() -> Any:
        start.more = (i for i in range(3))
        return start

    start = torch.nn.Linear(2, 2)
    kept = KeptStart(holding_a_generator)
    set_seed(0)
    first = kept()
    set_seed(0)
    assert kept() is first


def test_chance_is_given_back() -> None:
    set_seed(1)
    wanted = draws()
    set_seed(1)
    with unchanged_chance():
        draws()
    assert draws() == wanted


def searched(folder: Path, model_init: Any) -> list[Any]:
    run = FairTrainer(
        model_init=model_init, args=arguments(folder, num_train_epochs=1), train_dataset=table(32),
        eval_dataset=table(32, 1), method=Full(),
    )  # fmt: skip
    run.hyperparameter_search(n_trials=2)
    assert run.search is not None
    return [trial.values for trial in run.search.trials]


def test_a_search_builds_its_start_once_and_asks_one_that_takes_the_trial_each_time(tmp_path: Path) -> None:
    plain, asked = Start(), []

    def of_trial(trial: Any) -> Any:
        asked.append(trial)
        return Start()()

    assert searched(tmp_path / "kept", plain) == searched(tmp_path / "asked", of_trial)
    # The trainer's own, that of the fingerprint and the trials, and the winner's.
    assert plain.calls == 3
    assert [trial is not None for trial in asked] == [False, False, True, True, False]


def test_the_heap_is_exempt_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    count = 0
    for name in ("collect", "freeze", "unfreeze"):
        monkeypatch.setattr(gc, name, lambda name=name: said.append(name))
    monkeypatch.setattr(gc, "get_freeze_count", lambda: count)
    with unexamined_heap():
        assert said == ["collect", "freeze"]
    assert said == ["collect", "freeze", "unfreeze"]
    count = 5
    with unexamined_heap():
        pass
    assert len(said) == 3
