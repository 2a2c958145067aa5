"""The stock `Trainer` for rows with groups or without: groups are kept for the metrics, and never reach the model."""

from __future__ import annotations

import logging
from typing import Any

from torch import Tensor, nn
from torch.utils.data import DataLoader
from transformers.trainer_utils import EvalLoopOutput

from ..data.transform import transform_in
from .group_metrics import GROUPS, LABELS, GroupMetrics
from .paper_trainer import PaperTrainer

logger = logging.getLogger(__name__)


class GroupTrainer(PaperTrainer):
    """The stock `Trainer`, which would call no metric on a batch that lacks a column of `label_names`."""

    compute_metrics: Any
    label_names: list[str]
    _signature_columns: list[str]
    _has_warned = False

    def _set_signature_columns_if_needed(self) -> None:
        super()._set_signature_columns_if_needed()
        if GROUPS not in self._signature_columns:
            self._signature_columns = [*self._signature_columns, GROUPS]

    def _remove_unused_columns(self, dataset: Any, description: str | None = None) -> Any:
        # A split of ours has pixels and labels only once its rows are read.
        kept = transform_in(dataset) is not None
        return dataset if kept else super()._remove_unused_columns(dataset, description)

    def prediction_step(
        self,
        model: nn.Module,
        inputs: dict[str, Tensor],
        prediction_loss_only: bool,
        ignore_keys: list[str] | None = None,
    ) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        """Predict as in stock; without groups the labels travel alone, and without labels the groups do not."""
        wanted = self.label_names
        if inputs.get(GROUPS) is None:
            self._warn_of_no_groups(inputs)
            self.label_names = [name for name in wanted if name != GROUPS]
        elif inputs.get(LABELS) is None:
            inputs = {name: values for name, values in inputs.items() if name != GROUPS}
        try:
            found: tuple[Tensor | None, Tensor | None, Tensor | None] = super().prediction_step(
                model, inputs, prediction_loss_only, ignore_keys
            )
            return found
        finally:
            self.label_names = wanted

    def _warn_of_no_groups(self, inputs: dict[str, Tensor]) -> None:
        if not self._has_warned and inputs.get(LABELS) is not None and self.is_world_process_zero():
            logger.warning(
                "The batches that are scored have no `%s`, so that nothing is measured by group; give the data set a "
                "column of group codes by that name, and let the collator keep it.",
                GROUPS,
            )
            self._has_warned = True

    def evaluation_loop(
        self,
        dataloader: DataLoader[Any],
        description: str,
        prediction_loss_only: bool | None = None,
        ignore_keys: list[str] | None = None,
        metric_key_prefix: str = "eval",
    ) -> EvalLoopOutput:
        """Evaluate with the groups of the data set that is scored."""
        given = self.compute_metrics
        if isinstance(given, GroupMetrics):
            self.compute_metrics = given.of(dataloader.dataset, self.model)
        try:
            return super().evaluation_loop(
                dataloader, description, prediction_loss_only, ignore_keys, metric_key_prefix
            )
        finally:
            self.compute_metrics = given
