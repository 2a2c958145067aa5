"""`FairTrainer`: the stock Trainer with a method, a search of its hyper-parameters, audits and a hand-over."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from huggingface_hub import CommitInfo
from transformers.trainer_utils import BestRun

from .. import handover
from ..audits.compute import fairness_metrics
from ..combinations.combination import Combination
from ..data.collate import collate
from ..data.fair_dataset import FairDataset
from ..document.document import Audited, Document
from ..document.run import CalibrationFacts, ClassCalibration, Repair
from ..document.search import Search
from ..errors import FairTuneError
from ..losses.cross_entropy import CrossEntropy
from ..methods.facts import Facts
from ..methods.method import Method, NotSearchedError, method_named
from ..search.hours import Ration
from ..search.modes import Mode
from ..search.plan import Plan
from ..search.searcher import Searcher
from ..selections.selection import Selection
from . import pushing, reports, searching
from .arguments import FairTrainingArguments, TrainerOptions
from .audits import MODEL, Audits, scores_of
from .classes import name_classes, names_of
from .divergence import Divergence
from .folding import CrossFit
from .method_trainer import MethodTrainer
from .pushing import CardOptions
from .refusals import check_best_metric, refuse
from .run_facts import TrainingLog, run_document
from .stages import prepared, train_stages, view_of
from .team import Team

if TYPE_CHECKING:
    from typing_extensions import Unpack


class FairTrainer(MethodTrainer):
    """The stock `Trainer`, made fair to patients: a method, audits by group, a search, a hand-over.

    Args:
        model: as in `Trainer`; `model_init` for a search.
        args: `FairTrainingArguments`.
        data: the splits of `load_fair_dataset`; stands for `train_dataset`, `eval_dataset` and `processing_class`.
        method: how to fine-tune; else `args.method`.
        options: further arguments of `Trainer`.

    Example:
        >>> trainer = FairTrainer(model_init=model_init, args=FairTrainingArguments("out"), data=data)
        >>> trainer.hyperparameter_search(n_trials=40)
        >>> trainer.train()
        >>> print(trainer.audit("test")[-1].audit.min_group_auc)
        >>> trainer.save_model()
    """

    title: str = ""  # for people, where it is not the method's
    facts: Facts
    searcher: Searcher | None = None
    cross_fit: CrossFit | None = None
    search: Search | None = None
    ration: Ration | None = None
    repair: Repair | None = None
    team: Team | None = None
    unsearched: NotSearchedError | None = None

    def __init__(
        self,
        model: Any = None,
        args: FairTrainingArguments | None = None,
        *,
        data: FairDataset | None = None,
        method: Method | None = None,
        **options: Unpack[TrainerOptions],
    ) -> None:
        self.args, self.data = args or FairTrainingArguments(), data
        refuse(self.args)
        self.method = method or method_named(self.args.method)
        self.audits = None if data is None else Audits(data, partial(scores_of, self), self.args.seed)
        if data is not None:
            options.setdefault("train_dataset", view_of(self, self.method.views["train"]))
            options.setdefault("eval_dataset", data["validation"])
            options.setdefault("processing_class", data.processor)
            options.setdefault("data_collator", collate)
        self.train_dataset, self.eval_dataset = options.get("train_dataset"), options.get("eval_dataset")
        if (asked := self.args.cross_entropy(self.train_dataset, options.get("compute_loss_func"))) != CrossEntropy():
            self.method = replace(self.method, cross_entropy=asked)
        self.open_method, self.training_log, self.divergence = self.method, TrainingLog(self.method), Divergence()
        groups, classes = names_of(self)
        if groups and "compute_metrics" not in options:
            check_best_metric(self.args.metric_for_best_model, groups, classes)
            options["compute_metrics"] = fairness_metrics(groups, data.left_out("validation") if data else (), classes)
        super().__init__(model=None if model is None else prepared(self, model), args=self.args, **options)
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

        Raises:
            FairTuneError: the method is still to be searched, or the loss is not finite.
        """
        stock = partial(super().train, ignore_keys_for_eval=ignore_keys_for_eval)
        if trial is not None and self.searcher is not None:
            return searching.train_trial(self, self.searcher, trial, partial(stock, resume_from_checkpoint, trial))
        return train_stages(self, resume_from_checkpoint, stock) if self.team is None else self.team.train(self)

    def hyperparameter_search(
        self,
        hp_space: Callable[[Any], dict[str, Any]] | None = None,
        compute_objective: str | Callable[..., float] = "min_group_auc",
        n_trials: int = 20,
        direction: str | None = None,
        *,
        mode: str | Mode = "default",
        min_auc: float | None = None,
        selection: str | Selection = "best",
        fraction: float = 1.0,
        combine: str | Combination = "none",
        folds: int = 0,
    ) -> BestRun:
        """Search the method's hyper-parameters and the learning rate, and take the winner's; `train()` trains it.

        The study is kept in `args.output_dir`; after a kill the same call goes on where it was.

        Args:
            hp_space: training arguments of a trial, in place of the log-uniform learning rate; one that draws
                `num_train_epochs` too searches the length of the schedule.
            compute_objective: a metric of the validation split by name, or a function of metrics with a `direction`.
            n_trials: trials in all, those of earlier calls included.
            mode: "default", "paper" (FairTune's text), "published" (its code), or a `Mode`, which has its own trials.
            min_auc: AUC below which a trial cannot win, 0 for none; by default 0.6 for gaps and ratios between groups.
            selection: the rule that chooses the winner, by name of a file of `selections` or as a `Selection`.
            fraction: share of the training rows, in every group x label, that trials train on; the same in each.
            combine: what `train()` makes of the winner and other trials, by name of a file of `combinations`.
            folds: of train and validation together, on which each trial is trained and scored; 0 for validation alone.

        Raises:
            FairTuneError: unknown metric or mode, another search in the folder, or no feasible trial that ended.
        """
        mode = searching.mode_of(self, mode, n_trials, folds)
        names, epochs = names_of(self), self.args.num_train_epochs
        plan = Plan.of(compute_objective, direction, mode, epochs, hp_space, names[0], min_auc, names[1])
        plan = replace(plan, fraction=fraction, folds=folds)
        return searching.search(self, plan, selection, combine, super().hyperparameter_search)

    def _hp_search_setup(self, trial: Any) -> None:
        super()._hp_search_setup(trial)
        if trial is not None and self.searcher is not None:
            reports.start_trial(self, self.searcher, trial)

    def _report_to_hp_search(self, trial: Any, step: int, metrics: dict[str, float]) -> None:
        if trial is not None and self.searcher is not None:
            reports.report_epoch(self, self.searcher, trial, metrics)

    def audit(
        self,
        split: str = "test",
        *,
        model: str = MODEL,
        reference: str | None = None,
        n_boot: int = 2000,
        n_permutations: int = 1000,
    ) -> list[Audited]:
        """Score a split and audit it by every attribute, at thresholds fitted on validation; the document keeps it.

        Args:
            split: name of a split of `data`.
            model: id under which the model as it is now is kept.
            reference: id of a model audited on the split, to compare with.
            n_boot, n_permutations: replicates of the bootstrap, and permutations of the groups.

        Raises:
            FairTuneError: the trainer has no `data`, or the reference is not audited yet.
        """
        return self._audits().add(model, split, reference, n_boot, n_permutations)

    def calibrate(self) -> CalibrationFacts | ClassCalibration:
        """Fold Platt scaling, fitted on validation, into the head; probabilities become honest."""
        return self._audits().calibrate_model(self.model, self.args.head)

    @property
    def document(self) -> Document:
        """Return what this run did and found so far; it takes `data`, which names labels and groups."""
        return run_document(self, self._audits())

    def _audits(self) -> Audits:
        if self.audits is None:
            raise FairTuneError("an audit needs the splits; build the trainer with `data=load_fair_dataset(...)`.")
        return self.audits

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        """Write the hand-over folder; checkpoints, and anything without `data`, are saved as `Trainer` does."""
        self._finish_current_push()  # which still reads these files
        if _internal_call or self.data is None:
            super().save_model(output_dir, _internal_call)
        elif self.args.should_save:
            model = self.accelerator.unwrap_model(self.model)
            name_classes(model, self.data.label_names)
            handover.write(output_dir or self.args.output_dir, model, self.processing_class, self.document)

    def create_model_card(self, **options: Unpack[CardOptions]) -> None:
        """Write the document's card, which takes a license; without `data` that of `Trainer`, with its options."""
        if self.data is None:
            super().create_model_card(**options)
        elif self.is_world_process_zero():
            pushing.write_cards(self, options)

    def push_to_hub(
        self,
        commit_message: str | None = "End of training",
        blocking: bool = True,
        token: str | None = None,
        revision: str | None = None,
        private: bool | None = None,
        create_pr: bool = False,
        **card: Unpack[CardOptions],
    ) -> CommitInfo | Future[CommitInfo] | None:
        """Write the hand-over and push what may be shared; without `data`, the model as `Trainer` saves it.

        Args:
            commit_message: None says what is added.
            blocking: wait for the Hub; else a `Future` of the commit is returned.
            token, revision, private: by default those of `args`; private unless False, and a new branch is made.
            create_pr: open a pull request.
            card: options of `create_model_card`.

        Raises:
            FairTuneError: it cannot be done, or the Hub refused, which a `Future` says later.
        """
        goal = pushing.target(self.args, commit_message, token, revision, private, create_pr)
        return pushing.push(self, goal, blocking, card)
