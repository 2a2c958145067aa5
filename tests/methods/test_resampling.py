"""Resampling: cells come equally often, and balanced data are trained on as they are."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from datasets import Dataset

from hf_fairtune.errors import FairTuneError
from hf_fairtune.methods.facts import Facts
from hf_fairtune.methods.method import method_named
from hf_fairtune.methods.resampling import Resampling
from hf_fairtune.trainer.fair import FairTrainer
from tests.conftest import table, tiny_vit
from tests.trainer.test_fair import arguments


def balanced() -> Dataset:
    """Keep equally many rows of every group and label."""
    rows = table(64)
    columns = rows.with_format("numpy").select_columns(["labels", "groups"])[:]
    cells = 2 * columns["groups"] + columns["labels"]
    least = min(Counter(cells.tolist()).values())
    return rows.select(sorted(np.concatenate([np.flatnonzero(cells == cell)[:least] for cell in range(4)]).tolist()))


@pytest.mark.parametrize(("by", "key"), [("group", 0), ("label", 1), ("group_label", None)])
def test_cells_come_equally_often(by: str, key: int | None) -> None:
    rows, method = table(400), method_named("resampling", by=by)
    rows = rows.select(
        [i for i, row in enumerate(zip(rows["groups"], rows["labels"], strict=True)) if i % 3 or row[0]]
    )
    method.prepare(tiny_vit(), Facts.of(tiny_vit(), {"train": rows}))
    sampler = method.rows(rows)
    assert sampler is not None
    columns, drawn = rows.with_format("numpy").select_columns(["labels", "groups"])[:], []
    for epoch in range(30):
        sampler.set_epoch(epoch)  # type: ignore[attr-defined]
        drawn += list(sampler)
    cells = [(g, y) if key is None else (g, y)[key] for g, y in zip(columns["groups"], columns["labels"], strict=True)]
    shares = np.array([*Counter(cells[i] for i in drawn).values()]) / len(drawn)
    assert len(shares) == (4 if key is None else 2)
    assert np.allclose(shares, 1 / len(shares), atol=0.02)


def trained(folder: Path, method: str) -> FairTrainer:
    args = arguments(folder, learning_rate=1e-2)
    run = FairTrainer(tiny_vit(), args, method=method_named(method), train_dataset=balanced(), eval_dataset=table())
    run.train()
    return run


def test_of_balanced_data_it_is_full_fine_tuning_bit_for_bit(tmp_path: Path) -> None:
    one, other = trained(tmp_path / "a", "resampling"), trained(tmp_path / "b", "full")
    assert all(torch.equal(p, q) for p, q in zip(one.model.parameters(), other.model.parameters(), strict=True))


def test_bad_input() -> None:
    with pytest.raises(FairTuneError, match="`by` is 'sex'; choose group, label, group_label"):
        Resampling(by="sex")  # type: ignore[arg-type]
