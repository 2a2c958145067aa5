"""How often rows are drawn: by class, group or both, uniformly where these are balanced, the same for one seed."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from datasets import ClassLabel, Dataset, Features
from transformers import Trainer, TrainingArguments

from hf_fairtune.data.balanced_sampler import Drawn, balanced_sampler
from hf_fairtune.errors import FairTuneError
from tests.conftest import tiny_vit

from ..methods.several import several

DRAWN = ("balanced", "group", "group_label")


def skewed(n: int = 600) -> Dataset:
    """Return three labels and three groups that depend on each other; group 1 of the names has no rows."""
    draw = np.random.default_rng(0)
    labels = draw.choice(3, n, p=[0.8, 0.15, 0.05])
    groups = np.where(draw.random(n) < 0.3 + 0.2 * labels, 2, 0)
    features = Features({"labels": ClassLabel(names=list("xyz")), "groups": ClassLabel(names=list("abc"))})
    return Dataset.from_dict({"labels": labels, "groups": groups}, features=features)


def cells(data: Dataset, drawn: str) -> np.ndarray:
    labels, groups = np.array(data["labels"]), np.array(data["groups"])
    return {"balanced": labels, "group": groups, "group_label": 10 * groups + labels}[drawn]


@pytest.mark.parametrize("drawn", DRAWN)
def test_every_cell_is_drawn_equally_often(drawn: Drawn) -> None:
    data, found = skewed(), []
    sampler = balanced_sampler(drawn, data, seed=3)
    for epoch in range(20):
        sampler.set_epoch(epoch)
        found += list(sampler)
    own = cells(data, drawn)
    names, counts = np.unique(own[found], return_counts=True)
    n, k = len(found), len(names)
    assert set(names) == set(own)
    # Five standard deviations of a binomial.
    assert np.abs(counts / n - 1 / k).max() < 5 * np.sqrt((1 - 1 / k) / (k * n))


@pytest.mark.parametrize("drawn", DRAWN)
def test_balanced_data_are_drawn_uniformly(drawn: Drawn) -> None:
    labels, groups = np.arange(60) % 3, np.arange(60) // 3 % 2
    sampler = balanced_sampler(drawn, Dataset.from_dict({"labels": labels, "groups": groups}), seed=0)
    assert len(set(sampler.weights.tolist())) == 1
    plain = torch.multinomial(torch.ones(60), 60, replacement=True, generator=torch.Generator().manual_seed(0))
    assert list(sampler) == plain.tolist()


def test_draws_depend_on_seed_and_epoch_alone() -> None:
    one, other = (balanced_sampler("group", skewed(), seed) for seed in (0, 1))
    first = list(one)
    assert first == list(one) == list(balanced_sampler("group", skewed(), 0)) != list(other)
    one.set_epoch(1)
    assert first != list(one)
    assert len(one) == len(first) == 600


@pytest.mark.parametrize(
    ("drawn", "data", "said"),
    [
        ("label", skewed(), "`sampler` is 'label'; choose balanced, group, group_label"),
        ("group", skewed().remove_columns("groups"), "draws by the column groups of a `datasets.Dataset`"),
        ("balanced", torch.utils.data.TensorDataset(torch.ones(3)), "draws by the column labels"),
        ("group", skewed().to_iterable_dataset(), "which the training data lack"),
        ("balanced", several(9, findings=True), "a row has several labels"),
        ("group_label", several(9, findings=True), "use `class_weights` balanced, or the sampler group"),
    ],
)
def test_rows_that_cannot_be_drawn(drawn: Any, data: Any, said: str) -> None:
    with pytest.raises(FairTuneError, match=said):
        balanced_sampler(drawn, data, 0)
    assert len(balanced_sampler("group", several(9, findings=True), 0)) == 9


def test_in_a_stock_trainer(tmp_path: Path) -> None:
    """As the example of `BalancedSampler` says; every epoch has draws of its own."""
    data = several(24)
    seen: list[int] = []

    class GroupTrainer(Trainer):
        def _get_train_sampler(self, train_dataset: Any = None) -> Any:
            return balanced_sampler("group_label", self.train_dataset, self.args.seed)

    def collate(rows: list[Any]) -> dict[str, torch.Tensor]:
        seen.extend(int(row["row"]) for row in rows)
        return {name: torch.stack([row[name] for row in rows]) for name in ("pixel_values", "labels")}

    args = TrainingArguments(
        str(tmp_path), num_train_epochs=2, per_device_train_batch_size=8, remove_unused_columns=False, use_cpu=True,
        save_strategy="no", report_to=[], disable_tqdm=True, dataloader_pin_memory=False,
    )  # fmt: skip
    numbered = data.add_column("row", np.arange(24))
    GroupTrainer(tiny_vit(num_labels=3), args, collate, numbered).train()
    wanted = balanced_sampler("group_label", data, args.seed)
    expected = list(wanted)
    wanted.set_epoch(1)
    assert seen[:48] == expected + list(wanted)
