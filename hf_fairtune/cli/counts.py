"""What a run says of its classes and groups before it trains: their rows, and what these are too few for."""

from collections.abc import Container, Iterator, Sequence

from ..audits.engine.auc_tests import detectable as detectable_difference
from ..audits.engine.resampled_rows import ESTIMABLE
from ..data.columns import SPLITS
from ..data.fair_dataset import FairDataset
from ..document.estimate import exact
from ..errors import listed
from ..show.beforehand import classes, detectable
from ..show.group_names import wordings

# Cells of class and group that an objective should not rest on alone.
FEW = 3


def classes_said(data: FairDataset) -> Iterator[str]:
    """Say which classes or findings there are, with their rows; and which cells are too small to be judged."""
    if data.task == "binary":
        return
    sheets, names = data.facts().splits, data.label_names
    sizes = {name: sum(exact(sheets[split].positives[name]) for split in SPLITS) for name in names}
    yield f"{'classes' if data.task == 'multiclass' else 'findings'}: {classes(sizes)}"
    tested, rare = sheets[SPLITS[2]].positives, list[str]()
    for name, n in sizes.items():
        none = exact(tested[name]) == 0
        if none or n < ESTIMABLE:
            rare.append(f"{name} has {n} image{'s' * (n != 1)} in all{' and none in test' if none else ''}")
    if rare:
        yield f"warning: {listed(rare, 8)}"
    missing = [one for one in data.facts().readings if one.role in ("missing", "dropped") and one.column in names]
    if missing and data.task == "multilabel":
        said = ", ".join(f"{one.column} {one.value or '(empty)'} in {one.n}" for one in missing)
        yield f"labels that are not known neither train nor test: {said} rows"
    lacking = [name for name, n in sheets[SPLITS[1]].positives.items() if exact(n) in (0, exact(sheets[SPLITS[1]].n))]
    if lacking:
        yield f"note: no threshold is fitted for {', '.join(lacking)}, as validation has rows of one side alone"
    left, few, cells = data.left_out("validation"), list[str](), 0
    for name, by_group in counts_of(data, "validation", left).items():
        cells += len(by_group)
        few += [f"{name} in {group} ({min(own)})" for group, own in by_group.items() if min(own) < ESTIMABLE]
    if few:
        yield (
            f"note: {len(few)} of {cells} cells of class and group have fewer than {ESTIMABLE} cases on validation, "
            f"and take no part in what is worst or mean there: {listed(few, 8)}; auc is of whole "
            "classes, so it may be below min_group_auc"
        )


def cells_said(data: FairDataset, cells: Sequence[tuple[str, str]] | None) -> Iterator[str]:
    """Say which cells of class and group the objective of a search rests on, where they are few of all."""
    if cells is None or len(cells) > FEW:
        return
    facts = data.facts()
    said = wordings(facts)[1][facts.splits[SPLITS[1]].attributes[-1].name]
    each = [f"{target} in {said.get(group, group)}" for target, group in cells]
    yield f"note: the objective rests on {'one cell' if len(each) == 1 else f'{len(each)} cells'}, {', '.join(each)}"


def detectable_said(data: FairDataset) -> Iterator[str]:
    """Say which difference between groups the test split can show, of each class with enough cases."""
    few = []
    for target, counts in counts_of(data, "test").items():
        found, where = detectable(detectable_difference(counts)), "" if data.task == "binary" else f", {target}"
        if data.task != "binary" and min(map(min, counts.values())) < ESTIMABLE:
            few.append(target)
        else:
            yield f"note: test split{where}: {found}"
    if few:
        yield f"note: test split: too few cases in some group to tell the groups apart in {', '.join(few)}"


def counts_of(data: FairDataset, split: str, but: Container[str] = ()) -> dict[str, dict[str, tuple[int, int]]]:
    """Return the positives and negatives of each target and group in a split, by the group in words."""
    facts, found = data.facts(), dict[str, dict[str, tuple[int, int]]]()
    said = wordings(facts)[1][facts.splits[split].attributes[-1].name]
    for group, cells in zip(data.groups_of(split), data.cases(split).tolist(), strict=True):
        for target, (negatives, positives) in zip(facts.targets, cells, strict=True) if group not in but else ():
            found.setdefault(target.name, {})[said.get(group, group)] = positives, negatives
    return found
