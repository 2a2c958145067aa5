"""Importances of more than two classes and of findings against autograd row by row; two classes as a special case."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from hf_fairtune import catalog
from hf_fairtune.families.head import MULTI_LABEL, order_classes
from hf_fairtune.importance.fisher import fisher_importance
from hf_fairtune.importance.rounding import rounding
from hf_fairtune.losses.balanced import balanced_cross_entropy
from hf_fairtune.losses.contrast import Contrast, GroupPair
from hf_fairtune.losses.loss import bias_loss_named
from hf_fairtune.losses.one_vs_rest import Over, bias_of
from tests.conftest import tiny_vit

from .fisher_oracle import Batch, lively, mean, rows, split, squared
from .odd_models import Lone, Odd, Twice
from .test_fisher import agree


def three(kind: str = "vit", findings: bool = False) -> Any:
    """Build a model of three logits; "lone" and "twice" have parameters without a formula."""
    if kind == "vit":
        model = lively(tiny_vit(1, num_labels=3))
    else:
        torch.manual_seed(0)
        odd = {"lone": Lone, "twice": Twice}[kind]()
        odd.head = nn.Linear(12, 3)
        odd.config = SimpleNamespace(num_labels=3, problem_type=None)
        model = lively(odd)
    model.config.problem_type = MULTI_LABEL if findings else None
    return model


def labelled(findings: bool, n: int = 19, n_groups: int = 2) -> Batch:
    """Return rows of three classes, or of three findings of which some are missing."""
    batch = rows(n, n_groups)
    draw = torch.Generator().manual_seed(4)
    if findings:
        labels = torch.stack([torch.arange(n) // c % 2 for c in (1, 3, 5)], dim=1).float()
        labels[torch.rand(n, 3, generator=draw) < 0.1] = torch.nan
        return batch | {"labels": labels}
    return batch | {"labels": torch.arange(n) // n_groups % 3}


def logits_of(model: Any, pixels: Tensor) -> Tensor:
    output = model(pixel_values=pixels)
    found: Tensor = getattr(output, "logits", output)
    return found


def biased(logits: Tensor, batch: Batch, contrast: Contrast, over: Over = "mean") -> Tensor:
    loss = bias_loss_named("equalized_odds")
    return bias_of(logits, batch["labels"], batch["groups"], loss, contrast, over).value


def by_row(model: Any, batch: Batch, contrast: Contrast, over: Over) -> tuple[dict[str, Tensor], ...]:
    """Return both importances: for every row, only its own logits carry a gradient."""
    n = len(batch["labels"])
    constants = logits_of(model, batch["pixel_values"]).detach()
    prediction, bias = [], []
    for i in range(n):
        for found, loss in (
            (prediction, lambda z: balanced_cross_entropy(z, batch["labels"])),
            (bias, lambda z: biased(z, batch, contrast, over)),
        ):
            own = logits_of(model, batch["pixel_values"][i : i + 1])
            found.append(squared(model, n * loss(torch.cat([constants[:i], own, constants[i + 1 :]]))))
    return mean(prediction), mean(bias)


@pytest.mark.parametrize("findings", [False, True])
@pytest.mark.parametrize(("kind", "over"), [("vit", "mean"), ("vit", "worst"), ("lone", "mean"), ("twice", "mean")])
def test_sample_form(kind: str, over: Over, findings: bool) -> None:
    model, batch = three(kind, findings), labelled(findings, n_groups=3 if over == "worst" else 2)
    got = fisher_importance(model, split(batch, 4), chunk_size=3, bias_over=over)
    prediction, bias = by_row(model, batch, got.contrast, over)
    agree(got.prediction, prediction)
    agree(got.bias, bias)
    z, loss = logits_of(model, batch["pixel_values"]), bias_loss_named("equalized_odds")
    assert got.empty_cells == bias_of(z, batch["labels"], batch["groups"], loss, got.contrast).empty


@pytest.mark.parametrize("findings", [False, True])
def test_whole_and_batch_form(findings: bool) -> None:
    model, batch = three(findings=findings), labelled(findings)
    whole, batches = (
        fisher_importance(model, split(batch, 7), form=form, contrast="mean") for form in ("whole", "batch")
    )

    def predicted(z: Tensor, own: Batch) -> Tensor:
        return balanced_cross_entropy(z, own["labels"])

    def measured(z: Tensor, own: Batch) -> Tensor:
        return biased(z, own, whole.contrast)

    agree(whole.bias, squared(model, biased(logits_of(model, batch["pixel_values"]), batch, whole.contrast)))
    parts: tuple[list[dict[str, Tensor]], ...] = ([], [])
    for part in split(batch, 7):
        for found, loss in zip(parts, (predicted, measured), strict=True):
            found.append(squared(model, loss(logits_of(model, part["pixel_values"]), part)))
    agree(batches.prediction, mean(parts[0]))
    agree(batches.bias, mean(parts[1]))


@pytest.mark.parametrize("bias", catalog.names("losses"))
def test_two_classes_by_their_logits_are_those_by_their_log_odds(bias: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sweep for several logits, given two, against the one that both losses share."""
    model, batch = lively(tiny_vit(1)), rows(14, 3)
    wanted = fisher_importance(model, [batch], bias=bias)
    for file in ("sample", "stable_rows"):
        monkeypatch.setattr(f"hf_fairtune.importance.{file}.several_logits", lambda _: True)
    got = fisher_importance(model, [batch], bias=bias)
    assert got.contrast == wanted.contrast
    agree(got.prediction, {name: values.double() for name, values in wanted.prediction.items()})
    agree(got.bias, {name: values.double() for name, values in wanted.bias.items()})


def test_the_order_of_classes_does_not_matter() -> None:
    model, batch, order = three(), labelled(False), [2, 0, 1]
    wanted = fisher_importance(model, [batch], bias_over="worst")
    order_classes(model, ["classifier"], order)
    turned = torch.tensor([order.index(c) for c in range(3)])[batch["labels"]]
    got = fisher_importance(model, [batch | {"labels": turned}], bias_over="worst")
    for found, side in ((got.prediction, wanted.prediction), (got.bias, wanted.bias)):
        agree(found, {n: (v[order] if n.startswith("classifier") else v).double() for n, v in side.items()})


def test_a_class_that_a_group_lacks_is_said_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    model, batch = three(), labelled(False)
    batch["labels"] = torch.where((batch["labels"] == 2) & (batch["groups"] == 1), 0, batch["labels"])
    got = fisher_importance(model, [batch], contrast=GroupPair(0, 1))
    assert got.empty_cells == 1
    assert "Classes 2: a group has no rows of them" in caplog.text


class Shared(Odd):
    """Adds one number to all logits, of which a softmax takes no notice."""

    def __init__(self) -> None:
        super().__init__()
        self.head, self.all = nn.Linear(12, 3), nn.Parameter(torch.zeros(1))
        self.config = SimpleNamespace(num_labels=3, problem_type=None)

    def forward(self, pixel_values: Tensor) -> Tensor:
        return super().forward(pixel_values) + self.all


def test_what_moves_all_logits_is_rounding_of_a_softmax_and_not_of_findings() -> None:
    torch.manual_seed(0)
    model, pixels = Shared(), torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(5))
    assert {name for name, found in rounding(model, pixels).items() if found.any()} == {"all"}
    model.config.problem_type = MULTI_LABEL
    assert not any(found.any() for found in rounding(model, pixels).values())
    found = rounding(tiny_vit(num_labels=3), torch.randn(2, 3, 16, 16))
    assert all(found[name].all() == name.endswith("k_proj.bias") for name in found)
