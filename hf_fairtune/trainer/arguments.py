"""The arguments of a training: `TrainingArguments`, a method and FairTune's schedule."""

import json
import logging
import warnings
from dataclasses import dataclass, field, fields
from typing import Any, Literal

import torch
from transformers import TrainingArguments
from transformers.trainer_utils import HubStrategy

from .. import catalog
from ..data.balanced_sampler import Drawn
from ..document.run import RecipeFacts
from ..errors import FairTuneError
from ..losses.cross_entropy import CrossEntropy, class_weights, numbers
from ..methods.facts import label_counts
from .number_checks import check_numbers
from .paper_trainer import refuse_schedule
from .refusals import best_is_greater, check_average, refuse, refuse_values

# What cannot change a number: places, logs, the Hub, how batches reach the device. Whatever is not named here may,
# fields of later versions of transformers among them.
FREE_KINDS = ("do_", "hub_", "log_", "logging_", "trackio_")
FREE = {
    "output_dir", "resume_from_checkpoint", "disable_tqdm", "include_num_input_tokens_seen", "skip_memory_metrics",
    "debug", "report_to", "run_name", "project", "push_to_hub", "per_device_eval_batch_size",
    "eval_accumulation_steps", "torch_empty_cache_steps", "dataloader_pin_memory", "dataloader_persistent_workers",
    "dataloader_prefetch_factor", "dataloader_multiprocessing_context", "save_total_limit", "save_on_each_node",
    "enable_jit_checkpoint", "use_cpu", "local_rank", "ddp_backend", "ddp_timeout", "contact", "activation_gb",
}  # fmt: skip
# What is saved decides only which epochs `load_best_model_at_end` can choose from.
SAVING = {"save_strategy", "save_steps"}
WEIGHTS = (
    "Weights of the classes in the cross-entropy: balanced (rows / (classes * rows of a class)), or a number each."
)
SAMPLER = (
    "Rows of an epoch, drawn with replacement: balanced has every class equally often, group every group, group_label "
    "every group with every label; default: every row once."
)
UNDER_MASK = (
    "What moves, where the method trains everything and changes only loss, rows or step: linear, layernorm, "
    "attention, mlp, norm, convolution, all, or bits as `fairtune units` lists them."
)
CONTACT = "Whom to ask about the model, on its card: a name, an address of mail or of a page."
logger = logging.getLogger(__name__)


@dataclass
class FairTrainingArguments(TrainingArguments):
    """`TrainingArguments` with the method, and FairTune's schedule as defaults (section 4.1).

    Every field of `TrainingArguments` keeps its meaning. What cannot work here is refused. `followed` is the recipe
    that they were built from, which a document keeps.

    Example:
        >>> FairTrainingArguments.of(TrainingArguments("out", num_train_epochs=3)).num_train_epochs
        3
    """

    output_dir: str = field(
        default="trainer_output", metadata={"help": "Where the run goes; the same command takes up what is there."}
    )
    method: str = field(
        default="fairtune",
        metadata={"help": "How to fine-tune; `fairtune methods` lists the ways.", "choices": catalog.names("methods")},
    )
    followed: RecipeFacts | None = field(default=None, init=False, repr=False)
    under_mask: str | None = field(default=None, metadata={"help": UNDER_MASK})
    head: str | None = field(default=None, metadata={"help": "Module of the classification head, if not found."})
    num_train_epochs: float = field(default=30.0, metadata={"help": "Epochs of a trial and of the final training."})
    per_device_train_batch_size: int = field(default=64, metadata={"help": "Images a step and device."})
    per_device_eval_batch_size: int = field(default=128, metadata={"help": "Images an evaluation step and device."})
    learning_rate: float = field(default=1e-4, metadata={"help": "Peak learning rate; a search draws its own."})
    lr_scheduler_type: str = field(
        default="cosine", metadata={"help": "Schedule after the warm-up: linear, constant, ... as in transformers."}
    )
    warmup_steps: float = field(default=1 / 3, metadata={"help": "Steps, or the share of all steps if below 1."})
    average_last: float = field(
        default=0.0,
        metadata={
            "help": "Last epochs whose weights are averaged at the end: a number, or their share below 1; 0 for none."
        },
    )
    weight_decay: float = field(default=1e-4, metadata={"help": "AdamW's weight decay."})
    class_weights: list[str] | None = field(default=None, metadata={"help": WEIGHTS})
    sampler: Drawn | None = field(default=None, metadata={"help": SAMPLER})
    decay_all: bool = field(default=False, metadata={"help": "Decay norms and biases, too, as FairTune's code does."})
    schedule_per: Literal["step", "epoch"] = field(
        default="step",
        metadata={"help": "When the learning rate changes; a warm-up by epochs begins at a hundredth of it."},
    )
    eval_strategy: str = field(default="epoch", metadata={"help": "When to score the validation split."})
    save_strategy: str = field(default="epoch", metadata={"help": "When to save a checkpoint to resume from."})
    save_total_limit: int | None = field(
        default=2, metadata={"help": "Checkpoints kept; of 2 one is left where the other is damaged."}
    )
    push_to_hub: bool = field(default=False, metadata={"help": "Push what may be shared at the end, in private."})
    contact: str | None = field(default=None, metadata={"help": CONTACT})
    hub_model_id: str | None = field(
        default=None, metadata={"help": "Repository to push to. Default: the name of the output folder."}
    )
    hub_strategy: str = field(default="end", metadata={"help": "When to push: at the end alone."})
    logging_strategy: str = field(default="epoch", metadata={"help": "When to log the loss."})
    greater_is_better: bool | None = field(
        default=None, metadata={"help": "Whether a higher metric_for_best_model is better; ours know it themselves."}
    )
    remove_unused_columns: bool | None = field(
        default=False, metadata={"help": "Drop columns that the model does not take, but for labels and groups."}
    )
    activation_gb: float = field(
        default=8.0,
        metadata={
            "help": "Gigabytes of disk, beside the pixels, for what frozen first layers give, which is calculated "
            "once; 0 keeps none."
        },
    )
    dataloader_pin_memory: bool = field(
        default_factory=torch.cuda.is_available, metadata={"help": "Pin batches in memory for the accelerator."}
    )
    label_names: list[str] | None = field(
        default_factory=lambda: ["labels", "groups"], metadata={"help": "What travels to the metrics."}
    )

    def __post_init__(self) -> None:
        asked = self.greater_is_better
        refuse_values(self)
        super().__post_init__()
        self.greater_is_better = best_is_greater(self.metric_for_best_model, asked, self.greater_is_better)
        refuse(self)
        refuse_schedule(self)
        numbers(self.class_weights or ())
        check_average(self.average_last, self, None if self.max_steps > 0 else self.num_train_epochs)
        check_numbers(self)

    @classmethod
    def of(cls, args: TrainingArguments) -> "FairTrainingArguments":
        """Return stock arguments as ours: every value stays, and the method is plain fine-tuning.

        Two defaults of theirs cannot stay: a checkpoint is not pushed in mid-training, and groups travel to metrics of
        ours. Arguments that are ours already come back as they are.

        Raises:
            FairTuneError: a value cannot work here.
        """
        if isinstance(args, cls):
            return args
        known = {one.name for one in fields(args) if one.init}
        own = {one.name: getattr(args, one.name) for one in fields(cls) if one.name in known}
        if own["hub_strategy"] == HubStrategy.EVERY_SAVE:
            own["hub_strategy"] = "end"
            if args.push_to_hub:
                logger.warning("`hub_strategy` is every_save; here the model is pushed at the end alone.")
        with warnings.catch_warnings():
            # What is deprecated was said where the arguments were made.
            warnings.simplefilter("ignore", FutureWarning)
            found = cls(**own, method="plain", activation_gb=0.0)
        # Fields of a class of one's own, which callbacks may read.
        found.__dict__.update({name: value for name, value in vars(args).items() if name not in vars(found)})
        return found

    def cross_entropy(self, rows: Any, own_loss: object = None) -> CrossEntropy:
        """Return the cross-entropy with the options asked for; `rows` are those trained on.

        Raises:
            FairTuneError: weights that do not fit the rows, or options that a loss of one's own would not know.
        """
        weights = class_weights(self.class_weights, label_counts(rows)) if self.class_weights else ()
        found = CrossEntropy(self.label_smoothing_factor, weights)
        for name in found.given() if own_loss is not None else ():
            raise FairTuneError(f"`{name}` has no effect on a `compute_loss_func` of your own; leave one of them out.")
        return found

    def deciding(self) -> dict[str, Any]:
        """Return, as JSON, every argument that a result may depend on: all but those known to change no number."""
        free = FREE if self.load_best_model_at_end else FREE | SAVING
        every = self.to_dict().items()
        known = {name: value for name, value in every if name not in free and not name.startswith(FREE_KINDS)}
        decoded: dict[str, Any] = json.loads(json.dumps(known, default=str))
        return decoded
