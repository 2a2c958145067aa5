"""Scores of `selection.py`: by the last weights of a training, and by the average of its last epochs."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from selection_tasks import batches
from transformers import TrainerCallback

from hf_fairtune.audits.compute import scores_from_logits
from hf_fairtune.data.fair_dataset import FairDataset
from hf_fairtune.data.transform import transform_of


class BothScores(TrainerCallback):
    """Scores validation and images kept aside by the last weights of a training, and by what it ends with."""

    def __init__(self, folder: Path, data: FairDataset, held: np.ndarray | None = None) -> None:
        self.folder, self.data, self.held, self.number = folder, data, held, 0
        self.found: dict[str, np.ndarray] = {}

    def on_step_end(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        """Score the last weights, before they are averaged."""
        if state.global_step >= state.max_steps:
            self._score("last", model)

    def on_train_end(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        """Score the average, and keep all."""
        self._score("average", model)
        self.folder.mkdir(parents=True, exist_ok=True)
        np.savez(self.folder / f"{self.number}.npz", **self.found)  # type: ignore[arg-type]

    @torch.no_grad()
    def _score(self, kind: str, model: Any) -> None:
        model.eval()
        rows = self.data.columns("validation")["row"].tolist()
        parts = {"validation": [transform_of(self.data["validation"]).pixel_values(rows)]}
        parts |= {} if self.held is None else {"held": batches(self.held, self.data)}
        for name, pixels in parts.items():
            logits = [model(pixel_values=part).logits.double().numpy() for part in pixels]
            self.found[f"{kind}-{name}"] = scores_from_logits(np.concatenate(logits))
