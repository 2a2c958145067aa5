"""What `search`, `train` and `debias` have in common: data, trainer, the hand-over."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from accelerate.utils import broadcast_object_list
from transformers.trainer_callback import PrinterCallback, ProgressCallback

from ..audits.compute import direction
from ..data.arguments import DataArguments
from ..data.fair_dataset import FairDataset, load_fair_dataset
from ..data.known_rows import NAME as ROWS
from ..data.pixels import cache_folder
from ..data.splits import FILE_NAME as SPLITS
from ..document.document import RUN_FILE, Document
from ..errors import FairTuneError
from ..files import manifest
from ..files.folder import FILE_NAME, check, check_place, claim, undone_if_refused
from ..files.lock import gone, hold
from ..loading import load_processor, load_with_new_head
from ..methods.method import Method, method_named
from ..show.terminal import audit_text
from ..trainer.arguments import FairTrainingArguments
from ..trainer.baselines import with_seed
from ..trainer.epoch_line import EpochLine
from ..trainer.fair import FairTrainer
from ..trainer.fingerprint import start_of
from ..trainer.kept_hours import KeptHours
from ..trainer.kept_start import KeptStart
from ..trainer.selecting import objective_cells
from .counts import cells_said, classes_said, detectable_said
from .model import ModelArguments
from .notes import say, say_weights


@dataclass
class Job:
    """A run's groups of flags, and the trainer they make; `more` is what else makes the run this run, by name."""

    data: DataArguments
    model: ModelArguments
    hyperparameters: Any
    training: FairTrainingArguments
    more: Mapping[str, object]

    @property
    def folder(self) -> Path:
        """Return the output folder."""
        return Path(self.training.output_dir)

    @property
    def fingerprint(self) -> dict[str, object]:
        """Return everything that the run's numbers depend on, but for the number of trials and the hours."""
        run = {**asdict(self.data), **self.method().hyperparameters(), **self.more}
        run |= {"dataset": located(self.data.dataset), "model": located(self.model.model)}
        run |= {"label": self.data.label[0]} if len(self.data.label) == 1 else {}
        followed = self.training.followed
        run |= {"recipe": followed and {followed.name: followed.values}}
        return {**run, **self.training.deciding()} | {"data_cache": None, "trials": None, "max_hours": None}

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """Hold the folder for the run's life, on the main process for all; yield whether the run is still to be done.

        Raises:
            FairTuneError: another process holds the folder, or it is another run's; on every process.
        """
        if self.finished():  # which may lie where nothing can be written
            yield False
            return
        check_place(self.folder)
        with held(self.folder, self.training.process_index):
            yield not self.finished()

    def finished(self) -> bool:
        """Tell whether the run ended before."""
        check(self.folder, self.fingerprint)
        if not (self.folder / RUN_FILE).is_file():
            return False
        manifest.check(self.folder, manifest.CARDS)
        run = Document.load(self.folder).run
        search, wanted = run.search if run else None, self.more.get("trials")
        done = len(search.trials) if search else 0
        # Of those asked for, the hours of the run may have held fewer.
        if isinstance(wanted, int) and wanted > max(done, search.n_trials if search else 0):
            raise FairTuneError(
                f"`{self.folder}` ended with {done} trials and its test split is scored; "
                f"for {wanted} trials choose another output_dir."
            )
        if self.training.process_index == 0:
            print(f"{self.folder} is finished; nothing was run.")
        return True

    def trainer(self, objective: str | None = None, folds: int = 0) -> FairTrainer:
        """Load data and model, and only then take the folder: a wrong flag leaves nothing in the way.

        `objective` is the metric of a search, whose trials are scored on validation, or on so many folds.
        """
        check_place(self.folder)
        method = self.method()
        processor = load_processor(self.model.model)
        # Starts that may share the folder come one after another: neither reads what the other has half written.
        first = hold(self.folder, setup=True) if self.training.process_index == 0 else nullcontext()
        with self.training.main_process_first(), first, undone_if_refused(self.folder, self.made):
            data = self.load_data(processor)
            start = KeptStart(self.starting_model(data))
            trainer = FairTrainer(model_init=start, args=self.training, data=data, method=method)
            cells = None
            if objective is not None:
                direction(objective, data.groups_of("validation"), () if data.task == "binary" else data.label_names)
                cells = objective_cells(trainer, objective, folds)
            elif trainer.unsearched is not None:
                raise trainer.unsearched
            claim(self.folder, self.fingerprint, start_of(trainer))
        say_weights(trainer)
        for line in (*classes_said(data), *cells_said(data, cells), *detectable_said(data)):
            say(trainer, line)
        return trainer

    def load_data(self, processor: Any) -> FairDataset:
        """Load the table and its splits."""
        return load_fair_dataset(self.data, processor, seed=self.training.seed, splits_file=self.folder / SPLITS)

    def starting_model(self, data: FairDataset) -> Callable[[], Any]:
        """Return what makes the model that is trained: here with a new head."""
        return partial(load_with_new_head, self.model.model, data.label_names)

    def method(self) -> Method:
        """Return the method with its flags."""
        method = method_named(self.training.method, **vars(self.hyperparameters))
        if not method.needs.original_training_data:
            raise FairTuneError(f"`--method {method.name}` repairs a trained model; use `fairtune debias`.")
        return method

    @property
    def made(self) -> list[str]:
        """Return what a start makes in the folder: rows, splits, and the pixels if they are kept there."""
        folder, cache = self.folder.resolve(), cache_folder(self.data.data_cache).resolve()
        kept = str(cache.relative_to(folder)) if cache.is_relative_to(folder) else None
        inside = [f"{kept}/pixels-*.npy", f"{kept}/contents-*.json"] if kept else []
        return [SPLITS, f"{ROWS}*.json", *inside]

    def hand_over(self, trainer: FairTrainer) -> None:
        """Write the folder, and push it if that is wanted.

        Raises:
            FairTuneError: it was deleted meanwhile.
        """
        if trainer.is_world_process_zero() and not (self.folder / FILE_NAME).is_file():
            raise gone(self.folder)
        trainer.save_model()
        if self.training.push_to_hub:
            trainer.push_to_hub(commit_message=None)

    def print_result(self) -> None:
        """Print, on the main process, the tables of the finished run and where its card is."""
        if self.training.process_index == 0:
            print(f"{audit_text(Document.load(self.folder))}\n\nmodel card: {self.folder / 'README.md'}")


@contextmanager
def held(folder: Path, process_index: int) -> Iterator[None]:
    """Hold a folder on the main process; every process raises where it cannot be held."""
    with ExitStack() as stack:
        refusal = None
        try:
            if process_index == 0:
                stack.enter_context(hold(folder))
        except FairTuneError as error:
            refusal = error
        refusal = broadcast_object_list([refusal])[0]
        if refusal is not None:
            raise refusal
        yield


def located(name: str) -> str:
    """Return the absolute path of a file or folder, and a Hub id as it is."""
    path = Path(name).expanduser()
    return str(path.resolve()) if path.exists() else name


def train(trainer: FairTrainer) -> None:
    """Train, from the last whole checkpoint if there is one, a line an epoch."""
    trainer.remove_callback(ProgressCallback)
    trainer.remove_callback(PrinterCallback)
    several = len(trainer.method.stages()) > 1
    trainer.add_callback(EpochLine(lambda: trainer.method.stage if several else ""))
    if trainer.ration is not None:
        trainer.add_callback(KeptHours(trainer.ration.clock))
    trainer.train(resume_from_checkpoint=True)


def train_all(trainer: FairTrainer, seeds: Sequence[int]) -> None:
    """Train, and again with each further seed."""
    train(trainer)
    train_again(trainer, seeds)


def train_again(trainer: FairTrainer, seeds: Sequence[int]) -> None:
    """Train again with each further seed, whose scores of the test splits the trainer keeps."""
    for seed in seeds:
        say(trainer, f"training {trainer.title or trainer.method.title} again with seed {seed}")
        other = with_seed(trainer, seed)
        other.ration = trainer.ration
        train(other)
        assert trainer.audits is not None
        assert other.audits is not None
        trainer.audits.repeat(seed, other.audits)
