"""Scores that several methods, each trained several times, gave to the test rows of one task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..document.run import Budget, MaskBits, MethodFacts
from ..document.search import Search


@dataclass(frozen=True)
class ScoredMethod:
    """A method on a task: its scores by seed, and how it was tuned.

    Args:
        name: of the row in the protocol, such as "swift-hard"; several rows may share a method.
        facts: the method with the hyper-parameters that the search chose, of the first fold.
        seeds: of its trainings, [k].
        scores: of the positive label, [k, n]; NaN where a training has none, because it diverged.
        cuts: threshold fitted on validation by Youden's index, of each training and row, [k, n].
        learning_rate: chosen, of the first fold.
        trainable_parameters: that required a gradient.
        seconds: of all its trainings, the search apart.
        budget: what the search took, over all folds; None where nothing was searched.
        searches: one a fold; empty where nothing was searched.
        lacking: why it has no scores, such as "no trial is feasible"; "" where it has.
        mask: of the first fold's chosen trial, whose units name the bits of every trial; None where none is searched.
    """

    name: str
    facts: MethodFacts
    seeds: Sequence[int]
    scores: np.ndarray
    cuts: np.ndarray
    learning_rate: float
    trainable_parameters: int
    seconds: float
    budget: Budget | None = None
    searches: Sequence[Search] = ()
    lacking: str = ""
    mask: MaskBits | None = None


@dataclass(frozen=True)
class ScoredTask:
    """The test rows of a task: one table, one attribute, one model, one test split.

    Args:
        name: such as "ham-age, vit-tiny"; unique.
        dataset: name of the table.
        attribute: that makes the groups.
        model: name of the pretrained model.
        split: "test", or an added test set's name.
        labels: 0 or 1, [n].
        groups: codes of `group_names`, [n].
        group_names: name of each code.
        clusters: id of each row's cluster (the patient), [n]; None where rows are independent.
        folds: test fold of each row, int [n]; zeros where there is one test split.
        repeats: whether each fold has all rows again, one fold after another, because the models of all folds scored
            them. A run is then a model for each fold, its AUC their mean, and a row is one case, not one for each.
        excluded: groups that are left out of minimum and gap.
        positive: name of the positive label.
        methods: in the order of the protocol.
    """

    name: str
    dataset: str
    attribute: str
    model: str
    split: str
    labels: np.ndarray
    groups: np.ndarray
    group_names: Sequence[str]
    clusters: np.ndarray | None
    folds: np.ndarray
    excluded: Sequence[str]
    positive: str
    methods: Sequence[ScoredMethod]
    repeats: bool = False
