"""SWiFT's first step in a stock `Trainer`: no class of ours but the data, the mask's callback and the loss.

python scripts/stock_repair.py lesions.csv my-team/melanoma
"""

import sys

import torch
from transformers import AutoImageProcessor, AutoModelForImageClassification, Trainer, TrainingArguments

from hf_fairtune import (
    DataArguments,
    EvalModeCallback,
    SoftMaskCallback,
    fairness_metrics,
    fisher_importance,
    load_fair_dataset,
    soft_mask,
)
from hf_fairtune.losses.loss import bias_loss_named, margin, weighted_bce


class RepairTrainer(Trainer):
    """A stock Trainer with the loss of eq. 10."""

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):  # type: ignore[no-untyped-def]
        """Return 0.1 * prediction loss + 0.9 * bias loss of a batch, group 1 against group 0."""
        outputs = model(pixel_values=inputs["pixel_values"])
        z = margin(outputs.logits)
        bias = bias_loss_named("equalized_odds")(torch.sigmoid(z), inputs["labels"], inputs["groups"] == 1)
        loss = 0.1 * weighted_bce(z, inputs["labels"]) + 0.9 * bias.value
        return (loss, outputs) if return_outputs else loss


def main(table: str, name: str, epochs: int = 5) -> None:
    """Repair the model `name` for the label `label` and the groups `sex`, and print its metrics by group."""
    arguments = DataArguments(table, label="label", group=["sex"])
    data = load_fair_dataset(arguments, AutoImageProcessor.from_pretrained(name)).with_external()
    model = AutoModelForImageClassification.from_pretrained(name)
    mask = soft_mask(fisher_importance(model, data.plain("external")))
    args = TrainingArguments(
        "stock-swift",
        num_train_epochs=epochs,
        learning_rate=1e-4,
        eval_strategy="epoch",
        save_strategy="no",
        remove_unused_columns=False,
        label_names=["labels", "groups"],
    )
    trainer = RepairTrainer(
        model=model,
        args=args,
        train_dataset=data["external"],
        eval_dataset=data["validation"],
        compute_metrics=fairness_metrics(data.group_names),
        callbacks=[SoftMaskCallback(mask), EvalModeCallback()],
    )
    trainer.train()
    print(trainer.evaluate())


if __name__ == "__main__":
    main(*sys.argv[1:])
