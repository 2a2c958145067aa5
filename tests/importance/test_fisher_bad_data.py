"""Rows and models that no importance can be measured on: one clear line each."""

from typing import Any

import pytest
import torch

from hf_fairtune.errors import FairTuneError
from hf_fairtune.importance.fisher import fisher_importance
from tests.conftest import tiny_vit

from .fisher_oracle import Batch, lively, rows
from .odd_models import Mixing, Odd


class Changing(list):
    """Batches that are others in every pass."""

    def __init__(self, passes: list[list[Batch]]) -> None:
        super().__init__(passes[0])
        self.passes = iter(passes)

    def __iter__(self) -> Any:
        return iter(next(self.passes))


def altered(batch: Batch, **columns: Any) -> Batch:
    return {**batch, **columns}


@pytest.mark.parametrize("form", ["sample", "batch"])
@pytest.mark.parametrize("change", ["shuffled", "flipped", "fewer"])
def test_rows_must_be_the_same_in_both_passes(form: str, change: str) -> None:
    batch = rows(8, size=8)
    other = {
        "shuffled": {name: values.flip(0) for name, values in batch.items()},
        "flipped": altered(batch, pixel_values=batch["pixel_values"].flip(3)),
        "fewer": {name: values[:6] for name, values in batch.items()},
    }[change]
    with pytest.raises(FairTuneError, match="not those of the first pass; give a loader that does not shuffle"):
        fisher_importance(lively(Odd()), Changing([[batch], [other]]), form=form)


def test_bad_data() -> None:
    model, batch = lively(Odd()), rows(8, size=8)
    groups = batch["groups"]
    broken = batch["pixel_values"].clone()
    broken[3] = float("nan")
    first_broken = broken.flip(0)[4:]
    for data, message in [
        ([altered(batch, groups=groups * 0)], "one group"),
        ([altered(batch, labels=batch["labels"] * groups)], "no rows of group 0 with label 1"),
        ([altered(batch, labels=batch["labels"] + 1)], r"`labels` holds \[2\]; labels are 0 or 1"),
        ([altered(batch, groups=groups - 1)], "codes 0, 1"),
        ([altered(batch, pixel_values=broken)], "NaN or infinite in 1 of 8 rows"),
        ([{**{n: v[:4] for n, v in batch.items()}, "pixel_values": first_broken}], "NaN or infinite in 1 of 4 rows"),
        ([{"pixel_values": broken, "labels": groups}], "no `groups`, only pixel_values, labels"),
        (iter([batch]), "list_iterator, which can be read only once"),
        ([], "no rows"),
    ]:
        with pytest.raises(FairTuneError, match=message):
            fisher_importance(model, data)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bias": "odds"}, "not one of the losses"),
        ({"contrast": "all"}, "choose pair or mean"),
        ({"form": "rows"}, "choose sample, batch, whole"),
        ({"dtype": torch.float16}, "torch.bfloat16"),
        ({"chunk_size": 0}, "`chunk_size` is 0"),
        ({"batch_size": 0}, "`batch_size` is 0"),
    ],
)
def test_bad_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(FairTuneError, match=message):
        fisher_importance(lively(Odd()), [rows(8, size=8)], **options)


def test_labels_must_be_those_of_the_model() -> None:
    model = lively(Odd())
    model.head = torch.nn.Linear(12, 3).double()
    with pytest.raises(FairTuneError, match=r"3 classes, but two are wanted; .* by its `config"):
        fisher_importance(model, [rows(8, size=8)])
    three, batch = tiny_vit(1, num_labels=3).double(), rows(8)
    for labels, message in [
        (batch["labels"] + 2, r"`labels` holds \[3\]; labels are 0 to 2"),
        (torch.ones(8, 3), r"`labels` has shape \(8, 3\)"),
        (torch.arange(8) // 4 * 2, "every class lacks rows of it, or others, in a group"),
    ]:
        with pytest.raises(FairTuneError, match=message):
            fisher_importance(three, [altered(batch, labels=labels, groups=torch.arange(8) // 4)])
    three.config.problem_type = "multi_label_classification"
    for labels, message in [
        (batch["labels"], r"`labels` has shape \(8,\); a model of findings"),
        (torch.full((8, 3), 0.5), r"`labels` holds \[0.5\]; labels are 0 or 1"),
    ]:
        with pytest.raises(FairTuneError, match=message):
            fisher_importance(three, [altered(batch, labels=labels)])


def test_rows_that_influence_each_other_are_refused() -> None:
    with pytest.raises(FairTuneError, match="change with the other images of its batch"):
        fisher_importance(lively(Mixing()), [rows(8, size=8)])


@pytest.mark.parametrize("form", ["sample", "batch"])
def test_an_importance_that_overflows_is_named(form: str) -> None:
    model = lively(Odd())
    model.inner.weight.data.mul_(1e-30)
    batch = altered(rows(8, size=8), pixel_values=rows(8, size=8)["pixel_values"] * 1e30)
    with pytest.raises(FairTuneError, match="importance of `inner.weight` is NaN or infinite"):
        fisher_importance(model, [batch], form=form)
