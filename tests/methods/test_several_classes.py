"""Every method with three classes and with three findings; a method that cannot says so."""

import json
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from hf_fairtune import catalog
from hf_fairtune.errors import FairTuneError
from hf_fairtune.families.head import MULTI_LABEL
from hf_fairtune.losses.balanced import balanced_cross_entropy
from hf_fairtune.losses.loss import bias_loss_named
from hf_fairtune.losses.one_vs_rest import bias_of
from hf_fairtune.methods.facts import Facts, label_counts
from hf_fairtune.methods.method import Batch, Method, method_named
from hf_fairtune.methods.teacher import Teacher
from hf_fairtune.methods.two_step import TwoStep
from tests.conftest import tiny_vit

from .several import several

FIELDS: dict[str, dict[str, Any]] = {
    "fairtune": {"mask": "attention"},
    "llft": {"updates": 20},
    "swift": {"bias_over": "worst"},
    "resampling": {"by": "group"},
    "reweighting": {"by": "group"},
}
# Those that compare rows with the same label, or draw them, refuse rows with several.
REFUSING = ("cfair", "dfr", "end", "laftr")
CASES = [(name, findings) for name in catalog.names("methods") for findings in (False, True)]
CASES = [(name, findings) for name, findings in CASES if not (findings and name in REFUSING)]
# Sensitivities are of one finding.
CASES = [case for case in CASES if case[0] not in ("enforced", "crossfitted")]


def model_of(findings: bool) -> Any:
    model = tiny_vit(num_labels=3)
    model.config.problem_type = MULTI_LABEL if findings else None
    return model


def batch_of(findings: bool, n: int = 8) -> Batch:
    rows: Batch = several(n, findings, seed=2)[:]
    return rows


class Stock:
    """Forward, loss and backward."""

    def __init__(self, method: Method) -> None:
        self.method = method

    def stock_step(self, model: nn.Module, batch: Batch) -> Tensor:
        loss = self.method.loss(model, batch)[0]
        loss.backward()
        return loss.detach()


@pytest.mark.parametrize(("name", "findings"), CASES)
def test_it_trains(name: str, findings: bool) -> None:
    """Each stage moves what it trains, at a finite loss in batches that lack a class, a group or all labels."""
    whole, model = method_named(name, **FIELDS.get(name, {})), model_of(findings)
    facts = Facts.of(model, dict.fromkeys(whole.views, several(findings=findings)), seed=1)
    lacking = batch_of(findings)
    lacking |= {"labels": lacking["labels"] * (torch.nan if findings else 0), "groups": lacking["groups"] * 0}
    for stage in whole.stages():
        model = stage.prepare(model, facts)
        before = {n: p.detach().clone() for n, p in model.named_parameters()}
        trained = {n for n, p in model.named_parameters() if p.requires_grad}
        optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-2)
        for batch in (batch_of(findings), lacking, batch_of(findings)):
            optimizer.zero_grad()
            assert stage.step(Stock(stage), model, batch).isfinite()
            optimizer.step()
        moved = {n for n, p in model.named_parameters() if not torch.equal(p, before[n])}
        assert moved <= trained
        # Under a mask from gradients the bias of a key, whose gradient is rounding, stands still.
        assert all(n.endswith("k_proj.bias") for n in trained - moved)
        assert all(p.isfinite().all() for p in model.parameters())
        with torch.no_grad():
            loss, outputs = stage.loss(model, batch_of(findings))
        assert loss.isfinite()
        assert outputs.logits.shape == (8, 3)
        stage.finish(model)
        json.dumps(stage.record().facts)


@pytest.mark.parametrize("name", REFUSING)
def test_it_refuses_findings(name: str) -> None:
    method, model = method_named(name), model_of(findings=True)
    with pytest.raises(FairTuneError, match="but here a row has several; choose another method"):
        method.prepare(model, Facts.of(model, dict.fromkeys(method.views, several(findings=True))))


@pytest.mark.parametrize("over", ["mean", "worst"])
@pytest.mark.parametrize("findings", [False, True])
def test_a_repair_minimises_the_bias_of_each_class(findings: bool, over: str) -> None:
    step, model = method_named("swift", bias_over=over).stages()[0], model_of(findings)
    assert isinstance(step, TwoStep)
    step.prepare(model, Facts(("a", "b"), rows={"measured": several(findings=findings)}))
    known, batch = step.measured.mask, batch_of(findings)
    assert known is not None
    loss, outputs = step.loss(model, batch)
    measure = bias_loss_named("equalized_odds")
    bias = bias_of(outputs.logits, batch["labels"], batch["groups"], measure, known.contrast, over)
    wanted = 0.1 * balanced_cross_entropy(outputs.logits, batch["labels"]) + 0.9 * bias.value
    torch.testing.assert_close(loss, wanted)
    assert known.soft["classifier.weight"].shape == (3, 16)


def test_facts_count_classes_and_groups() -> None:
    for findings in (False, True):
        data = several(findings=findings)
        labels, groups = (data.with_format("numpy")[name][:] for name in ("labels", "groups"))
        facts = Facts.of(model_of(findings), {"train": data})
        assert (facts.n_classes, facts.n_groups) == (3, 2)
        assert facts.cells.sum(1).tolist() == np.bincount(groups).tolist()
        counts = label_counts(data)
        assert counts is not None
        if findings:
            assert counts.tolist() == [[int((column == answer).sum()) for answer in (0, 1)] for column in labels.T]
        else:
            assert facts.cells.sum(0).tolist() == counts.tolist() == np.bincount(labels).tolist()


@pytest.mark.parametrize("findings", [False, True])
def test_a_teachers_probabilities_stand_for_labels(findings: bool) -> None:
    """Also where a label is missing; a student that is its teacher has no gradient."""
    method, model = method_named("full").taught(Teacher(model_of(findings))), model_of(findings)
    batch = batch_of(findings)
    loss, outputs = method.loss(model, batch)
    p = outputs.logits.sigmoid() if findings else outputs.logits.softmax(1)
    terms = p * p.log() + (1 - p) * (1 - p).log() if findings else (p * p.log()).sum(1)
    torch.testing.assert_close(loss, -terms.mean())
    loss.backward()
    assert max(float(q.grad.abs().max()) for q in model.parameters() if q.grad is not None) < 1e-6
