"""A Trainer whose batches carry groups to the loss and the metrics, and whose model a method prepares."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from transformers import PreTrainedModel, Trainer

from ..audits.compute import fairness_metrics
from ..data.table import FairDataset
from ..errors import FairTuneError
from ..families.family import fit_image_size
from ..methods.method import Method
from .arguments import FairTrainingArguments
from .checkpoints import load_weights


def public_name(model: Any) -> str:
    """Return the Hub id a model was loaded from; of a local folder its name alone, as paths stay at home."""
    name = str(model.name_or_path or type(model).__name__)
    return Path(name).name if Path(name).is_dir() else name


class DivergedError(FairTuneError):
    """The training loss is not a number any more."""


class FittingTrainer(Trainer):
    """A `Trainer` that fine-tunes by a `Method` and scores by group.

    Args:
        model: as in `Trainer`; `model_init` for a search.
        args: `FairTrainingArguments`.
        data: the table's splits; stands for `train_dataset`, `eval_dataset` and `processing_class`.
        method: how to fine-tune; else `args.method`.
        options: every other argument of `Trainer`.
    """

    model: Any
    model_init: Any
    compute_metrics: Any

    def __init__(
        self,
        model: Any = None,
        args: FairTrainingArguments | None = None,
        *,
        data: FairDataset | None = None,
        method: Method | None = None,
        **options: Any,
    ) -> None:
        args = args or FairTrainingArguments()
        self.data = data
        self.method = method or args.build_method()
        self._diverged: Any = False
        if data is not None:
            stock = {"train_dataset": data[self.train_split], "eval_dataset": data["validation"]}
            options = {**stock, "processing_class": data.processor, **options}
        scored = options.get("eval_dataset")
        if scored is not None and "groups" in scored.features:
            options.setdefault("compute_metrics", fairness_metrics(scored.features["groups"].names))
        model = None if model is None else self._prepared(model, self.method)
        super().__init__(model=model, args=args, **options)
        # The steps of a method have callbacks of their own.
        for callback in [] if self.method.stages() else self.method.callbacks():
            self.add_callback(callback)
        # The loss is a mean over the batch: accumulation divides it by the number of batches, whatever
        # the model's forward accepts.
        self.model_accepts_loss_kwargs = False
        self.loss_is_scaled_for_ga = False if self.compute_loss_func is None else None

    @property
    def train_split(self) -> str:
        """Return the split that is trained on: the external set where the data have one."""
        return "external" if self.data is not None and "external" in self.data.splits else "train"

    def call_model_init(self, trial: Any = None) -> Any:
        """Build the model and prepare it by the method, with what `trial` proposes."""
        model = super().call_model_init(trial)
        return self._prepared(model, self.method_of(trial))

    def method_of(self, trial: Any) -> Method:
        """Return the method that trains in `trial`; outside a search it is always the same."""
        return self.method

    def _prepared(self, model: Any, method: Method) -> Any:
        self.base_name = public_name(model)
        if self.data is not None:
            fit_image_size(model, self.data.image_size)
        return model if method.is_open or method.stages() else method.prepare(model)

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Return the method's loss; labels and groups never reach the model."""
        outputs = model(**{name: value for name, value in inputs.items() if name not in self.label_names})
        if self.compute_loss_func is not None:
            loss = self.compute_loss_func(outputs, inputs["labels"], num_items_in_batch=num_items_in_batch)
        else:
            loss = self.method.loss(outputs, inputs, self.args.label_smoothing_factor)
        if model.training:
            self._diverged = self._diverged | ~torch.isfinite(loss.detach())
        return (loss, outputs) if return_outputs else loss

    def train(self, resume_from_checkpoint: Any = None, trial: Any = None, **kwargs: Any) -> Any:
        """Train as `Trainer.train`.

        Raises:
            FairTuneError: the method's mask is still to be searched, or the loss is not finite.
        """
        if self.method_of(trial).is_open:
            raise FairTuneError("`mask` is empty; call `hyperparameter_search` first, or pass `mask='attention'`.")
        self._diverged, start = False, time.monotonic()
        output = super().train(resume_from_checkpoint, trial, **kwargs)
        self._refuse_diverged()
        if trial is None:
            # What an earlier process took is not known here.
            self.fitted(None if resume_from_checkpoint else time.monotonic() - start)
        return output

    def fitted(self, seconds: float | None) -> None:
        """Take note of a training, or of one step of it, that ended; `seconds` is None for a resumed one."""

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        plain = self.accelerator.unwrap_model(self.model if model is None else model)
        if self._saves_whole(plain):
            load_weights(plain, resume_from_checkpoint)
        else:
            super()._load_from_checkpoint(resume_from_checkpoint, model)

    def _load_best_model(self) -> None:
        if self._saves_whole(self.model):
            load_weights(self.model, self.state.best_model_checkpoint)
        else:
            super()._load_best_model()

    def _saves_whole(self, model: Any) -> bool:
        """Say whether checkpoints hold the whole model: neither an adapter nor the shards of a process."""
        whole = isinstance(model, PreTrainedModel) and not isinstance(model, PeftModel)
        return whole and not self.is_fsdp_enabled and not self.is_deepspeed_enabled

    def _evaluate(self, *args: Any, **kwargs: Any) -> dict[str, float]:
        self._refuse_diverged()
        return super()._evaluate(*args, **kwargs)

    def _refuse_diverged(self) -> None:
        """Raise on every process if the loss of one was not finite; asked at evaluations, not at each step."""
        flag = torch.as_tensor(self._diverged, device=self.args.device, dtype=torch.float32).reshape(1)
        self._diverged = False
        if self.accelerator.gather(flag).any():
            rate = self.args.learning_rate
            raise DivergedError(f"the training loss is NaN or infinite; lower `learning_rate` (now {rate:g}).")
