"""SWAD (Cha et al., NeurIPS 2021): average the weights of every step while the validation loss is near its lowest."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import torch
from safetensors import SafetensorError
from torch import Tensor
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR, SaveStrategy

from ..document.scalar import Scalar
from ..errors import FairTuneError
from ..files.atomic import write_atomically
from ..masks.moving import refuse_moving, running, trained
from ..masks.soft_mask_callback import refuse_sharded
from .method import Method, StageRecord, flag
from .valley import NOTHING, Valley

logger = logging.getLogger(__name__)
FILE_NAME = "swad.safetensors"


@dataclass(kw_only=True)
class Swad(Method):
    """Train all parameters, and end with the mean of their values over the steps in the valley (algorithm 1).

    The loss is that of each evaluation of the training, so `eval_strategy` says how finely the valley is found: its
    steps are those since the evaluation before. The mean takes the weights' place at the last step, before that is
    scored and saved; no step is changed. Where no valley began, the weights stay those of the last step, which is
    logged and recorded; algorithm 1 would average from the very first step there. Sums are float64; those of the last
    `valley_end` stretches lie in memory and in each checkpoint.
    """

    title: ClassVar[str] = "SWAD"
    citation: ClassVar[str] = """\
@inproceedings{cha2021swad,
  title = {{SWAD}: Domain Generalization by Seeking Flat Minima},
  author = {Junbum Cha and Sanghyuk Chun and Kyungjae Lee and Han-Cheol Cho and Seunghyun Park and Yunsung Lee and
            Sungrae Park},
  booktitle = {Advances in Neural Information Processing Systems},
  year = {2021}
}"""
    trains: ClassVar[str] = "all parameters, then averaged"

    valley_start: int = flag(3, "Evaluations in a row of which the first is the lowest where the valley begins.")
    valley_end: int = flag(6, "Evaluations in a row above the level where the valley has ended.")
    valley_ratio: float = flag(1.3, "The level over the mean loss where the valley begins; 1 or more.")
    found: dict[str, Scalar] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse numbers under which there is no valley."""
        for name in ("valley_start", "valley_end", "valley_ratio"):
            if not getattr(self, name) >= 1:
                raise FairTuneError(f"`{name}` is {getattr(self, name):g}; give 1 or more.")

    def callbacks(self) -> list[TrainerCallback]:
        """Return what sums the weights and puts their mean in place."""
        self.found = {"averaged": NOTHING}
        return [ValleyCallback(Valley(self.valley_start, self.valley_end, self.valley_ratio), self.found)]

    def state(self) -> dict[str, Any]:
        """Return what was averaged so far."""
        return dict(self.found)

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take up what was averaged."""
        self.found.update(state)

    def record(self) -> StageRecord:
        """Return the number of steps averaged, and the evaluations at which the valley begins and ends."""
        return StageRecord(dict(self.found))


class ValleyCallback(TrainerCallback):
    """End a training with the mean of the weights of a valley; `found` takes what was averaged."""

    def __init__(self, valley: Valley, found: dict[str, Scalar]) -> None:
        self.valley, self.found = valley, found
        self._averaged = False
        self._buffers: dict[str, Tensor] | None = None

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, _: TrainerControl, **objects: Any) -> None:
        """Check that weights can be averaged, and take up the sums of the checkpoint that is resumed."""
        if args.load_best_model_at_end or args.save_strategy == SaveStrategy.BEST:
            raise FairTuneError(
                "`load_best_model_at_end` or the save_strategy best asks for the best epoch, but swad ends with an "
                "average of steps; leave one of them out."
            )
        refuse_sharded(objects["model"].parameters(), "An average of weights")
        self._buffers = {name: values.clone() for name, values in running(objects["model"])}
        self._averaged = state.global_step >= state.max_steps
        if state.global_step and not self._averaged:
            self._read(place(args, state))

    @torch.no_grad()
    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **objects: Any
    ) -> None:
        """Add the weights; at the last step, put the mean in their place."""
        model = objects["model"]
        if self._buffers is not None:
            refuse_moving(model, self._buffers, "choose another method")
            self._buffers = None
        self.valley.add(trained(model))
        if state.global_step >= state.max_steps:
            mean, self._averaged = self.valley.average(), True
            for name, parameter in trained(model) if mean else ():
                parameter.copy_(mean[name])
            self.found.update(self.valley.facts())
            if not mean and state.is_world_process_zero:
                logger.warning(
                    "The validation loss of %d evaluations shows no valley of %d: the weights are those of the last "
                    "step.", len(self.valley.losses), self.valley.start,
                )  # fmt: skip
        self._keep(args, state, control)

    def on_epoch_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Keep the sums where a checkpoint is saved at the end of an epoch."""
        self._keep(args, state, control)

    def on_evaluate(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **objects: Any
    ) -> None:
        """End a stretch of steps by its loss; a checkpoint is saved after that."""
        loss = objects.get("metrics", {}).get("eval_loss")
        if loss is not None and not self._averaged:
            self.valley.close(float(loss))
            self._keep(args, state, control)

    def on_train_end(self, _: Any, state: TrainerState, *__: Any, **___: Any) -> None:
        """Say where a training was stopped before there was a mean."""
        if not self._averaged and state.is_world_process_zero and not state.is_hyper_param_search:
            logger.warning("Training was stopped before its last step: the weights are no average of steps.")

    def _keep(self, args: TrainingArguments, state: TrainerState, control: TrainerControl) -> None:
        """Write the sums where a checkpoint is about to be saved, whose last file is written after them."""
        if control.should_save and args.should_save and not self._averaged:
            write_atomically(place(args, state), self.valley.written())

    def _read(self, path: Path) -> None:
        try:
            self.valley.read(str(path))
        except (OSError, SafetensorError) as error:
            raise FairTuneError(
                f"`{path}` is missing, so that the average cannot go on; train from the start."
            ) from error


def place(args: TrainingArguments, state: TrainerState) -> Path:
    """Return where the sums lie in the checkpoint of this step."""
    return Path(str(args.output_dir)) / f"{PREFIX_CHECKPOINT_DIR}-{state.global_step}" / FILE_NAME


METHOD = Swad
