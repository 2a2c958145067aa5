"""What test_distributed.py runs in one process and on two: searches, train, repair, methods whose loss is no mean."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
from optuna.pruners import BasePruner
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

from hf_fairtune import FairTrainer
from hf_fairtune.data.arguments import DataArguments
from hf_fairtune.data.fair_dataset import FairDataset, load_fair_dataset
from hf_fairtune.datasets.lesions import write_lesions
from hf_fairtune.methods.fairtune import FairTune
from hf_fairtune.methods.groupdro import GroupDro
from hf_fairtune.methods.groupsam import GroupSam
from hf_fairtune.methods.method import Method
from hf_fairtune.methods.sam import Sam
from hf_fairtune.methods.swift import Swift
from hf_fairtune.search.hours import Clock, Ration
from hf_fairtune.search.modes import mode_named
from hf_fairtune.selections.folds import Folds
from hf_fairtune.signals import Stopped
from tests.conftest import table, tiny_vit
from tests.trainer.moments import signal_in_step
from tests.trainer.test_fair import arguments


class OddTrials(BasePruner):
    """Stop every second trial after its second epoch."""

    def prune(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> bool:
        return trial.number % 2 == 1 and len(trial.intermediate_values) == 2


def lesions(folder: Path) -> FairDataset:
    """Generate images, each of training in one view, in the folder of the run."""
    if not (folder / "lesions").exists():
        write_lesions(folder / "lesions", n=60, image_size=16)
    table = DataArguments(
        str(folder / "lesions"), "label", ["malignant"], ["skin"], "patient_id", image_size=16, stored_views=1,
        data_cache=str(folder / "cache"), include=["light", "dark"],
    )  # fmt: skip
    return load_fair_dataset(table, ViTImageProcessorPil(size={"height": 16, "width": 16}))


class SecondTrial(BasePruner):
    """Stop the second trial after its first value."""

    def prune(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> bool:
        return trial.number == 1


def by_sgd(folder: Path, method: Method, batch: int) -> FairTrainer:
    """A trainer whose steps are those of the gradients."""
    args = arguments(folder, num_train_epochs=2, per_device_train_batch_size=batch, use_cpu=True)
    args.optim, args.learning_rate, args.weight_decay = "sgd", 0.05, 0.0
    args.average_last = 2
    return FairTrainer(tiny_vit(), args, method=method, train_dataset=table(), eval_dataset=table(61, 1))


def stopped(folder: Path, batch: int) -> dict[str, Any]:
    """Stop a training, and a trial of a search, by a signal to the last process alone, and go on."""
    run, seen = by_sgd(folder, GroupDro(eta=0.5), batch), dict[str, Any]()
    last = run.args.process_index == run.args.world_size - 1
    try:
        with signal_in_step(4 if last else 0):
            run.train()
    except Stopped as stop:
        seen["stopped"] = [run.state.global_step, stop.code]
    again = by_sgd(folder, GroupDro(eta=0.5), batch)
    again.train(resume_from_checkpoint=True)
    seen["gone on"] = [p.detach().double().sum().item() for p in again.model.parameters()]

    def search(name: str) -> FairTrainer:
        args = arguments(folder / name, num_train_epochs=2, per_device_train_batch_size=batch)
        args.ddp_find_unused_parameters = False
        found = FairTrainer(model_init=lambda: tiny_vit(), args=args, train_dataset=table(), eval_dataset=table(61, 1))
        found.hyperparameter_search(n_trials=2)
        return found

    try:
        with signal_in_step(8 if last else 0):
            search("search")
    except Stopped:
        seen["left"] = [path.name for path in (folder / "search").glob("run-1/checkpoint-*")]
    for name in ("search", "whole"):
        found = search(name).search
        assert found is not None
        seen[f"{name} trials"] = [(trial.state, trial.value, trial.values) for trial in found.trials]
    return seen


def run_all(folder: Path, batch: int) -> dict[str, Any]:
    """Return what this process saw, in batches of so many rows."""
    args = arguments(folder, num_train_epochs=3, per_device_train_batch_size=batch, per_device_eval_batch_size=8)
    args.ddp_find_unused_parameters = False
    # 61 rows: no multiple of the batch, so that padding is added and has to be trimmed again.
    run = FairTrainer(model_init=lambda: tiny_vit(), args=args, train_dataset=table(), eval_dataset=table(61, 1))
    mode = replace(mode_named("default", 8, args.seed, 1), pruner=OddTrials())
    best = run.hyperparameter_search(mode=mode)
    mask = run.method.mask
    run.train()
    seen = {"evaluate": run.evaluate(), "mask": mask, "rank": args.process_index, "best": best.run_id}
    seen["rows"] = len(run.predict(table(61, 1)).predictions)
    # The hours are the main process's; the others stop with it.
    args = arguments(folder / "rationed", num_train_epochs=1, per_device_train_batch_size=batch)
    args.ddp_find_unused_parameters = False
    short = FairTrainer(model_init=lambda: tiny_vit(), args=args, train_dataset=table(), eval_dataset=table(61, 1))
    if args.process_index == 0:
        short.ration = Ration(Clock(folder / "rationed"), 1e9, 0, lambda n: 0 if n < 3 else math.inf)
    short.hyperparameter_search(n_trials=5)
    assert short.search is not None
    seen |= {"finished": short.search.n_finished, "out of hours": short.search.out_of_hours}
    # The bias of a batch is that of the rows of all processes, and a model that was scored before is trained by all.
    args = arguments(folder / "repair", num_train_epochs=1, per_device_train_batch_size=batch, use_cpu=True)
    args.ddp_find_unused_parameters = False
    repair = FairTrainer(tiny_vit(), args, method=Swift(), train_dataset=table(), eval_dataset=table(61, 1))
    repair.evaluate()
    repair.train()
    seen["steps"] = [step.facts["empty_cells"] for step in repair.training_log.steps]
    before, after = dict(tiny_vit().named_parameters()), dict(repair.model.named_parameters())
    seen["weights"] = [p.detach().double().sum().item() for p in after.values()]
    seen |= {"moved": sum(not p.equal(before[name]) for name, p in after.items()), "all": len(after)}
    # What is a mean over all rows of a step, or of a group in it, is the same however processes share the rows.
    for method in (GroupDro(eta=0.5), GroupSam(rho=0.1), Sam(rho=0.1)):
        trained = by_sgd(folder / method.name, method, batch)
        trained.train()
        seen[method.name] = [p.detach().double().sum().item() for p in trained.model.parameters()]
        seen[f"{method.name} state"] = method.state()
    seen |= stopped(folder / "stopped", batch)
    # Frozen layers are calculated by the main process, and all read what it kept.
    with args.main_process_first():
        data = lesions(folder)
    for gigabytes in (8.0, 0.0):
        args = arguments(folder / "late", num_train_epochs=2, per_device_train_batch_size=batch, save_strategy="no")
        args.ddp_find_unused_parameters, args.activation_gb = False, gigabytes
        late = FairTrainer(tiny_vit(), args, data=data, method=FairTune(mask="000000101"))
        late.train()
        seen[f"late {gigabytes:g}"] = [p.detach().double().sum().item() for p in late.model.parameters()]
        seen[f"kept {gigabytes:g}"] = {name: found.rows for name, found in late.filled.items()}
    # On folds, of trials and of finalists, every process has the same scores, stops alike and takes the same trial.
    for name, options in {"folds": {"folds": 2}, "finalist": {"selection": Folds(finalists=1, folds=2)}}.items():
        args = arguments(folder / name, num_train_epochs=1, per_device_train_batch_size=batch)
        args.ddp_find_unused_parameters = False
        folded = FairTrainer(model_init=lambda: tiny_vit(), args=args, data=data)
        mode = replace(mode_named("default", 2, args.seed, 0), pruner=SecondTrial())
        best = folded.hyperparameter_search(mode=mode, **options)
        assert folded.search is not None
        assert folded.search.selection is not None
        found = [(trial.state, trial.values) for trial in folded.search.trials]
        seen[name] = [best.run_id, found, [one.value for one in folded.search.selection.candidates]]
        seen[f"{name} mask"] = [folded.method.mask, folded.args.learning_rate]
    return seen
