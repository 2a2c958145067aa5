"""How often searches trained a part, by loops over trials."""

from dataclasses import replace

import numpy as np
import pytest

from hf_fairtune.audits.mask_shares import mask_shares
from tests.benchmark_samples import UNITS, task_of


def test_shares_over_tasks_and_folds_by_loops() -> None:
    rng = np.random.default_rng(0)
    tasks = [task_of(rng, "ham-age", folds=2), task_of(rng, "ham-sex")]
    found = {one.method: one for one in mask_shares(tasks)}
    assert set(found) == {"fairtune", "random-mask"}
    searches = [search for task in tasks for one in task.methods if one.name == "fairtune" for search in one.searches]
    tried, chosen, best = [], [], []
    for search in searches:
        done = [one for one in search.trials if one.state == "COMPLETE"]
        tried += [one.mask for one in done]
        best += [one.mask for one in sorted(done, key=lambda one: -one.value)[:3]]
        chosen.append(search.trials[search.best_trial or 0].mask)
    own = found["fairtune"]
    assert (own.searches, own.trials, own.tasks) == (3, 27, ["ham-age", "ham-sex"])
    assert own.tried == pytest.approx(np.mean(tried, axis=0))
    assert own.best == pytest.approx(np.mean(best, axis=0))
    assert own.chosen == pytest.approx(np.mean(chosen, axis=0))
    assert own.units == UNITS


def test_another_model_stands_apart_and_no_mask_is_no_share() -> None:
    rng = np.random.default_rng(1)
    tasks = [task_of(rng, "ham-age"), replace(task_of(rng, "ham-sex"), model="vit-base")]
    assert [(one.method, one.model) for one in mask_shares(tasks)] == [
        ("fairtune", "vit-tiny"),
        ("random-mask", "vit-tiny"),
        ("fairtune", "vit-base"),
        ("random-mask", "vit-base"),
    ]
    assert mask_shares([task_of(rng, methods={"full": (0.0, 0.0)})]) == []
