"""FSDP: parameters are divided among processes while the stock loop trains; before it and after it each is whole."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict
from transformers import TrainingArguments

from ..errors import FairTuneError
from ..methods.method import Method

if TYPE_CHECKING:
    from .whole_trainer import WholeTrainer


def refuse_sharding(args: TrainingArguments, method: Method, optimizer: object) -> None:
    """Refuse FSDP with what it does not give a method: whole parameters between steps, a gradient of every batch.

    Raises:
        FairTuneError: it is asked for with a method that takes them, or with an optimizer of one's own.
    """
    if not args.fsdp:
        return
    for stage in (method, *method.stages()):
        if type(stage).callbacks is not Method.callbacks:
            raise FairTuneError(
                f"`fsdp` is {args.fsdp}, but the method {method.name!r} copies or changes parameters between "
                "the steps of a training, as a soft mask does, and takes each of them whole; leave `fsdp` out."
            )
        if type(stage).step is not Method.step and args.gradient_accumulation_steps > 1:
            raise FairTuneError(
                f"`fsdp` is {args.fsdp}, but the method {method.name!r} takes the gradient of each batch, and there "
                f"is one after {args.gradient_accumulation_steps} alone; leave out `fsdp`, or accumulate none."
            )
    if optimizer is not None:
        raise FairTuneError(
            "`fsdp` trains other tensors than those of an optimizer of your own; leave one of them out."
        )


@contextmanager
def sharded(trainer: WholeTrainer) -> Iterator[None]:
    """Let the stock loop train a copy by FSDP, and load its weights into the model; without FSDP, the model itself."""
    if not trainer.shards:
        yield
        return
    whole = trainer.model.cpu()
    divided: Any = copy.deepcopy(whole)
    # Accelerate would divide them once more within a block of ViT; a CNN refuses to answer.
    divided.get_input_embeddings = lambda: None
    trainer.model = trainer.model_wrapped = divided
    trainer.is_fsdp_enabled = True
    try:
        yield
        whole.load_state_dict(get_model_state_dict(trainer.model, options=StateDictOptions(full_state_dict=True)))
    finally:
        trainer.is_fsdp_enabled = False
        trainer.accelerator.free_memory()
        trainer.model_wrapped = whole.to(trainer.args.device)
        for holder in (trainer, trainer.callback_handler):
            holder.model, holder.optimizer, holder.lr_scheduler = whole, None, None
