"""The stock `Trainer` where an evaluation scores every row, exactly, and a checkpoint stays whole and at home."""

from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from types import MappingProxyType
from typing import Any

from torch import Tensor
from torch.utils.data import DataLoader
from transformers import Trainer
from transformers.trainer_utils import EvalLoopOutput

from ..families.precision import HALF, float32_head
from .checkpoints import PREFIX, keep_whole, load_whole, named_checkpoint
from .kept_prefix import Filled, kept_prefix
from .sharding import sharded


class WholeTrainer(Trainer):
    """The stock `Trainer`; `dataloader_drop_last` is of the training alone.

    `last_output` is that of the last evaluation or prediction, `filled` is what the last training calculated of frozen
    layers to keep it in `activation_folder`, or beside the pixels.
    """

    last_output: EvalLoopOutput | None = None
    filled: Mapping[str, Filled] = MappingProxyType({})
    activation_folder: Path | None = None
    shards = False  # whether FSDP divides the model while it is trained
    is_fsdp_enabled: bool

    def _get_dataloader(self, *args: Any, is_training: bool = False, **kwargs: Any) -> Any:
        asked = self.args.dataloader_drop_last
        self.args.dataloader_drop_last = asked and is_training
        try:
            return super()._get_dataloader(*args, is_training=is_training, **kwargs)
        finally:
            self.args.dataloader_drop_last = asked

    def _inner_training_loop(self, *args: Any, **kwargs: Any) -> Any:
        gigabytes = 0.0 if self.shards else getattr(self.args, "activation_gb", 0.0)
        with kept_prefix(self, gigabytes, self.activation_folder) as self.filled, sharded(self):
            return super()._inner_training_loop(*args, **kwargs)

    def create_accelerator_and_postprocess(self) -> None:
        """Make the accelerator; what stock does otherwise under FSDP is for its loop alone."""
        super().create_accelerator_and_postprocess()
        self.shards, self.is_fsdp_enabled = self.is_fsdp_enabled, False

    def evaluation_loop(
        self,
        dataloader: DataLoader[Any],
        description: str,
        prediction_loss_only: bool | None = None,
        ignore_keys: list[str] | None = None,
        metric_key_prefix: str = "eval",
    ) -> EvalLoopOutput:
        """Evaluate as in stock and keep the output; logits are float32 where the rest runs in half precision."""
        self.last_output = None
        half = self.args.bf16 or self.args.fp16 or next(self.model.parameters()).dtype in HALF
        with float32_head(self.model, getattr(self.args, "head", None)) if half else nullcontext():
            self.last_output = super().evaluation_loop(
                dataloader, description, prediction_loss_only, ignore_keys, metric_key_prefix
            )
        return self.last_output

    def floating_point_ops(self, inputs: dict[str, Tensor]) -> int:
        """Count none: stock walks over all parameters at each step, by a formula for tokens of text."""
        return 0

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        model = self.model if model is None else model
        if self.shards and not self.is_fsdp_enabled:
            return  # once the model is divided
        if self.is_fsdp_enabled or not load_whole(self, model, resume_from_checkpoint):
            super()._load_from_checkpoint(resume_from_checkpoint, model)

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        """Save as in stock, and seal what was saved before an older checkpoint goes."""
        limit, self.args.save_total_limit = self.args.save_total_limit, None
        folder = Path(self._get_output_dir(trial)) / f"{PREFIX}{self.state.global_step}"
        try:
            super()._save_checkpoint(model, trial)
        finally:
            self.args.save_total_limit = limit
        # Every process writes its own state of chance.
        self.accelerator.wait_for_everyone()
        if self.args.should_save:
            keep_whole(folder, limit, self.state.best_model_checkpoint)

    def _load_best_model(self) -> None:
        named_checkpoint(str(self.state.best_model_checkpoint))
        if self.is_fsdp_enabled or not load_whole(self, self.model, self.state.best_model_checkpoint):
            super()._load_best_model()

    def _save(self, output_dir: str | None = None, state_dict: dict[str, Tensor] | None = None) -> None:
        # Stock pickles all arguments, the token among them, into `training_args.bin`.
        token, self.args.hub_token = self.args.hub_token, None
        try:
            super()._save(output_dir, state_dict)
        finally:
            self.args.hub_token = token

    def init_hf_repo(self, token: str | None = None, private: bool | None = None) -> None:
        """Make no repository before there is something to share; `push_to_hub` makes it."""

    def _push_from_checkpoint(self, checkpoint_folder: str) -> None:
        """Push nothing in mid-training: a checkpoint's folder also holds the study and the splits."""
