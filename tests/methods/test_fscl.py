"""FSCL's loss against a slow loop; views of images; the projection is trained, kept in checkpoints and left out."""

import math
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import TrainerCallback

from hf_fairtune.errors import FairTuneError
from hf_fairtune.losses.fair_contrastive import Contrast, fair_contrastive
from hf_fairtune.methods.attached import attached_to, take_seen
from hf_fairtune.methods.facts import Facts
from hf_fairtune.methods.fscl import Fscl
from hf_fairtune.methods.view_sampler import ViewSampler
from hf_fairtune.trainer.checkpoints import load_weights
from hf_fairtune.trainer.fair import FairTrainer
from tests.conftest import KilledError, table, tiny_vit
from tests.trainer.test_fair import arguments


def slowly(z: list[list[float]], y: list[int], a: list[int], t: float, plus: bool) -> tuple[float, int]:
    """Return the mean term and the rows without negatives, pair by pair."""
    rows = [i for i in range(len(y)) if y[i] >= 0]
    total, lone = 0.0, 0

    def similarity(i: int, j: int) -> float:
        return sum(p * q for p, q in zip(z[i], z[j], strict=True)) / t

    for i in rows:
        positives = [j for j in rows if j != i and y[j] == y[i]]
        negatives = [k for k in rows if y[k] != y[i] and a[k] == a[i]]
        if not positives:
            continue
        lone += not negatives
        log = math.log(sum(math.exp(similarity(i, k)) for k in negatives)) if negatives else 0.0
        term = -sum(similarity(i, j) - log for j in positives)
        own = max(1, sum(a[j] == a[i] for j in positives))
        total += term / own * (len(rows) / 8) / (own + 1) if plus else term / len(positives)
    return total / len(rows), lone


@pytest.mark.parametrize("plus", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_the_loss_is_that_of_a_loop_over_pairs(plus: bool, seed: int) -> None:
    """With a class of one row, a group of one class, and rows that do not count."""
    draw = torch.Generator().manual_seed(seed)
    z = torch.nn.functional.normalize(torch.randn(14, 5, generator=draw), dim=1)
    y = torch.randint(-1, 3, (14,), generator=draw)
    a = torch.randint(0, 3, (14,), generator=draw)
    y[0], a[y == 1], a[1] = 3, 2, 0
    loss, lone = fair_contrastive(z, y, a, Contrast(0.3, plus))
    wanted, count = slowly(z.tolist(), y.tolist(), a.tolist(), 0.3, plus)
    assert float(loss) == pytest.approx(wanted, rel=1e-4)
    assert int(lone) == count


def test_the_loss_has_a_finite_gradient_where_cells_are_empty() -> None:
    for y in ([0, 0, 0, 0], [0, 1, 2, 3], [-1, -1, -1, -1]):
        z = torch.randn(4, 3, generator=torch.Generator().manual_seed(0)).requires_grad_()
        loss, _ = fair_contrastive(z, torch.tensor(y), torch.tensor([0, 0, 1, 1]), Contrast(0.1, True))
        loss.backward()
        assert loss.isfinite()
        assert z.grad is not None
        assert z.grad.isfinite().all()


def test_views_of_an_image_come_together() -> None:
    sampler = ViewSampler(5, 2, seed=3)
    first, again = list(sampler), list(sampler)
    sampler.set_epoch(1)
    other = list(sampler)
    assert first == again != other
    assert len(sampler) == len(first) == 10
    for rows in (first, other):
        assert rows[::2] == rows[1::2]
        assert Counter(rows) == dict.fromkeys(range(5), 2)


def test_a_projection_leaves_logits_and_goes_without_a_trace() -> None:
    model, pixels = tiny_vit(), table()[:4]["pixel_values"]
    wanted = model(pixel_values=pixels).logits
    features = model.vit(pixel_values=pixels).last_hidden_state[:, 0]
    method = Fscl().stages()[0]
    method.prepare(model, Facts.of(model, {"train": table()}))
    assert torch.equal(model(pixel_values=pixels).logits, wanted)
    (z,) = take_seen(model, "fscl")
    first, first_bias, second, second_bias = (own.detach() for own in attached_to(model).parameters())  # type: ignore[union-attr]
    hidden = (features @ first.T + first_bias).clamp(min=0)
    by_hand = hidden @ second.T + second_bias
    torch.testing.assert_close(z, by_hand / by_hand.norm(dim=1, keepdim=True))
    assert {own.requires_grad for own in attached_to(model).parameters()} == {True}  # type: ignore[union-attr]
    method.finish(model)
    assert attached_to(model) is None
    assert not model.classifier._forward_hooks


@pytest.mark.parametrize("plus", [False, True])
def test_the_first_training_minimises_it_and_the_second_moves_the_head_alone(tmp_path: Path, plus: bool) -> None:
    args = arguments(tmp_path, learning_rate=3e-3, warmup_steps=0, num_train_epochs=6)
    data = table(24)
    run = FairTrainer(tiny_vit(1), args, method=Fscl(group_norm=plus), train_dataset=data, eval_dataset=data)
    run.train()
    steps = run.training_log.steps
    assert [step.name for step in steps] == ["encoder", "head"]
    assert [step.batches for step in steps] == [6 * 3, 6 * 2]
    assert steps[1].learning_rate == 1e-3
    assert set(steps[0].facts) == {"without_negatives"}
    assert attached_to(run.model) is None
    method, rows = Fscl(group_norm=plus).stages()[0], data[:]

    def contrastive(model: Any) -> float:
        method.prepare(model, run.facts)
        loss = float(method.loss(model, rows)[0].detach())
        method.finish(model)
        return loss

    assert contrastive(run.model) < contrastive(tiny_vit(1))
    kept = method.prepare(tiny_vit(1), run.facts)
    load_weights(kept, tmp_path / "encoder" / "checkpoint-18")
    encoder = kept.state_dict()
    start = tiny_vit(1).state_dict()
    for name, values in run.model.state_dict().items():
        assert torch.equal(values, encoder[name]) == (not name.startswith("classifier."))
        if name.startswith("classifier."):
            assert torch.equal(encoder[name], start[name])


@pytest.mark.parametrize("where", ["encoder", "head"])
def test_a_killed_training_goes_on(tmp_path: Path, where: str) -> None:
    """In either stage, and with the projection as it was."""

    def run(folder: str) -> FairTrainer:
        args = arguments(tmp_path / folder, num_train_epochs=2)
        return FairTrainer(tiny_vit(1), args, method=Fscl(), train_dataset=table(), eval_dataset=table())

    class Killed(TrainerCallback):
        def on_save(self, args: Any, *_: object, **__: object) -> None:
            if where in args.output_dir:
                raise KilledError

    whole, killed, other = run("whole"), run("killed"), run("killed")
    whole.train()
    killed.add_callback(Killed())
    with pytest.raises(KilledError):
        killed.train()
    other.train(resume_from_checkpoint=True)
    assert other.training_log.steps[0].facts == whole.training_log.steps[0].facts
    same = other.model.state_dict()
    assert all(torch.equal(values, same[name]) for name, values in whole.model.state_dict().items())


def test_bad_input() -> None:
    with pytest.raises(FairTuneError, match="`temperature` is 0; give more than 0"):
        Fscl(temperature=0)
    with pytest.raises(FairTuneError, match="`head_learning_rate` is -1; give 0 or more"):
        Fscl(head_learning_rate=-1)
    with pytest.raises(FairTuneError, match="fscl needs a column `groups`"):
        Fscl().stages()[0].prepare(tiny_vit(1), Facts())


def test_views_that_stay_the_same_are_refused() -> None:
    class Transform:
        views = 2

        def __call__(self, rows: Any) -> Any:
            return rows

    data = table().with_transform(Transform())
    with pytest.raises(FairTuneError, match="with `stored_views` both are the same"):
        Fscl().stages()[0].prepare(tiny_vit(1), Facts(("a", "b"), rows={"train": data}))
