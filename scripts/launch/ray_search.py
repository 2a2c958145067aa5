"""Search on Ray through `FairTrainer`, train what won and test it: python scripts/launch/ray_search.py FLAGS.

FLAGS are those of data, model and training, as `fairtune train` has them, and the few below. Ray is the cluster that
`RAY_ADDRESS` names, else that of this machine, which is started where there is none. Killed? The same command goes on
where it was.
"""

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from transformers import HfArgumentParser

from hf_fairtune import DataArguments, FairTrainer, FairTrainingArguments, load_fair_dataset
from hf_fairtune.cli.model import ModelArguments
from hf_fairtune.loading import load_processor, load_with_new_head


@dataclass
class RayArguments:
    """How to search."""

    trials: int = field(default=40, metadata={"help": "Trials in all."})
    mode: str = field(default="default", metadata={"help": "As in `fairtune search`."})
    workers: int | None = field(
        default=None, metadata={"help": "At most. Default: all that the cluster has room for."}
    )
    cpus: float = field(default=1, metadata={"help": "CPUs of a worker."})
    gpus: float = field(default=0, metadata={"help": "GPUs of a worker."})
    storage: str | None = field(
        default=None, metadata={"help": "URL of a database that all machines reach. Default: a file, for one machine."}
    )


def trainer_of(data: DataArguments, model: ModelArguments, args: FairTrainingArguments) -> FairTrainer:
    """Build the trainer, whose mask and learning rate are to be searched."""
    folder = Path(args.output_dir)
    splits = load_fair_dataset(data, load_processor(model.model), seed=args.seed, splits_file=folder / "splits.json")
    model_init = partial(load_with_new_head, model.model, splits.label_names)
    return FairTrainer(model_init=model_init, args=args, data=splits)


def main() -> None:
    """Search, train, test, hand over."""
    parser = HfArgumentParser((DataArguments, ModelArguments, FairTrainingArguments, RayArguments))
    data, model, args, ray = parser.parse_args_into_dataclasses()
    trainer = trainer_of(data, model, args)
    best = trainer.hyperparameter_search(
        n_trials=ray.trials,
        mode=ray.mode,
        backend="ray",
        resources_per_trial={"cpu": ray.cpus, "gpu": ray.gpus},
        max_concurrent_trials=ray.workers,
        storage=ray.storage,
    )
    print(f"trial {best.run_id} wins with {best.objective}")
    trainer.train(resume_from_checkpoint=True)
    for entry in trainer.audit("test"):
        print(entry.attribute, entry.audit.min_group_auc.value)
    trainer.save_model()


if __name__ == "__main__":
    main()
