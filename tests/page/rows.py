"""Rows of made-up patients with attributes, labels and scores: what sample documents of an audit count."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

Cells = Mapping[tuple[str, ...], tuple[int, int]]
TARGETS = {
    "binary": ["malignant"],
    "multiclass": ["melanoma", "nevus", "keratosis"],
    "multilabel": ["effusion", "edema", "pneumothorax"],
}
NAMES = ("sex", "age:60", "skin, as recorded")
LEVELS = (
    {"F": 0.52, "M": 0.48},
    {"<=60": 0.55, ">60": 0.37, "missing": 0.08},
    {"I-II": 0.45, "III-IV": 0.4, "V-VI, referred from primary care": 0.15},
)
RARE = ({"not stated": 0.012}, {"missing": 0.012}, {"皮膚の色：濃い": 0.012})


@dataclass(frozen=True)
class Partition:
    """One attribute of the rows: the group of every row, [n], as codes of `names`."""

    name: str
    columns: list[str]
    kind: str
    cuts: list[float]
    codes: np.ndarray
    names: list[str]


@dataclass(frozen=True)
class Patients:
    """Attributes, labels and scores of both models, [n, n_targets]."""

    partitions: list[Partition]
    labels: np.ndarray
    scores: np.ndarray
    reference: np.ndarray


def drawn(task: str, attributes: int, n: int, small: bool, seed: int) -> Patients:
    """Draw patients; with `small` a level of each attribute is rare and has, at most, few positives."""
    draw = np.random.default_rng(seed)
    levels = [LEVELS[a] | (RARE[a] if small else {}) for a in range(attributes)]
    shares = [np.array(list(level.values())) / sum(level.values()) for level in levels]
    codes = np.stack([draw.choice(len(share), n, p=share) for share in shares], axis=1)
    k = len(TARGETS[task])
    labels = (draw.random((n, k)) < 0.25).astype(int)
    if task == "multiclass":
        labels = np.eye(3, dtype=int)[draw.choice(3, n, p=[0.2, 0.5, 0.3])]
    if small:
        rare = codes[:, 0] == len(levels[0]) - 1
        labels[rare, 1:2] |= labels[rare, :1] if task == "multiclass" else 0
        labels[rare, 0] = 0
    return _scored(_partitions(codes, [list(level) for level in levels]), labels, draw, codes[:, 0])


def counted(cells: Cells, seed: int) -> Patients:
    """Make patients with these positives and negatives in each cell of the attributes' levels."""
    draw, width = np.random.default_rng(seed), len(next(iter(cells)))
    levels = [list(dict.fromkeys(cell[a] for cell in cells)) for a in range(width)]
    places = {cell: [levels[a].index(cell[a]) for a in range(width)] for cell in cells}
    codes = [place for cell, place in places.items() for _ in range(sum(cells[cell]))]
    labels = [
        label for pair in cells.values() for label, count in zip((1, 0), pair, strict=True) for _ in range(count)
    ]
    made = np.array(codes, dtype=int).reshape(-1, width)
    return _scored(_partitions(made, levels), np.array(labels)[:, None], draw, made[:, 0])


def _partitions(codes: np.ndarray, levels: list[list[str]]) -> list[Partition]:
    """Give each attribute its groups, and two or more their intersection, of the groups that occur."""
    found = []
    for a, names in enumerate(levels):
        kind, cuts = ("cuts", [60.0]) if a == 1 else ("levels", [])
        found.append(Partition(NAMES[a], [NAMES[a].split(":")[0]], kind, cuts, codes[:, a], names))
    if len(levels) < 2:
        return found
    texts = [" & ".join(names[c] for names, c in zip(levels, row, strict=True)) for row in codes.tolist()]
    names = sorted(set(texts))
    joint = np.array([names.index(text) for text in texts])
    columns = [column for part in found for column in part.columns]
    return [*found, Partition(" & ".join(NAMES[: len(levels)]), columns, "intersection", [], joint, names)]


def _scored(partitions: list[Partition], labels: np.ndarray, draw: np.random.Generator, worse: np.ndarray) -> Patients:
    """Draw scores that find less in the groups of a higher code; the reference finds less in all."""
    signal = 1.6 - 0.35 * worse[:, None]
    noise = draw.normal(0, 1, (2, *labels.shape))
    model, reference = (
        1 / (1 + np.exp(1.5 - s * signal * labels - e)) for s, e in zip((1.0, 0.85), noise, strict=True)
    )
    return Patients(partitions, labels, model.round(6), reference.round(6))


def auc(labels: np.ndarray, scores: np.ndarray) -> float | None:
    """Compute the AUC by mid-ranks; None where a class is absent."""
    positives = int(labels.sum())
    negatives = len(labels) - positives
    if not positives or not negatives:
        return None
    ranks = rankdata(scores)[labels == 1].sum()
    return float((ranks - positives * (positives + 1) / 2) / (positives * negatives))
