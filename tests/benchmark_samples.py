"""Scores of made methods on made tasks, by numpy alone."""

from dataclasses import replace

import numpy as np
from scipy.special import expit

from hf_fairtune.audits.scored_methods import ScoredMethod, ScoredTask
from hf_fairtune.document.run import Budget, MaskBits, MaskUnit, MethodFacts, Needs
from hf_fairtune.document.search import Search, Trial

# What each method adds to the log-odds of the positives of each of two groups.
METHODS = {
    "full": (0.0, 0.0),
    "fairtune": (0.0, 0.7),
    "swift-hard": (0.1, 0.1),
    "levelled": (-0.8, -0.2),
    "random-mask": (0.0, 0.0),
}
TASKS = ("ham-age", "ham-sex", "ol3i-age", "ol3i-sex", "papila-age", "fitz-tone")
UNITS = [MaskUnit(f"{block}-{kind}", block, [kind], 100) for block in range(4) for kind in ("attention", "mlp")]


def search_of(rng: np.random.Generator, n_trials: int = 10, masked: bool = True) -> Search:
    """Make a search whose trials score at random, one of them failed."""
    trials = []
    for number in range(n_trials):
        mask = rng.integers(0, 2, len(UNITS)).tolist() if masked else []
        value = float(0.6 + 0.2 * rng.random())
        trials.append(Trial(number, "COMPLETE", None, {}, mask, 1e-4, 100, value, {"1": value}, 3.0))
    trials[2] = replace(trials[2], state="FAIL", value=float("nan"), values={})
    best = max((one for one in trials if one.state == "COMPLETE"), key=lambda one: one.value).number
    return Search("min", "min_auc", "maximize", n_trials, 0.0, 1.0, best, 30.0, trials)


def method_of(rng: np.random.Generator, name: str, scores: np.ndarray, folds: int = 1) -> ScoredMethod:
    """Dress the scores of a method, [k, n]."""
    masked = name in ("fairtune", "random-mask")
    searches = [search_of(rng, masked=masked) for _ in range(folds)]
    needs = Needs(name == "swift-hard", name != "full", False, True)
    return ScoredMethod(
        name=name,
        facts=MethodFacts(name, name.title(), "@article{x}", {"weight": 0.5}, needs),
        seeds=range(len(scores)),
        scores=scores,
        cuts=np.full(scores.shape, 0.3),
        learning_rate=1e-4,
        trainable_parameters=1000,
        seconds=60.0,
        budget=Budget(10, 20.0, 30.0, "min_auc", 0.8, 10),
        searches=searches,
        mask=MaskBits("blocks", [1] * len(UNITS), 4, UNITS) if masked else None,
    )


def task_of(
    rng: np.random.Generator,
    name: str = "ham-age",
    positives: int = 60,
    methods: dict[str, tuple[float, float]] | None = None,
    runs: int = 3,
    folds: int = 1,
    noise: float = 0.1,
) -> ScoredTask:
    """Make a task of two groups of equally many rows, and the trainings of each method on it."""
    labels = np.tile(np.repeat([1, 0], [positives, 4 * positives]), 2)
    groups, n = np.repeat([0, 1], 5 * positives), 10 * positives
    shared, found = rng.standard_normal(n), []
    for method, gains in (METHODS if methods is None else methods).items():
        means = np.array([1.9, 1.3]) + np.array(gains) + noise * rng.standard_normal((runs, 2))
        own = np.sqrt(0.8) * shared + np.sqrt(0.2) * rng.standard_normal((runs, n))
        found.append(method_of(rng, method, expit(own + means[:, groups] * labels - 2), folds))
    dataset, _, attribute = name.partition("-")
    return ScoredTask(
        name=name,
        dataset=dataset,
        attribute=attribute,
        model="vit-tiny",
        split="test",
        labels=labels,
        groups=groups,
        group_names=["young", "old"],
        clusters=None,
        folds=rng.integers(0, folds, n),
        excluded=(),
        positive="melanoma",
        methods=found,
    )


def tasks_of(seed: int = 0, positives: int = 60) -> list[ScoredTask]:
    """Make six tasks of five methods and three seeds."""
    rng = np.random.default_rng(seed)
    return [task_of(rng, name, positives) for name in TASKS]
