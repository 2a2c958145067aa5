"""Whatever spoils a checkpoint, the training goes on from the one before, says so, and ends as if nothing had been."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from hf_fairtune.errors import FairTuneError
from hf_fairtune.files.checksums import FILE_NAME
from hf_fairtune.methods.full import Full
from hf_fairtune.trainer import checkpoints
from hf_fairtune.trainer.arguments import FairTrainingArguments
from hf_fairtune.trainer.checkpoints import own_checkpoint
from hf_fairtune.trainer.fair import FairTrainer
from tests.conftest import table, tiny_vit
from tests.spoiling import SPOILINGS, deleted, flipped, replaced_by, truncated, zeroed

FILES = (
    "model.safetensors", "optimizer.pt", "scheduler.pt", "rng_state.pth", "trainer_state.json", "training_args.bin",
    "config.json", "average.safetensors", FILE_NAME,
)  # fmt: skip
Spoil = Callable[[Path], None]
Whole = tuple[Path, FairTrainer]


def trainer_in(folder: Path, epochs: int = 3, **options: object) -> FairTrainer:
    known: dict[str, object] = {"save_total_limit": None, "average_last": 3, "eval_strategy": "no"}
    args = FairTrainingArguments(
        str(folder), num_train_epochs=epochs, per_device_train_batch_size=16, learning_rate=1e-2, warmup_steps=0,
        use_cpu=True, report_to=[], disable_tqdm=True, **{**known, **options},
    )  # fmt: skip
    model = tiny_vit(1)
    model.vit.embeddings.dropout.p = 0.1  # so that chance takes part
    return FairTrainer(model, args, method=Full(), train_dataset=table(), eval_dataset=table(32, 1))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    """A training of three epochs, as a kill in its last epoch leaves its folder, and at its end."""
    folder = tmp_path_factory.mktemp("whole")
    trained = trainer_in(folder)
    trained.train()
    shutil.rmtree(folder / "checkpoint-9")
    return folder, trained


@pytest.fixture
def folder(whole: Whole, tmp_path: Path) -> Path:
    return shutil.copytree(whole[0], tmp_path / "run")


def resumed(folder: Path) -> FairTrainer:
    found = trainer_in(folder)
    found.train(resume_from_checkpoint=True)
    return found


def same(one: FairTrainer, other: FairTrainer) -> bool:
    weights = other.model.state_dict()
    return all(torch.equal(values, weights[name]) for name, values in one.model.state_dict().items())


@pytest.mark.parametrize("spoil", [*SPOILINGS, None])
@pytest.mark.parametrize("name", FILES)
def test_the_one_before_is_used_and_one_line_says_so(
    folder: Path, whole: Whole, name: str, spoil: Spoil | None, capsys: pytest.CaptureFixture[str]
) -> None:
    """None stands for the file of another checkpoint."""
    before, path = folder / "checkpoint-3", folder / "checkpoint-6" / name
    if spoil is None and (before / name).read_bytes() == path.read_bytes():
        pytest.skip("the two are the same")
    (spoil or replaced_by(before / name))(path)
    trainer = whole[1]
    trainer.args.output_dir = str(folder)
    assert own_checkpoint(trainer, trainer.method) == str(before)
    (line,) = capsys.readouterr().out.splitlines()
    # A wrong checksum is a file that it does not fit.
    assert name in line or name == FILE_NAME
    assert line.endswith("/damaged-checkpoint-6`, and the training goes on from `checkpoint-3`")
    assert own_checkpoint(trainer, trainer.method) == str(before)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("spoilt", "start"),
    [
        ({6: ("model.safetensors", flipped)}, "goes on from `checkpoint-3`"),
        ({6: ("optimizer.pt", truncated)}, "goes on from `checkpoint-3`"),
        ({6: ("rng_state.pth", deleted), 3: ("average.safetensors", zeroed)}, "starts from its beginning"),
    ],
)
def test_it_ends_as_if_nothing_had_been(
    folder: Path, whole: Whole, spoilt: dict[int, tuple[str, Spoil]], start: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for step, (name, spoil) in spoilt.items():
        spoil(folder / f"checkpoint-{step}" / name)
    assert same(resumed(folder), whole[1])
    lines = [line for line in capsys.readouterr().out.splitlines() if "damaged" in line]
    assert len(lines) == len(spoilt)
    assert all(line.endswith(start) for line in lines)


def test_one_that_was_copied_over_another_is_none(folder: Path, whole: Whole) -> None:
    shutil.rmtree(folder / "checkpoint-6")
    shutil.copytree(folder / "checkpoint-3", folder / "checkpoint-6")
    trainer = whole[1]
    trainer.args.output_dir = str(folder)
    assert own_checkpoint(trainer, trainer.method) == str(folder / "checkpoint-3")


def test_what_a_kill_left_in_the_middle_of_saving_goes_without_a_word(
    folder: Path, whole: Whole, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in (FILE_NAME, "trainer_state.json"):
        (folder / "checkpoint-6" / name).unlink()
    assert same(resumed(folder), whole[1])
    assert "damaged" not in capsys.readouterr().out


def test_a_damaged_one_that_is_named_is_refused(folder: Path) -> None:
    flipped(folder / "checkpoint-6" / "scheduler.pt")
    with pytest.raises(FairTuneError, match=r"no whole checkpoint \(`scheduler.pt` is not as it was written\)"):
        trainer_in(folder).train(resume_from_checkpoint=str(folder / "checkpoint-6"))
    with pytest.raises(FairTuneError, match=r"no whole checkpoint \(it has no `trainer_state.json`\)"):
        trainer_in(folder).train(resume_from_checkpoint=str(folder / "checkpoint-7"))


def test_two_are_kept_whatever_the_clock_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep = checkpoints.seal

    def set_back(folder: Path) -> None:
        keep(folder)
        os.utime(folder, (1e9 - int(folder.name[11:]),) * 2)

    monkeypatch.setattr(checkpoints, "seal", set_back)
    trainer_in(tmp_path, 4, average_last=0, save_total_limit=2).train()
    assert {path.name for path in tmp_path.glob("checkpoint-*")} == {"checkpoint-9", "checkpoint-12"}


def test_a_damaged_best_one_is_not_gone_back_to(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = {"average_last": 0, "eval_strategy": "epoch", "load_best_model_at_end": True}
    first = trainer_in(tmp_path / "a", **options)
    first.train()
    best = Path(str(first.state.best_model_checkpoint))
    for step in range(int(best.name[11:]), 10, 3):
        shutil.copytree(tmp_path / "a" / f"checkpoint-{step}", tmp_path / "b" / f"checkpoint-{step}")
    flipped(tmp_path / "b" / best.name / "model.safetensors")
    second = trainer_in(tmp_path / "b", **options)
    second.train(resume_from_checkpoint=True)
    assert same(first, second)
    assert "starts from its beginning" in capsys.readouterr().out
    flipped(best / "model.safetensors")
    with pytest.raises(FairTuneError, match="is no whole checkpoint"):
        first._load_best_model()
