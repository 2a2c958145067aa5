"""`FairTrainer`: the stock `Trainer` with a method and a search of its hyper-parameters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from transformers import TrainingArguments
from transformers.trainer_utils import BestRun, HPSearchBackend

from ..combinations.combination import Combination, combination_named
from ..data.collate import collate
from ..data.fair_dataset import FairDataset
from ..document.run import MaskBits
from ..errors import FairTuneError
from ..losses.cross_entropy import CrossEntropy
from ..methods.facts import Facts
from ..methods.method import Method, NotSearchedError
from ..search.hours import Ration
from ..search.modes import Mode
from ..search.plan import Plan
from ..search.searcher import Searcher
from ..search.study_options import SearchOptions, StudyOptions
from ..selections.selection import Selection, selection_named
from ..signals import stopping_safely
from . import on_ray, reports, searching
from .arguments import FairTrainingArguments
from .audited_trainer import AuditedTrainer
from .audits import Audits, scores_of
from .classes import class_names, names_of
from .divergence import Divergence
from .folding import CrossFit
from .group_metrics import GroupMetrics, label_columns
from .refusals import check_best_metric, refuse
from .run_facts import TrainingLog
from .sharding import refuse_sharding
from .stages import chosen, prepared, prepared_with, train_stages, view_of
from .team import Team
from .trial import train_trial

if TYPE_CHECKING:
    from peft import PeftConfig
    from torch import Tensor, nn
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler
    from transformers import EvalPrediction, PreTrainedModel, TrainerCallback
    from typing_extensions import Unpack

    from .stock_types import Collator, Processor, Rows


class FairTrainer(AuditedTrainer):
    """The stock `Trainer`, made fair to patients: a method, audits by group, a search, a hand-over.

    Args:
        model, args, ...: as in `Trainer`, in its order; `model_init` for a search. Stock `TrainingArguments` train as
            they do there, `FairTrainingArguments` by their `method`. Without `compute_metrics`, numbers are by group.
        data: the splits of `load_fair_dataset`; stands for `train_dataset`, `eval_dataset` and `processing_class`.
        method: how to fine-tune, or its name; else `args.method`.
        peft_config: what to fine-tune: a `MaskConfig`, `LoraConfig`, ..., for the model and each of `model_init`.

    Example:
        >>> trainer = FairTrainer(model_init=model_init, args=FairTrainingArguments("out"), data=data)
        >>> trainer.hyperparameter_search(n_trials=40)
        >>> trainer.train()
        >>> print(trainer.audit("test")[-1].audit.min_group_auc)
        >>> trainer.save_model()
    """

    facts: Facts
    class_names: list[str]
    searcher: Searcher | None = None
    cross_fit: CrossFit | None = None
    ration: Ration | None = None
    team: Team | None = None
    unsearched: NotSearchedError | None = None
    mask_bits: MaskBits | None = None
    scored_at: int = -1  # the step of a trial's last evaluation
    hours_are_up: bool = False  # so that it stops after the next step

    def __init__(
        self,
        model: PreTrainedModel | nn.Module | None = None,
        args: TrainingArguments | None = None,
        data_collator: Collator | None = None,
        train_dataset: Rows | None = None,
        eval_dataset: Rows | dict[str, Rows] | None = None,
        processing_class: Processor | None = None,
        model_init: Callable[..., PreTrainedModel] | None = None,
        compute_loss_func: Callable[..., Tensor] | None = None,
        compute_metrics: Callable[[EvalPrediction], dict[str, float]] | None = None,
        callbacks: list[TrainerCallback] | None = None,
        optimizers: tuple[Optimizer | None, LRScheduler | None] = (None, None),
        optimizer_cls_and_kwargs: tuple[type[Optimizer], dict[str, Any]] | None = None,
        preprocess_logits_for_metrics: Callable[[Tensor, Tensor], Tensor] | None = None,
        *,
        data: FairDataset | None = None,
        method: Method | str | None = None,
        peft_config: PeftConfig | None = None,
    ) -> None:
        if args is None:
            # As in `Trainer(model)`; the schedule of `FairTrainingArguments` scores a split that is to be there.
            args = TrainingArguments() if data is None else FairTrainingArguments()
        self.args, self.data = FairTrainingArguments.of(args), data
        refuse(self.args)
        self.method = chosen(self.args, method, peft_config)
        refuse_sharding(self.args, self.method, optimizers[0])
        self.audits = None if data is None else Audits(data, partial(scores_of, self), self.args.seed)
        if data is not None:
            train_dataset = view_of(self, self.method.views["train"]) if train_dataset is None else train_dataset
            eval_dataset = data["validation"] if eval_dataset is None else eval_dataset
            data_collator, processing_class = data_collator or collate, processing_class or data.processor
        self.train_dataset, self.eval_dataset = train_dataset, eval_dataset
        if (asked := self.args.cross_entropy(train_dataset, compute_loss_func)) != CrossEntropy():
            self.method = replace(self.method, cross_entropy=asked)
        self.open_method, self.training_log, self.divergence = self.method, TrainingLog(self.method), Divergence()
        self.args.label_names = label_columns(self.args.label_names, compute_metrics is None)
        if compute_metrics is None:
            left_out = data.left_out("validation") if data else ()
            compute_metrics = GroupMetrics((), tuple(left_out), tuple(class_names(None, data) if data else ()))
        super().__init__(
            None if model is None else prepared_with(self, model, optimizers[0]),
            self.args, data_collator, train_dataset, eval_dataset, processing_class, model_init, compute_loss_func,
            compute_metrics, callbacks, optimizers, optimizer_cls_and_kwargs, preprocess_logits_for_metrics,
        )  # fmt: skip
        # A search leaves no model from trial to trial.
        self.class_names = class_names(eval_dataset, data, self.model)
        if isinstance(compute_metrics, GroupMetrics):
            check_best_metric(self.args, eval_dataset, self.class_names)
        self.model_accepts_loss_kwargs = False  # a mean over the batch: accumulation divides it by their number
        self.loss_is_scaled_for_ga = False if self.compute_loss_func is None else None

    def call_model_init(self, trial: Any = None) -> Any:
        """Build the model and prepare it by the method."""
        return prepared(self, super().call_model_init(trial))

    def train(
        self,
        resume_from_checkpoint: str | bool | None = None,
        trial: Any = None,
        ignore_keys_for_eval: list[str] | None = None,
    ) -> Any:
        """Train as `Trainer.train`, stage by stage; True resumes from the last whole checkpoint, if there is any.

        A signal stops it at the end of a step, with a checkpoint.

        Raises:
            FairTuneError: the method is still to be searched, or the loss is not finite.
            Stopped: by SIGTERM, or KeyboardInterrupt by Ctrl-C; see `hf_fairtune.signals`.
        """
        stock = partial(super().train, ignore_keys_for_eval=ignore_keys_for_eval)
        if trial is not None and self.searcher is not None:
            return train_trial(self, self.searcher, trial, partial(stock, trial=trial))
        with stopping_safely():
            return train_stages(self, resume_from_checkpoint, stock) if self.team is None else self.team.train(self)

    def hyperparameter_search(
        self,
        hp_space: Callable[[Any], dict[str, Any]] | None = None,
        compute_objective: str | Callable[..., float] | None = "min_group_auc",
        n_trials: int = 20,
        direction: str | None = None,
        backend: str | HPSearchBackend | None = None,
        hp_name: Callable[[Any], str] | None = None,
        *,
        mode: str | Mode = "default",
        min_auc: float | None = None,
        selection: str | Selection = "best",
        fraction: float = 1.0,
        combine: str | Combination = "none",
        folds: int = 0,
        **options: Unpack[SearchOptions],
    ) -> BestRun:
        """Search the method's hyper-parameters and the learning rate, and take the winner's; `train()` trains it.

        The study is kept in `args.output_dir`, or in `storage`; after a kill the same call goes on where it was.
        Processes that call it at once share the trials; let one of them train the winner.

        Args:
            hp_space: training arguments of a trial, in place of the log-uniform learning rate; one that draws
                `num_train_epochs` too searches the length of the schedule.
            compute_objective: a metric of the validation split by name, None for the default one, or a function of
                metrics with a `direction`.
            n_trials: trials in all, those of earlier calls included.
            direction: "maximize" or "minimize"; a metric of ours knows its own.
            backend: "optuna" runs the trials here, "ray" by workers on a Ray cluster, each of which has the trainer
                pickled. Either way the study is Optuna's.
            hp_name: names the folder of a trial.
            mode: "default", "paper" (FairTune's text), "published" (its code), "random" (a control), or a `Mode`,
                which has its own trials.
            min_auc: AUC below which a trial cannot win, 0 for none; by default 0.6 for gaps and ratios between groups.
            selection: the rule that chooses the winner, by name of a file of `selections` or as a `Selection`.
            fraction: share of the training rows, in every group x label, that trials train on; the same in each.
            combine: what `train()` makes of the winner and other trials, by name of a file of `combinations`.
            folds: of train and validation together, on which each trial is trained and scored; 0 for validation alone.
            options: `storage`, `study_name`, `load_if_exists`, `sampler`, `pruner`, `timeout`, `gc_after_trial`,
                `catch`, `grace_period` of Optuna; `resources_per_trial`, `max_concurrent_trials` of Ray.

        Raises:
            FairTuneError: no `model_init`, unknown metric or mode, another search in the folder, no feasible trial
                that ended, or no Ray.
        """
        if self.model_init is None:
            raise FairTuneError("a search starts each trial from a new model; give `model_init` in place of `model`.")
        study, names = StudyOptions.of(backend, options), names_of(self)
        study = study if study.placement is None else on_ray.placed(self, study)
        rule = selection_named(selection) if isinstance(selection, str) else selection
        combination = combination_named(combine) if isinstance(combine, str) else combine
        mode = study.over(searching.mode_of(self, mode, n_trials, folds))
        objective = compute_objective or "min_group_auc"
        epochs = searching.epochs_of(self)
        plan = Plan.of(objective, direction, mode, epochs, hp_space, names[0], min_auc, names[1])
        plan = replace(plan, fraction=fraction, folds=folds, study=study, hp_name=hp_name)
        run: searching.Run = partial(searching.run_trials, super().hyperparameter_search)
        if study.placement is not None:
            run = on_ray.OnRay(study.placement, on_ray.packed(self, plan, rule, combination))
        with stopping_safely():
            return searching.search(self, plan, rule, combination, run)

    def _get_output_dir(self, trial: Any) -> str:
        # The arguments' own folder is the trial's while one trains, which callbacks know by them.
        return str(self.args.output_dir)

    def _hp_search_setup(self, trial: Any) -> None:
        super()._hp_search_setup(trial)
        if trial is not None and self.searcher is not None:
            reports.start_trial(self, self.searcher, trial)

    def _report_to_hp_search(self, trial: Any, step: int, metrics: dict[str, float]) -> None:
        if trial is not None and self.searcher is not None:
            reports.report_epoch(self, self.searcher, trial, metrics)
