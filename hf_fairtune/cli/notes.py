"""What a command says before it trains: weights of the classes, sizes of groups, and what a comparison can show."""

import numpy as np

from ..audits.audit_table import powers
from ..audits.engine.resampled_rows import ESTIMABLE
from ..document.comparison import MARGIN
from ..errors import plain
from ..show.beforehand import classes
from ..show.compared import power
from ..trainer.fair import FairTrainer
from .counts import counts_of


def say_weights(trainer: FairTrainer) -> None:
    """Say how the classes are weighted, if they are."""
    weights = trainer.method.cross_entropy.class_weights
    if weights and trainer.data is not None:
        names = trainer.data.label_names
        if len(weights) == 2 * len(names):
            # Each of several findings has two.
            names = [part for name in names for part in (f"no {name}", name)]
        each = [f"{name} {weight:.3g}" for name, weight in zip(names, weights, strict=True)]
        say(trainer, f"class weights: {', '.join(each)}")


def warn_of_small_groups(trainer: FairTrainer) -> None:
    """Say which groups are too small on validation for a search to tell their AUC from chance."""
    assert trainer.data is not None
    for by_group in counts_of(trainer.data, "validation").values() if trainer.data.task == "binary" else ():
        for group, counts in sorted(by_group.items()):
            if min(counts) < ESTIMABLE:
                say(
                    trainer, f"note: group {group} has {counted(counts)} in validation; its AUC there is mostly chance"
                )


def say_subset(trainer: FairTrainer, fraction: float) -> None:
    """Say which share of the training rows trials see, by group, and where it is too small to learn from."""
    if fraction == 1:
        return
    assert trainer.data is not None
    some = trainer.data.subset(fraction, trainer.args.seed)
    say(trainer, f"trials train on {len(some['train'])} of {len(trainer.data['train'])} images, the same in each:")
    if some.task != "binary":
        sizes = dict(zip(some.label_names, some.cells("train").sum(axis=0).tolist(), strict=True))
        say(trainer, f"  {classes(sizes)}")
        return
    ((_, by_group),) = counts_of(some, "train").items()
    for group, counts in sorted(by_group.items()):
        note = f"; fewer than {ESTIMABLE} tell a trial little" if min(counts) < ESTIMABLE else ""
        say(trainer, f"  group {group}: {counted(counts)}{note}")


def counted(counts: tuple[int, int]) -> str:
    """Write the positives and negatives of a group."""
    return f"{counts[1]} without and {counts[0]} with the finding"


def say_power(trainer: FairTrainer, split: str = "test", reference_scores: np.ndarray | None = None) -> None:
    """Say what a comparison on a split can show, before the model is trained; scores are a known reference's.

    Of several classes it is said of the last attribute, which is what training knows.
    """
    data = trainer.data
    assert data is not None
    shape = len(data.columns(split)["row"]), len(data.facts().targets)
    table = data.scored(split, np.zeros(shape) if reference_scores is None else reference_scores, reference_scores)
    said = dict[str, list[str]]()
    for target, attribute, found in powers(table, data.exclude, data.include):
        if len(table.targets) == 1:
            said[f"{attribute}: {plain(power(found, MARGIN))}"] = []
        elif attribute == table.attributes[-1].name:
            said.setdefault(f"{attribute}: {plain(power(found, MARGIN))}", []).append(target)
    for text, targets in said.items():
        of = f" ({', '.join(targets)})" if targets else ""
        say(trainer, f"note: comparison on {split} by {text}{of}")


def say(trainer: FairTrainer, line: str) -> None:
    """Print on the main process only."""
    if trainer.is_world_process_zero():
        indent = line[: len(line) - len(line.lstrip(" "))]
        print(indent + plain(line), flush=True)
