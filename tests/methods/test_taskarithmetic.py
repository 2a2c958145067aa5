"""Task arithmetic by group: weights by hand from those of each group's training; full fine-tuning and the start."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from hf_fairtune.errors import FairTuneError
from hf_fairtune.methods.facts import Facts
from hf_fairtune.methods.method import method_named
from hf_fairtune.methods.taskarithmetic import TaskArithmetic
from hf_fairtune.trainer.fair import FairTrainer
from tests.conftest import table, tiny_vit
from tests.trainer.test_fair import arguments


def trained(folder: Path, method: Any, names: tuple[str, ...] = ("a", "b")) -> FairTrainer:
    args = arguments(folder, learning_rate=1e-2, warmup_steps=0, save_total_limit=1)
    data = {"train_dataset": table(48, group_names=names), "eval_dataset": table(64, 1, names)}
    run = FairTrainer(tiny_vit(1), args, method=method, **data)
    run.train()
    return run


@pytest.mark.parametrize(("names", "scale"), [(("a", "b"), 0.7), (("a", "b", "c"), 1.5)])
def test_the_mean_change_is_scaled(tmp_path: Path, names: tuple[str, ...], scale: float) -> None:
    """The changes are those of the last checkpoints, each trained from the start on its group's rows alone."""
    run = trained(tmp_path, TaskArithmetic(scale=scale, n_groups=len(names)), names)
    start, groups = tiny_vit(1).state_dict(), torch.tensor(run.train_dataset["groups"])
    ends = []
    for i in range(len(names)):
        (folder,) = (tmp_path / f"group_{i + 1}").glob("checkpoint-*")
        ends.append(type(run.model).from_pretrained(folder).state_dict())
    for name, values in run.model.state_dict().items():
        changes = [end[name].double() - start[name].double() for end in ends]
        assert all(change.any() for change in changes)
        torch.testing.assert_close(values.double(), start[name] + scale * sum(changes) / len(changes))
    counts = [int((groups == code).sum()) for code in range(len(names))]
    wanted = [{"group": name, "rows": count} for name, count in zip(names, counts, strict=True)]
    assert [step.facts for step in run.training_log.steps] == wanted
    assert [step.batches for step in run.training_log.steps] == [2 * -(-count // 16) for count in counts]


def test_a_training_draws_its_groups_rows_and_starts_where_the_first_did() -> None:
    data, model = table(48), tiny_vit(1)
    facts = Facts.of(model, {"train": data})
    groups = torch.tensor(data["groups"])
    for code, stage in enumerate(TaskArithmetic().stages()):
        stage.prepare(model, facts)
        assert all(torch.equal(p, q) for p, q in zip(model.parameters(), tiny_vit(1).parameters(), strict=True))
        assert sorted(stage.rows(data) or ()) == (groups == code).nonzero().flatten().tolist()
        with torch.no_grad():
            model.classifier.weight.add_(1)
        stage.finish(model)
    torch.testing.assert_close(model.classifier.weight, tiny_vit(1).classifier.weight + 1)


def test_of_one_group_it_is_full_fine_tuning_bit_for_bit(tmp_path: Path) -> None:
    one = trained(tmp_path / "a", TaskArithmetic(n_groups=1), ("all",))
    other = trained(tmp_path / "b", method_named("full"), ("all",))
    assert all(torch.equal(p, q) for p, q in zip(one.model.parameters(), other.model.parameters(), strict=True))


def test_at_a_scale_of_0_it_is_the_start_bit_for_bit(tmp_path: Path) -> None:
    run = trained(tmp_path, TaskArithmetic(scale=0.0))
    assert all(torch.equal(p, q) for p, q in zip(run.model.parameters(), tiny_vit(1).parameters(), strict=True))


def test_running_statistics_are_averaged_and_not_scaled() -> None:
    model = nn.Sequential(nn.BatchNorm1d(2), nn.Linear(2, 2))
    facts = Facts(("a", "b"), cells=torch.ones(2, 2).int().numpy())
    for code, stage in enumerate(TaskArithmetic(scale=2.0).stages()):
        stage.prepare(model, facts)
        assert model[0].running_var.tolist() == [1, 1]
        model[0].running_var.fill_(3 + 2 * code)
        stage.finish(model)
    assert model[0].running_var.tolist() == [4, 4]


def test_bad_input() -> None:
    with pytest.raises(FairTuneError, match="`scale` is -1; give 0 or more"):
        TaskArithmetic(scale=-1)
    with pytest.raises(FairTuneError, match="`n_groups` is 0; give 1 or more"):
        TaskArithmetic(n_groups=0)
    facts = Facts.of(tiny_vit(1), {"train": table(group_names=("a", "b", "c"))})
    with pytest.raises(FairTuneError, match=r"`n_groups` is 2, but the training rows have 3 groups \(a, b, c\)"):
        TaskArithmetic().stages()[0].prepare(tiny_vit(1), facts)
