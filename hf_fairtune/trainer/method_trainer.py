"""The stock `Trainer` whose loss, step and rows are those of a method."""

from typing import Any

from torch import Tensor, nn
from torch.utils.data import Sampler

from ..data.balanced_sampler import balanced_sampler
from ..data.uses import UsedRows, Uses
from ..errors import FairTuneError
from ..methods.method import Batch, Method, forward
from .divergence import Divergence
from .epoch_of_rows import whole_batches
from .even_shares import EvenShares, is_filled_up, real_rows, weight
from .finite_start import check_first_scores
from .group_metrics import LABELS
from .group_trainer import GroupTrainer
from .smaller_batch import Start
from .whole_batch import loss_over_processes


class MethodTrainer(GroupTrainer):
    """The stock `Trainer` with a `method`; a loss that is not finite ends the training at the next evaluation."""

    method: Method
    divergence: Divergence
    train_dataset: Any
    _start: Start
    _is_begun = False
    # Rows that a batch keeps together.
    _block = 1

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        # What cannot be drawn is said before anything is trained.
        self._balanced(self.train_dataset)

    def _inner_training_loop(self, batch_size: int | None = None, **options: Any) -> Any:
        self._is_begun = False
        if self.args.auto_find_batch_size and batch_size is not None:
            if batch_size < self._train_batch_size:
                self._start.restore(self)
            else:
                self._start = Start.of(self)
        return super()._inner_training_loop(batch_size, **options)

    def compute_loss(
        self, model: nn.Module, inputs: Batch, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Return the method's loss; labels and groups never reach the model.

        Raises:
            FairTuneError: the batch lacks the labels.
        """
        if inputs.get(LABELS) is None:
            raise FairTuneError(
                f"a batch has the columns {', '.join(inputs)}, but the loss takes `{LABELS}`; let the data set have "
                "them, and the collator keep them."
            )
        several = model.training and self.accelerator.num_processes > 1
        if self.compute_loss_func is None and several and self.method.whole_batch:
            loss, outputs = loss_over_processes(self.method, model, inputs)
        elif self.compute_loss_func is None:
            loss, outputs = self.method.loss(model, inputs)
            loss = loss * weight(len(inputs[LABELS]), loss.device) if several else loss
            if not model.training and is_filled_up():
                # Scores of rows that fill a batch up are left out later; the mean of the loss must not hold them.
                rows = real_rows(len(inputs[LABELS]))
                kept = {name: values[: rows or None] for name, values in inputs.items()}
                # On every process, as FSDP lets none score alone.
                exact = self.method.loss(self.accelerator.unwrap_model(model), kept)[0]
                loss = exact if rows else loss
        else:
            outputs = forward(model, inputs)
            loss = self.compute_loss_func(outputs, inputs["labels"], num_items_in_batch=num_items_in_batch)
        if model.training:
            self.divergence.note(loss)
            if not self._is_begun and self.state.global_step == 0:
                check_first_scores(self, outputs)
            self._is_begun = True
        return (loss, outputs) if return_outputs else loss

    def training_step(self, model: nn.Module, inputs: Batch, num_items_in_batch: Any = None) -> Tensor:
        """Take the method's step."""
        self._num_items = num_items_in_batch
        return self.method.step(self, model, inputs)

    def stock_step(self, model: nn.Module, batch: Batch) -> Tensor:
        """Run forward, loss and backward of the stock Trainer; return the detached loss."""
        loss: Tensor = super().training_step(model, batch, self._num_items)
        return loss

    def get_train_dataloader(self) -> Any:
        """Return the stock loader; each use of a row draws its own augmentation, and a last batch is shared evenly."""
        given, self.train_dataset = self.train_dataset, UsedRows.of(self.train_dataset)
        try:
            loader = super().get_train_dataloader()
        finally:
            self.train_dataset = given
        if isinstance(loader.dataset, UsedRows):
            batches = whole_batches(loader)
            batches.sampler = Uses(batches.sampler, self.args.seed)
        return EvenShares.of(loader, self._block)

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler[int] | None:
        data: Any = self.train_dataset if train_dataset is None else train_dataset
        sampler = self.method.rows(data)
        sampler = self._balanced(data) if sampler is None else sampler
        self._block = getattr(sampler, "views", 1)
        return super()._get_train_sampler(train_dataset) if sampler is None else sampler

    def _balanced(self, data: Any) -> Sampler[int] | None:
        """Return the sampler of the arguments, if they ask for one.

        Raises:
            FairTuneError: the method, or another argument, says which rows are drawn, or the rows cannot be.
        """
        drawn = getattr(self.args, "sampler", None)
        if drawn is None or data is None:
            return None
        if own := self.method.own_rows():
            raise FairTuneError(
                f"`sampler` is {drawn}, but the method {self.method.name!r} draws its rows itself: {own}; leave the "
                "sampler out."
            )
        if self.args.train_sampling_strategy != "random":
            raise FairTuneError(
                f"`sampler` is {drawn}, which draws at random, but `train_sampling_strategy` is "
                f"{self.args.train_sampling_strategy}; leave one of them out."
            )
        seed = self.args.seed if self.args.data_seed is None else self.args.data_seed
        return balanced_sampler(drawn, data, seed)

    def _evaluate(self, *args: Any, **kwargs: Any) -> dict[str, float]:
        self.divergence.refuse(self)
        return super()._evaluate(*args, **kwargs)
