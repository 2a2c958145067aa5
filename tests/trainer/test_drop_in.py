"""`FairTrainer` where a script has `Trainer`: its signature, and rows and batches of every shape that it takes."""

import inspect
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from datasets import ClassLabel
from torch import nn
from torch.utils.data import Dataset, IterableDataset
from transformers import EvalPrediction, Trainer, TrainingArguments
from transformers.modeling_outputs import ImageClassifierOutput

from hf_fairtune import FairTrainer, FairTrainingArguments, FairTuneError
from tests.conftest import table, tiny_vit
from tests.trainer.test_drop_in_table import SHORT, accuracy

NUMBERS = {"eval_min_group_auc", "eval_auc_gap", "eval_accuracy"}


def arguments(folder: Path, **options: Any) -> TrainingArguments:
    return TrainingArguments(str(folder), **{**SHORT, **options})


class Torch(Dataset):
    """A data set of torch, which names no groups."""

    def __init__(self, columns: tuple[str, ...] = ("pixel_values", "labels", "groups")) -> None:
        self.rows = table(32).select_columns(list(columns))

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, place: int) -> dict[str, torch.Tensor]:
        return self.rows[place]


class Stream(IterableDataset):
    """The same as a stream."""

    def __iter__(self) -> Iterator[dict[str, torch.Tensor]]:
        return iter(table(32))


def test_the_signature_is_that_of_trainer() -> None:
    """In order, by name and by default; what is ours comes by name alone, after it."""
    stock, ours = (list(inspect.signature(kind.__init__).parameters.values()) for kind in (Trainer, FairTrainer))
    shape = [(one.name, one.default, one.kind) for one in ours]
    assert shape[: len(stock)] == [(one.name, one.default, one.kind) for one in stock]
    assert [(name, kind.name) for name, _, kind in shape[len(stock) :]] == [
        ("data", "KEYWORD_ONLY"), ("method", "KEYWORD_ONLY"), ("peft_config", "KEYWORD_ONLY"),
    ]  # fmt: skip
    assert all(one.annotation is not inspect.Parameter.empty for one in ours[1:])
    searches = (list(inspect.signature(kind.hyperparameter_search).parameters) for kind in (Trainer, FairTrainer))
    theirs, own = searches
    assert own[: len(theirs) - 1] == theirs[:-1]


def test_arguments_go_by_their_place(tmp_path: Path) -> None:
    run = FairTrainer(tiny_vit(), arguments(tmp_path), None, table(), table(64, 1))
    run.train()
    assert set(run.evaluate()) >= NUMBERS
    assert type(run.args) is FairTrainingArguments


def test_stock_arguments_keep_every_value_and_a_field_of_ones_own(tmp_path: Path) -> None:
    class Mine(TrainingArguments):
        """Arguments with one more."""

    args = Mine(str(tmp_path), num_train_epochs=7, weight_decay=0.3)
    args.note = "mine"
    found = FairTrainingArguments.of(args)
    same = {name for name, value in args.to_dict().items() if found.to_dict()[name] == value}
    assert set(args.to_dict()) - same == {"hub_strategy"}
    assert found.note == "mine"
    assert found.method == "plain"
    assert FairTrainingArguments.of(found) is found
    assert not isinstance(args, FairTrainingArguments)


def test_a_frozen_model_stays_frozen(tmp_path: Path) -> None:
    model = tiny_vit()
    model.vit.requires_grad_(False)
    run = FairTrainer(model, arguments(tmp_path), train_dataset=table(), eval_dataset=table(64, 1))
    run.train()
    pairs = zip(run.model.named_parameters(), tiny_vit().parameters(), strict=True)
    moved = {name for (name, values), start in pairs if not torch.equal(values, start)}
    assert moved == {"classifier.weight", "classifier.bias"}


def test_metrics_of_a_dict_are_by_the_groups_of_each(tmp_path: Path) -> None:
    new, bare = table(64, 2, group_names=("x", "y", "z")), Torch(("pixel_values", "labels"))
    parts = {"old": table(64, 1), "new": new, "bare": bare}
    run = FairTrainer(tiny_vit(), arguments(tmp_path), train_dataset=table(), eval_dataset=parts)
    run.train()
    found = run.state.log_history
    keys = {key for line in found for key in line}
    assert {"eval_old_auc_b", "eval_new_auc_z", "eval_bare_loss"} <= keys
    assert not {"eval_old_auc_z", "eval_new_auc_b", "eval_bare_auc"} & keys
    alone = run.evaluate(parts["new"])
    last = {key: value for line in found for key, value in line.items()}
    assert last["eval_new_min_group_auc"] == alone["eval_min_group_auc"]
    assert set(run.predict(parts["new"]).metrics) >= {"test_auc_x", "test_auc_z"}


@pytest.mark.parametrize("rows", [Torch, Stream])
def test_rows_of_torch_have_codes_for_names(tmp_path: Path, rows: type) -> None:
    run = FairTrainer(tiny_vit(), arguments(tmp_path, max_steps=2), train_dataset=rows(), eval_dataset=rows())
    run.train()
    named = FairTrainer(tiny_vit(), arguments(tmp_path), train_dataset=table(), eval_dataset=table(32))
    named.model.load_state_dict(run.model.state_dict())
    found, wanted = run.evaluate(), named.evaluate()
    assert found["eval_auc_1"] == wanted["eval_auc_b"]
    assert found["eval_min_group_auc"] == wanted["eval_min_group_auc"]


def test_without_groups_a_users_metrics_are_called_and_one_line_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = table().remove_columns("groups")
    for args in (arguments(tmp_path), FairTrainingArguments(str(tmp_path), method="full", use_cpu=True, report_to=[])):
        caplog.clear()
        with caplog.at_level(logging.WARNING, "hf_fairtune"):
            run = FairTrainer(tiny_vit(), args, train_dataset=rows, eval_dataset=rows, compute_metrics=accuracy)
            assert {"eval_accuracy", "eval_loss"} <= set(run.evaluate())
            assert "test_accuracy" in run.predict(rows).metrics
        said = [line for line in caplog.messages if "have no `groups`" in line]
        assert len(said) == 1
        assert "\n" not in said[0]
    assert set(FairTrainer(tiny_vit(), args, eval_dataset=rows).evaluate()) & NUMBERS == set()


def test_a_users_metrics_get_what_stock_gives_them(tmp_path: Path) -> None:
    """Labels alone by stock arguments, groups too where `label_names` ask for them; more columns travel as asked."""
    seen: list[Any] = []

    def compute(prediction: EvalPrediction) -> dict[str, float]:
        seen.append(prediction.label_ids)
        return {}

    rows = table().add_column("site", list(range(48))).with_format("torch")
    for asked in (None, ["labels", "groups"], ["labels", "site"]):
        args = arguments(tmp_path, label_names=asked, remove_unused_columns=True)
        FairTrainer(tiny_vit(), args, eval_dataset=rows, compute_metrics=compute).evaluate()
    labels, groups, site = (np.array(rows[name]) for name in ("labels", "groups", "site"))
    np.testing.assert_array_equal(seen[0], labels)
    np.testing.assert_array_equal(seen[1], [labels, groups])
    np.testing.assert_array_equal(seen[2], [labels, site])


def test_nothing_but_pixels_reaches_the_model(tmp_path: Path) -> None:
    """With unused columns removed or not, labelled or not, by a collator of one's own or the stock one."""
    model, seen = tiny_vit(), set()
    model.register_forward_pre_hook(lambda _, args, kwargs: seen.update(kwargs), with_kwargs=True)

    def collate(rows: list[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
        return {name: torch.stack([row[name] for row in rows]) for name in rows[0]}

    for removed in (True, False):
        for collator in (None, collate):
            args = arguments(tmp_path, remove_unused_columns=removed, max_steps=1)
            run = FairTrainer(model, args, collator, table(), table(64, 1))
            run.train()
            assert set(run.evaluate()) >= NUMBERS
            run.predict(table().remove_columns("labels"))
    assert seen == {"pixel_values"}


def test_a_batch_without_labels_is_one_line(tmp_path: Path) -> None:
    rows = table().remove_columns("labels")
    run = FairTrainer(tiny_vit(), arguments(tmp_path, eval_strategy="no"), train_dataset=rows)
    with pytest.raises(
        FairTuneError, match="a batch has the columns pixel_values, groups, but the loss takes `labels`"
    ):
        run.train()


def test_without_data_only_what_needs_splits_is_refused(tmp_path: Path) -> None:
    rows = table()
    run = FairTrainer(tiny_vit(), arguments(tmp_path), train_dataset=rows, eval_dataset=rows)
    run.train()
    run.save_model(str(tmp_path / "saved"))
    again = type(run.model).from_pretrained(tmp_path / "saved")
    assert all(torch.equal(p, q) for p, q in zip(run.model.parameters(), again.parameters(), strict=True))
    for call in (run.audit, run.calibrate, lambda: run.document):
        with pytest.raises(FairTuneError, match=r"needs the splits; build the trainer with `data=load_fair_dataset"):
            call()


def three_classes() -> Any:
    """Rows of three classes without groups."""
    rows = table(24).remove_columns("groups").cast_column("labels", ClassLabel(names=["x", "y", "z"]))
    return rows.with_format(None).map(lambda _, place: {"labels": place % 3}, with_indices=True).with_format("torch")


ROWS = {
    "classes": three_classes,
    "stream": Stream,
    "stream of datasets": lambda: table(32).to_iterable_dataset(),
    "dict": lambda: {"old": table(24), "new": table(24, 2)},
}


@pytest.mark.parametrize("name", ROWS)
def test_a_search_on_rows_of_every_shape(tmp_path: Path, name: str) -> None:
    """The winner, trained again, has its value."""
    rows, classes = ROWS[name](), 3 if name == "classes" else 2
    run = FairTrainer(
        model_init=lambda: tiny_vit(num_labels=classes),
        args=arguments(tmp_path, **({"max_steps": 3} if "stream" in name else {})),
        train_dataset=table(24) if name == "dict" else rows,
        eval_dataset=rows,
        compute_metrics=accuracy if name == "classes" else None,
    )
    assert isinstance(run.eval_dataset, type(rows))
    best = run.hyperparameter_search(
        compute_objective=lambda metrics: sum(value for key, value in metrics.items() if key.endswith("_loss")),
        direction="minimize",
        n_trials=2,
    )
    run.train()
    found = run.evaluate()
    assert sum(value for key, value in found.items() if key.endswith("_loss")) == best.objective
    assert ("eval_auc" in found) == (name not in ("classes", "dict"))


class Net(nn.Module):
    """A model of no library, without config."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(3, 2)

    def forward(self, pixel_values: torch.Tensor) -> ImageClassifierOutput:
        return ImageClassifierOutput(logits=self.head(pixel_values.mean((2, 3))))


def test_a_module_of_ones_own_is_trained(tmp_path: Path) -> None:
    run = FairTrainer(Net(), arguments(tmp_path, save_strategy="epoch"), train_dataset=table(), eval_dataset=table())
    run.train()
    assert set(run.evaluate()) >= NUMBERS
    run.save_model(str(tmp_path / "saved"))
    assert (tmp_path / "saved" / "model.safetensors").is_file()


def test_a_search_without_model_init_is_one_line(tmp_path: Path) -> None:
    run = FairTrainer(tiny_vit(), arguments(tmp_path), train_dataset=table(), eval_dataset=table())
    with pytest.raises(FairTuneError, match="give `model_init` in place of `model`"):
        run.hyperparameter_search(n_trials=1)


@pytest.mark.parametrize(
    ("metric", "greater", "message"),
    [
        (
            "new_auc_gap",
            None,
            "`greater_is_better` is True, but a lower `auc_gap` is better; leave it out, or set",
        ),
        ("new_min_acc", True, "`min_acc` is called `min_group_accuracy` here"),
        ("new_min_group_auk", True, "`min_group_auk` is not a metric to optimise; choose from min_group_auc"),
    ],
)
def test_the_best_metric_of_one_of_several_sets(
    tmp_path: Path, metric: str, greater: bool | None, message: str
) -> None:
    parts = {"old": table(24), "new": table(24, 2)}
    options = {"save_strategy": "epoch", "load_best_model_at_end": True}
    args = arguments(tmp_path, metric_for_best_model=metric, greater_is_better=greater, **options)
    with pytest.raises(FairTuneError) as refused:
        FairTrainer(tiny_vit(), args, train_dataset=table(24), eval_dataset=parts)
    assert str(refused.value).startswith(f"`metric_for_best_model`: {message}")
    args = arguments(tmp_path, metric_for_best_model="new_auc_gap", greater_is_better=False, **options)
    run = FairTrainer(tiny_vit(), args, train_dataset=table(24), eval_dataset=parts)
    run.train()
    assert run.state.best_metric == run.evaluate()["eval_new_auc_gap"]
