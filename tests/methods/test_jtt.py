"""JTT: the rows in error come several times, both trainings start alike, and without more weight it is plain."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import ViTForImageClassification

from hf_fairtune.errors import FairTuneError
from hf_fairtune.methods.jtt import Jtt, UpsampledSampler, wrong
from hf_fairtune.methods.method import method_named
from hf_fairtune.trainer.fair import FairTrainer
from tests.conftest import table, tiny_vit
from tests.trainer.test_fair import arguments


def test_errors_come_several_times_and_all_others_once() -> None:
    errors = torch.tensor([False, True, False, True, False])
    sampler = UpsampledSampler(errors, 4, seed=3)
    first, again = list(sampler), list(sampler)
    assert Counter(first) == {0: 1, 1: 4, 2: 1, 3: 4, 4: 1}
    assert len(sampler) == 11
    sampler.set_epoch(1)
    assert first == again != list(sampler)
    assert Counter(sampler) == Counter(first)


def test_what_is_wrong() -> None:
    """Of classes the likeliest is another; of findings one that is known lies on the wrong side."""
    logits = torch.tensor([[2.0, 1.0, 0.0], [0.0, 1.0, 2.0], [1.0, -1.0, 3.0]])
    assert wrong(logits, torch.tensor([0, 1, 2])).tolist() == [False, True, False]
    nan = torch.nan
    labels = torch.tensor([[1.0, 1.0, 0.0], [nan, 0.0, nan], [1.0, nan, nan]])
    assert wrong(logits, labels).tolist() == [False, True, False]
    assert not wrong(logits, torch.full((3, 3), nan)).any()


def trained(folder: Path, method: Any, **options: Any) -> FairTrainer:
    args = arguments(folder, learning_rate=1e-2, save_total_limit=None, **options)
    run = FairTrainer(tiny_vit(), args, method=method, train_dataset=table(), eval_dataset=table(64, 1))
    run.train()
    return run


def test_the_second_training_starts_again_and_repeats_the_errors_of_the_first(tmp_path: Path) -> None:
    """As many steps as that makes; the first one is short, without a warm-up, whatever the run's length in steps."""
    run = trained(tmp_path, Jtt(upweight=3, first_epochs=1), max_steps=8)
    first, second = run.training_log.steps
    assert (first.name, first.epochs, first.batches) == ("first", 1.0, 3)
    model = ViTForImageClassification.from_pretrained(tmp_path / "first" / "checkpoint-3").eval()
    rows = table()[:]
    with torch.no_grad():
        errors = int((model(pixel_values=rows["pixel_values"]).logits.argmax(1) != rows["labels"]).sum())
    assert 0 < errors < len(rows["labels"])
    assert second.facts == {"errors": errors}
    assert (run.args.max_steps, run.args.num_train_epochs, run.state.global_step) == (8, 2, 8)
    assert second.epochs == pytest.approx(8 / -(-(48 + 2 * errors) // 16))
    stages, start = run.method.stages(), tiny_vit()
    for stage in stages:
        begun = stage.prepare(start, run.facts)
        assert all(torch.equal(p, q) for p, q in zip(begun.parameters(), tiny_vit().parameters(), strict=True))
        with torch.no_grad():
            begun.classifier.weight.add_(1)


def test_with_equal_weights_it_is_full_fine_tuning_bit_for_bit(tmp_path: Path) -> None:
    one, other = trained(tmp_path / "a", Jtt(upweight=1)), trained(tmp_path / "b", method_named("full"))
    assert all(torch.equal(p, q) for p, q in zip(one.model.parameters(), other.model.parameters(), strict=True))


def test_bad_input(tmp_path: Path) -> None:
    with pytest.raises(FairTuneError, match="`first_epochs` is 0; give more than 0"):
        Jtt(first_epochs=0)
    with pytest.raises(FairTuneError, match="`upweight` is 0; give 1 or more"):
        Jtt(upweight=0)
