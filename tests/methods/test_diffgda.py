"""DiffGda: the loss by hand, the model of least bias kept, its end at chance, and a stop that is resumed."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from hf_fairtune.errors import FairTuneError
from hf_fairtune.losses.cross_entropy import CrossEntropy
from hf_fairtune.methods.diffgda import DiffGda
from hf_fairtune.methods.facts import Facts
from hf_fairtune.methods.signed_bias import Judge
from hf_fairtune.trainer.fair import FairTrainer
from tests.conftest import table, tiny_vit
from tests.trainer.test_fair import arguments

from .biased import biased, marked
from .several import several


def trained(folder: Path, resume: bool = False, rate: float = 1e-3, **flags: Any) -> FairTrainer:
    args = arguments(folder, learning_rate=rate, warmup_steps=0, num_train_epochs=3, save_total_limit=None)
    data = {"train_dataset": marked(96), "eval_dataset": marked(128, 1, 0.6)}
    run = FairTrainer(biased(), args, method=DiffGda(bias="equal_opportunity", **flags), **data)
    run.train(resume_from_checkpoint=resume)
    return run


JUDGE = Judge.of(marked(128, 1, 0.6), (1,), "equal_opportunity")


def test_the_loss_is_the_sign_times_the_difference_of_means() -> None:
    data, model = marked(128, 1, 0.6), biased()
    method = DiffGda(bias="equal_opportunity")
    method.prepare(model, Facts.of(model, {"train": marked(), "validation": data}))
    rows = marked(40, 5)[:]
    p = model(pixel_values=rows["pixel_values"]).logits.softmax(1)[:, 1]
    positive, second = rows["labels"] == 1, rows["groups"] == 1
    wanted = p[positive & second].mean() - p[positive & ~second].mean()
    loss, _ = method.loss(model, rows)
    sign = float(JUDGE(model).bias.sign())
    assert sign != 0
    torch.testing.assert_close(loss, sign * wanted)
    alone = {**rows, "groups": torch.zeros(40, dtype=torch.long)}
    assert not method.loss(model, alone)[0]
    assert method.state()["empty_cells"] == 1
    with torch.no_grad():
        torch.testing.assert_close(
            method.loss(model, rows)[0], CrossEntropy()(model(**only(rows)).logits, rows["labels"])
        )


def only(rows: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {"pixel_values": rows["pixel_values"]}


def test_of_three_groups_and_classes_each_has_a_sign() -> None:
    data, model = several(90), tiny_vit(num_labels=3)
    groups = torch.arange(90) % 3
    data = data.with_format(None).remove_columns("groups").add_column("groups", groups.tolist()).with_format("torch")
    method = DiffGda()
    facts = Facts(("a", "b", "c"), 3, torch.ones(3, 3).int().numpy(), rows={"validation": data})
    method.prepare(model, facts)
    rows = data[:]
    p = model(pixel_values=rows["pixel_values"]).logits.softmax(1)
    signs, parts = Judge.of(data, (0, 1, 2), "statistical_parity")(model).bias.sign(), []
    for side in range(3):
        for c in range(3):
            inside = rows["groups"] == side
            parts.append(float(signs[side, c]) * (p[inside, c].mean() - p[~inside, c].mean()))
    torch.testing.assert_close(method.loss(model, rows)[0], torch.stack(parts).mean())


def test_the_model_of_least_bias_above_the_floor_is_kept(tmp_path: Path) -> None:
    run = trained(tmp_path, floor=0.6, evaluations=6)
    (step,), before = run.training_log.steps, JUDGE(biased())
    judged = [before]
    for path in sorted(tmp_path.glob("checkpoint-*"), key=lambda one: int(one.name[11:])):
        judged.append(JUDGE(type(run.model).from_pretrained(path).eval()))
    least = JUDGE(run.model)
    assert step.facts["bias_before"] == before.size
    assert step.facts["bias"] == pytest.approx(least.size)
    assert step.facts["balanced_accuracy"] == pytest.approx(least.balanced_accuracy)
    assert 0 < step.facts["step"] <= 18
    assert step.facts["evaluations"] == 18
    assert least.size < before.size
    assert least.size <= min(one.size for one in judged if one.balanced_accuracy >= 0.6)


def test_a_model_made_when_the_training_begins_and_a_trial_are_evaluated_too(tmp_path: Path) -> None:
    args = arguments(tmp_path, learning_rate=1e-3, num_train_epochs=1)
    data = {"train_dataset": marked(96), "eval_dataset": marked(128, 1, 0.6)}
    method = DiffGda(bias="equal_opportunity", evaluations=2)
    run = FairTrainer(model_init=lambda: biased(), args=args, method=method, **data)
    run.hyperparameter_search(n_trials=1)
    run.train()
    facts = run.training_log.steps[0].facts
    assert facts["evaluations"] == 2
    assert facts["bias"] == pytest.approx(JUDGE(run.model).size)
    assert float(facts["bias"]) <= float(facts["bias_before"])


def test_where_none_is_accurate_enough_the_model_stays_bit_for_bit(tmp_path: Path) -> None:
    run = trained(tmp_path, floor=1.0)
    start = biased().state_dict()
    assert all(torch.equal(values, start[name]) for name, values in run.model.state_dict().items())
    facts = run.training_log.steps[0].facts
    assert (facts["step"], facts["floor_reached"]) == (0, False)


def test_it_ends_at_chance_and_stays_ended_when_resumed(tmp_path: Path) -> None:
    run = trained(tmp_path / "whole", rate=0.1, floor=0.55)
    facts = run.training_log.steps[0].facts
    assert facts["ended"]
    assert run.state.global_step < 18
    assert JUDGE(run.model).balanced_accuracy >= 0.55
    shutil.copytree(tmp_path / "whole", tmp_path / "again")
    again = trained(tmp_path / "again", resume=True, rate=0.1, floor=0.55)
    assert again.training_log.steps[0].facts == facts
    assert all(torch.equal(p, q) for p, q in zip(run.model.parameters(), again.model.parameters(), strict=True))


def test_bad_input() -> None:
    with pytest.raises(FairTuneError, match="`floor` is 1.5; give a number from 0 to 1"):
        DiffGda(floor=1.5)
    with pytest.raises(FairTuneError, match="`evaluations` is 0; give 1 or more"):
        DiffGda(evaluations=0)
    with pytest.raises(FairTuneError, match="`bias` is 'odds'; choose"):
        DiffGda(bias="odds")  # type: ignore[arg-type]
    alone = table(group_names=("all",))
    facts = Facts.of(tiny_vit(1), {"train": alone, "validation": alone})
    with pytest.raises(FairTuneError, match="compares groups, but its rows have 1"):
        DiffGda().prepare(tiny_vit(1), facts)
