"""A Trainer that keeps a record of what it ran."""

from __future__ import annotations

from typing import Any

from ..errors import FairTuneError
from ..families.family import counts
from ..families.head import find_head
from ..record import Record
from ..search.run import Search, StudySearch
from .searching import SearchingTrainer

KEPT_ARGUMENTS = (
    "num_train_epochs",
    "per_device_train_batch_size",
    "gradient_accumulation_steps",
    "optim",
    "lr_scheduler_type",
    "warmup_steps",
    "weight_decay",
    "max_grad_norm",
    "label_smoothing_factor",
    "bf16",
    "fp16",
)


class RecordingTrainer(SearchingTrainer):
    """A `SearchingTrainer` whose model, arguments, searches and trainings are in `record`."""

    _record: Record | None = None

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._steps: list[dict[str, Any]] = []
        self._trained: set[str] = set()

    @property
    def record(self) -> Record:
        """Return what this run was and scored so far.

        Raises:
            FairTuneError: the trainer was built without `data`, which names labels and groups.
        """
        if self.data is None:
            raise FairTuneError("a record needs the splits; build the trainer with `data=load_fair_dataset(...)`.")
        if self._record is None:
            self._record = Record("train", self.args.seed, {}, self.data.sheet(), self.method.name)
        record, (total, trained) = self._record, counts(self.model)
        if self._trained:
            trained = sum(p.numel() for name, p in self.model.named_parameters() if name in self._trained)
        record.method = self.method.name
        record.learning_rate = self.args.learning_rate
        record.arguments = self._arguments()
        chosen = self.method.to_dict()
        record.mask, record.space = self.mask_bits(), chosen.get("space")
        record.model = {
            "name": self.base_name,
            "model_type": self.model.config.model_type,
            "image_size": self.data.image_size,
            "parameters": total,
            "trainable_parameters": trained,
            "blocks": getattr(self.model.config, "num_hidden_layers", 0),
        }
        return record

    def mask_bits(self) -> list[int] | None:
        """Return the bits of the model's mask, or None where the method has none."""
        config = getattr(self.model, "peft_config", {}).get("default")
        if config is None or not hasattr(config, "mask"):
            return None
        return list(config.mask)

    def _arguments(self) -> dict[str, Any]:
        """Return the training arguments that decide a result; paths and tokens stay here."""
        known = self.args.to_dict()
        return {name: known[name] for name in KEPT_ARGUMENTS} | {"processes": self.args.world_size}

    def searched(self, search: Search, seconds: float) -> None:
        """Keep the search in the record."""
        if self.data is not None and isinstance(search, StudySearch):
            record = self.record
            record.job, record.search, record.trials = "search", search.facts(seconds), search.rows()

    def fitted(self, seconds: float | None) -> None:
        """Keep the validation metrics by epoch of a training, or of a step of it."""
        if self.data is None:
            return
        self._trained |= {name for name, p in self.model.named_parameters() if p.requires_grad}
        method, rate = self.method, self.args.learning_rate
        name = method.name if method.step == method.name else f"{method.name}, {method.step}"
        epochs = [entry for entry in self.state.log_history if "eval_loss" in entry]
        self.record.training.append({"model": name, "learning_rate": rate, "epochs": epochs})
        passed = self.state.epoch or 0.0
        step = {"name": method.step, "epochs": passed, "learning_rate": rate, "seconds": seconds}
        batches = round(passed * len(self.get_train_dataloader()))
        self._steps.append({**step, **method.told(), "batches": batches, "reinitialised": method.reinitialised()})

    def repaired(self, **facts: Any) -> None:
        """Keep how the model was repaired: its method's mask, its steps, and `facts` about data and calibration."""
        assert self.data is not None
        steps = [{key: value for key, value in step.items() if key != "reinitialised"} for step in self._steps]
        zeroed = [step["reinitialised"] for step in self._steps if step["reinitialised"]]
        head = find_head(self.model, getattr(self.method, "head", None))
        self.record.job = "debias"
        self.record.repair = {
            # An adapter's wrappers are no part of the name.
            "head": head.removeprefix("base_model.model.").removesuffix(".ln_tuning_layers.default"),
            "mask": self.method.facts(self.data.group_names),
            "reinitialised": zeroed[-1] if zeroed else None,
            "steps": steps,
            "seconds": None if any(step["seconds"] is None for step in steps) else sum(s["seconds"] for s in steps),
            **facts,
        }
