"""FairTune's mask search in a stock `Trainer`: no class of ours but the search space and the metrics.

python scripts/stock_trainer.py lesions.csv google/vit-base-patch16-224
"""

import sys

from transformers import AutoImageProcessor, AutoModelForImageClassification, Trainer, TrainingArguments

from hf_fairtune import DataArguments, MaskSearchSpace, fairness_metrics, load_fair_dataset


def main(table: str, name: str, n_trials: int = 20) -> None:
    """Search a mask for the label `label` and the groups `sex`, and print it."""
    data = load_fair_dataset(
        DataArguments(table, label="label", group=["sex"]), AutoImageProcessor.from_pretrained(name)
    )
    space = MaskSearchSpace(
        lambda: AutoModelForImageClassification.from_pretrained(name, num_labels=2, ignore_mismatched_sizes=True)
    )
    args = TrainingArguments(
        "stock-fairtune",
        num_train_epochs=8,
        eval_strategy="epoch",
        save_strategy="no",
        remove_unused_columns=False,
        label_names=["labels", "groups"],
    )
    trainer = Trainer(
        model_init=space.model_init,
        args=args,
        train_dataset=data["train"],
        eval_dataset=data["validation"],
        compute_metrics=fairness_metrics(data.group_names),
    )
    best = trainer.hyperparameter_search(
        hp_space=space,
        compute_objective=lambda metrics: metrics["eval_min_group_auc"],
        direction="maximize",
        backend="optuna",
        n_trials=n_trials,
    )
    print(best.objective, space.mask(best.hyperparameters).bits)


if __name__ == "__main__":
    main(*sys.argv[1:])
