"""The trainer's audits by group, and what it hands over: model, adapter, card, and a push of what may be shared."""

from __future__ import annotations

from concurrent.futures import Future
from typing import TYPE_CHECKING

from huggingface_hub import CommitInfo

from ..data.fair_dataset import FairDataset
from ..document.document import Audited, Document
from ..document.ladder import Ladder
from ..document.run import CalibrationFacts, ClassCalibration, Repair
from ..document.search import Search
from ..errors import FairTuneError
from . import pushing
from .arguments import FairTrainingArguments
from .audits import MODEL, Audits
from .method_trainer import MethodTrainer
from .pushing import CardOptions
from .run_facts import TrainingLog, run_document

if TYPE_CHECKING:
    from typing_extensions import Unpack


class AuditedTrainer(MethodTrainer):
    """The stock `Trainer` that knows, with `data`, how its model treats each group, and writes it down."""

    args: FairTrainingArguments
    data: FairDataset | None
    audits: Audits | None
    training_log: TrainingLog
    base_name: str
    title: str = ""  # for people, where it is not the method's
    search: Search | None = None
    repair: Repair | None = None
    ladder: Ladder | None = None

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
            pushing.hand_over(self, output_dir or self.args.output_dir)

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
