"""Fine-tune an image classifier on a folder of images with a stock `Trainer`: what the diffs beside it add lines to.

python scripts/drop_in/image_classification.py --model_name_or_path google/vit-base-patch16-224 --data_dir lesions \
    --do_train --do_eval --eval_strategy epoch --remove_unused_columns false --output_dir lesions-vit

The folder has `train/` and `validation/`, each of images and a metadata.csv with file_name, label and more.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from datasets import load_dataset
from PIL import ImageOps
from transformers import (
    AutoConfig,
    AutoImageProcessor,
    AutoModelForImageClassification,
    EvalPrediction,
    HfArgumentParser,
    Trainer,
    TrainingArguments,
    set_seed,
)


@dataclass
class DataTrainingArguments:
    """Where the images are."""

    data_dir: str = field(metadata={"help": "Folder of images with a part for training and one for validation."})
    label_column: str = field(default="label", metadata={"help": "Column of the label."})
    max_train_samples: int | None = field(default=None, metadata={"help": "Rows to train on, for a quick look."})


@dataclass
class ModelArguments:
    """What is fine-tuned."""

    model_name_or_path: str = field(metadata={"help": "Model of the Hub, or its folder."})
    ignore_mismatched_sizes: bool = field(default=True, metadata={"help": "Draw a new head where it has other sizes."})


def collate(rows: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
    """Make a batch of rows."""
    batch = {"pixel_values": torch.stack([row["pixel_values"] for row in rows])}
    batch["labels"] = torch.tensor([row["label"] for row in rows])
    return batch


def accuracy(prediction: EvalPrediction) -> dict[str, float]:
    """Return the share of rows that are classified right."""
    return {"accuracy": float((np.argmax(prediction.predictions, axis=1) == prediction.label_ids).mean())}


def main() -> None:
    """Train, evaluate and save."""
    parser = HfArgumentParser((ModelArguments, DataTrainingArguments, TrainingArguments))
    model_args, data_args, training_args = parser.parse_args_into_dataclasses()
    set_seed(training_args.seed)
    sets = load_dataset("imagefolder", data_dir=data_args.data_dir)
    sets = sets.class_encode_column(data_args.label_column)
    sets = sets.rename_columns({data_args.label_column: "label"} if data_args.label_column != "label" else {})
    names = sets["train"].features["label"].names

    config = AutoConfig.from_pretrained(
        model_args.model_name_or_path,
        label2id={name: code for code, name in enumerate(names)},
        id2label=dict(enumerate(names)),
    )
    model = AutoModelForImageClassification.from_pretrained(
        model_args.model_name_or_path,
        config=config,
        ignore_mismatched_sizes=model_args.ignore_mismatched_sizes,
    )
    processor = AutoImageProcessor.from_pretrained(model_args.model_name_or_path)

    def plain(rows: dict[str, list[Any]]) -> dict[str, list[Any]]:
        images = [image.convert("RGB") for image in rows["image"]]
        rows["pixel_values"] = list(processor(images, return_tensors="pt")["pixel_values"])
        return rows

    def augmented(rows: dict[str, list[Any]]) -> dict[str, list[Any]]:
        mirrored = [ImageOps.mirror(image) if torch.rand(1) < 0.5 else image for image in rows["image"]]
        return plain({**rows, "image": mirrored})

    if data_args.max_train_samples is not None:
        sets["train"] = sets["train"].shuffle(seed=training_args.seed).select(range(data_args.max_train_samples))
    sets["train"].set_transform(augmented)
    sets["validation"].set_transform(plain)

    trainer = Trainer(
        model=model,
        args=training_args,
        train_dataset=sets["train"],
        eval_dataset=sets["validation"],
        compute_metrics=accuracy,
        processing_class=processor,
        data_collator=collate,
    )

    if training_args.do_train:
        result = trainer.train(resume_from_checkpoint=training_args.resume_from_checkpoint)
        trainer.save_model()
        trainer.log_metrics("train", result.metrics)
        trainer.save_metrics("train", result.metrics)
        trainer.save_state()
    if training_args.do_eval:
        metrics = trainer.evaluate()
        trainer.log_metrics("eval", metrics)
        trainer.save_metrics("eval", metrics)
    trainer.create_model_card(finetuned_from=model_args.model_name_or_path, tasks="image-classification")


if __name__ == "__main__":
    main()
