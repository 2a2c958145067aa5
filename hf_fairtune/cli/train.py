"""Train by one method, with or without a mask, and test it by group."""

from typing import Any

from ..data.arguments import DataArguments
from ..trainer.arguments import FairTrainingArguments
from ..trainer.price import cost
from .job import Job, train
from .model import ModelArguments
from .notes import say
from .price import price_line, price_of

EXAMPLE = """  fairtune train --method fairtune --mask layernorm --dataset lesions.csv --label malignant \\
      --positive yes --group sex --cluster patient_id --model google/vit-base-patch16-224 --learning_rate 1e-3 \\
      --output_dir fairtune-layernorm"""
ARGUMENTS = (DataArguments, ModelArguments, FairTrainingArguments)


def run(data: DataArguments, model: ModelArguments, hyperparameters: Any, training: FairTrainingArguments) -> None:
    """Train, test, hand over."""
    job = Job(data, model, hyperparameters, training, {"command": "train"})
    with job.alone() as wanted:
        if wanted:
            trainer = job.trainer()
            say(trainer, price_line(price_of(trainer, cost(trainer, trainer.method).training, 0, 1)))
            train(trainer)
            trainer.audit("test")
            job.hand_over(trainer)
    job.print_result()
