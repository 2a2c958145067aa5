"""Files that a user may drop into a room: rates, gaps, scores, cuts, a loss, a command, a method, a rule, data."""

CARD = """{title}: made for a test.

Definition: see below.

Range: 0 to 1.

Direction: higher is better.

Traps: none.

Citation: nobody.
"""
RATE = """
from .metric import Rate

METRIC = Rate(("false_negatives",), ("positives",), better="lower", needs=("positives",))
"""
GAP = """
from .metric import Gap

METRIC = Gap("max - min over groups", ("miss_rate",), better="lower", needs=("positives",))
"""
SCORE = """
from collections.abc import Callable

import numpy as np

from .metric import ScoreMetric


def mean_score(labels: np.ndarray, scores: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    return lambda weights: (weights * scores).sum(axis=-1) / weights.sum(axis=-1)


METRIC = ScoreMetric(mean_score, better="higher")
"""
CUT = """
import numpy as np

from ...document.estimate import Estimate
from .metric import CutMetric


def odds_kept(cells: np.ndarray, clusters: np.ndarray | None, cut: float, confidence: float) -> Estimate:
    return Estimate(float((cells % 2).mean()) * cut, 0.0, 1.0, "made up")


METRIC = CutMetric(odds_kept, lambda prevalence, cut: cut, better="higher")
"""
LOSS = '''"""A bias of nothing, for a test."""

import torch

from .loss import BiasValue


def nothing(probabilities, labels, side):
    return BiasValue(probabilities.sum() * 0, torch.tensor(0))


LOSS = nothing
'''
COMMAND = '''"""Greet, for a test."""

from dataclasses import dataclass, field


@dataclass
class GreetArguments:
    """Whom."""

    name: str = field(default="you", metadata={"help": "Who is greeted."})


ARGUMENTS = (GreetArguments,)
EXAMPLE = "  fairtune greet --name me"


def run(arguments):
    print("hello", arguments.name)
'''
SELECTION = '''"""The last trial, for a test."""

from .selection import Candidate, Chosen, Pool, Selection


class Last(Selection):
    """Take the last."""

    @property
    def title(self) -> str:
        return "the last trial of a test"

    def choose(self, pool: Pool) -> Chosen:
        return pool.trials[-1], [Candidate(pool.trials[-1].number, 0.5)]


SELECTION = Last
'''
METHOD = '''"""Plain fine-tuning, for a test."""

from dataclasses import dataclass, field
from typing import ClassVar

from .method import Method


@dataclass(kw_only=True)
class Plain(Method):
    """Train everything."""

    title: ClassVar[str] = "Plain tuning of a test"
    citation: ClassVar[str] = "@misc{plain, title = {A plain method}}"
    strength: float = field(default=1.5, metadata={"help": "How strong it is."})


METHOD = Plain
'''
DATASET = '''"""Squares, for a test."""

from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from .dataset import PreparedDataset


def prepare(folder: Path, download: Path | None) -> Path:
    folder.mkdir()
    draw = np.random.default_rng(0)
    table = pd.DataFrame({"image": [f"{i}.png" for i in range(120)], "y": ["sick", "well"] * 60})
    table["sex"] = draw.permutation(["F", "M"] * 60)
    for name in table.image:
        Image.fromarray(draw.integers(0, 255, (16, 16, 3), dtype=np.uint8)).save(folder / name)
    table.to_csv(folder / "table.csv", index=False)
    return folder / "table.csv"


DATASET = PreparedDataset("Squares of a test.", prepare, "y", ("sick",), ("sex",), "@misc{squares}")
'''
