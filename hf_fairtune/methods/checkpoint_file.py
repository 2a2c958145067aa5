"""A file of tensors that each checkpoint of a training holds, and that a training which goes on takes up."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

from ..errors import FairTuneError
from ..files.atomic import write_atomically


class CheckpointFile(TrainerCallback):
    """Keep tensors in each checkpoint; a subclass names the file, and says what it holds."""

    file_name: ClassVar[str]

    @abstractmethod
    def tensors(self) -> Mapping[str, Tensor]:
        """Return what is to be kept."""

    @abstractmethod
    def take(self, tensors: Mapping[str, Tensor]) -> None:
        """Take up what was kept."""

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, *_: Any, **__: Any) -> None:
        """Take up the checkpoint that is resumed.

        Raises:
            FairTuneError: it lacks the file.
        """
        if not state.global_step:
            return
        path = self._place(args, state)
        try:
            kept = load_file(path)
        except (OSError, SafetensorError) as error:
            raise FairTuneError(
                f"`{path}` is missing, so that the training cannot go on; train from the start."
            ) from error
        self.take(kept)

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Write the file where a checkpoint is about to be saved, whose last file is written after it."""
        if control.should_save and args.should_save:
            found = {name: values.detach().cpu().contiguous() for name, values in self.tensors().items()}
            write_atomically(self._place(args, state), save(found))

    def on_epoch_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Do so where one is saved at the end of an epoch."""
        CheckpointFile.on_step_end(self, args, state, control)

    def _place(self, args: TrainingArguments, state: TrainerState) -> Path:
        return Path(str(args.output_dir)) / f"{PREFIX_CHECKPOINT_DIR}-{state.global_step}" / self.file_name
