"""A run killed in its final trainings goes on from the last whole checkpoint and ends as if it had not been."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from hf_fairtune.cli import train
from hf_fairtune.cli.flags import parse
from hf_fairtune.cli.job import Job, best_full_rate, counts_of
from hf_fairtune.cli.main import main
from hf_fairtune.errors import FairTuneError
from hf_fairtune.folder import claim
from hf_fairtune.record import Record
from hf_fairtune.trainer.fair import FairTrainer
from hf_fairtune.trainer.lines import EpochLines


def test_counts_foreseen_are_those_audited(finished: Path) -> None:
    """What is said before training of the test split is what its audit counts."""
    record = Record.load(finished)
    audit = record.evaluation("fairtune")
    assert audit is not None
    told = {row["group"]: (row["positives"], row["negatives"]) for row in audit["groups"]}
    assert counts_of(cast(FairTrainer, SimpleNamespace(record=record)), "test") == told


class KilledError(BaseException):
    """Stands for a kill: nothing handles it."""


@pytest.mark.parametrize("die_at", [1, 2, 3])
def test_killed_in_the_final_trainings(
    finished: Path, searching: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, die_at: int
) -> None:
    """In the winner's first epoch, in its second (a half-written checkpoint beside), and in full fine-tuning."""
    seen = 0
    tell = EpochLines.on_evaluate

    def die(self: EpochLines, *args: object, **kwargs: object) -> None:
        nonlocal seen
        tell(self, *args, **kwargs)
        seen += "eval_loss" in (kwargs.get("metrics") or {})
        if seen == die_at:
            raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(EpochLines, "on_evaluate", die)
        with pytest.raises(KilledError):
            main(["search", *searching, "--output_dir", str(tmp_path)])
    (tmp_path / "checkpoint-999").mkdir()
    (tmp_path / "checkpoint-999" / "trainer_state.json").write_text('{"half": ')
    assert main(["search", *searching, "--output_dir", str(tmp_path)]) == 0
    for name in ("model.safetensors", "adapter/adapter_model.safetensors"):
        assert (tmp_path / name).read_bytes() == (finished / name).read_bytes()
    ours, theirs = Record.load(tmp_path), Record.load(finished)
    assert (ours.evaluations, ours.mask, ours.learning_rate) == (theirs.evaluations, theirs.mask, theirs.learning_rate)
    scores = [[epoch["eval_auc"] for epoch in t["epochs"]] for r in (ours, theirs) for t in r.training]
    assert scores[:2] == scores[2:]


@pytest.mark.parametrize(("direction", "rate"), [("maximize", 3e-4), ("minimize", 1e-4)])
def test_the_rival_has_the_best_rate_of_full_tuning(direction: str, rate: float) -> None:
    trials = [
        {"mask": [1, 1], "value": 0.7, "learning_rate": 1e-4},
        {"mask": [1, 1], "value": 0.8, "learning_rate": 3e-4},
        {"mask": [1, 1], "value": None, "learning_rate": 5e-4},
        {"mask": [1, 0], "value": 0.9, "learning_rate": 9e-4},
    ]
    record = Record(
        "search", 0, {}, {}, "fairtune", search={"direction": direction}, trials=trials, learning_rate=2e-5
    )
    assert best_full_rate(record) == rate
    record.trials = trials[3:]
    assert best_full_rate(record) == 2e-5
    assert json.dumps(record.trials)


def claimed(flags: list[str], folder: Path, *more: str) -> tuple[Job, list[str]]:
    """Take a folder for a training, and return it with its flags."""
    first = [*flags, "--method", "full", "--output_dir", str(folder), *more]
    job = Job(*parse(train, first))
    claim(folder, job.run({}))
    return job, first


@pytest.mark.parametrize(
    "more",
    [
        ["--max_steps", "3"],
        ["--lr_scheduler_kwargs", '{"num_cycles": 0.4}'],
        ["--adam_beta1", "0.8"],
        ["--data_seed", "7"],
        ["--load_best_model_at_end"],
        ["--dataloader_drop_last"],
        ["--eval_strategy", "no"],
    ],
)
def test_a_flag_that_may_change_a_number_is_another_run(flags: list[str], tmp_path: Path, more: list[str]) -> None:
    _, first = claimed(flags, tmp_path)
    name = more[0].removeprefix("--")
    with pytest.raises(FairTuneError, match=rf"holds another run \(other ([a-z_]+, )*{name}[,)]"):
        Job(*parse(train, [*first, *more])).finished({})


def test_flags_that_change_no_number_go_on(flags: list[str], tmp_path: Path) -> None:
    _, first = claimed(flags, tmp_path)
    free = "--run_name x --logging_steps 3 --save_strategy no --save_total_limit 4 --per_device_eval_batch_size 7"
    more = [*free.split(), "--dataloader_pin_memory", "true", "--hub_model_id", "me/x", "--disable_tqdm", "true"]
    assert not Job(*parse(train, [*first, *more])).finished({})


def test_what_is_saved_decides_where_the_best_is_loaded(flags: list[str], tmp_path: Path) -> None:
    steps = ["--eval_strategy", "steps", "--eval_steps", "2", "--save_strategy", "steps", "--save_steps", "2"]
    _, first = claimed(flags, tmp_path, "--load_best_model_at_end", *steps)
    with pytest.raises(FairTuneError, match="other save_steps"):
        Job(*parse(train, [*first, "--save_steps", "4"])).finished({})


def test_arguments_survive_their_file(flags: list[str], tmp_path: Path) -> None:
    """Fractions, dictionaries and None come back from JSON as they went."""
    job, _ = claimed(flags, tmp_path, "--lr_scheduler_kwargs", '{"num_cycles": 0.3}', "--warmup_steps", "0.3333333333")
    assert json.loads(json.dumps(job.training.deciding())) == job.training.deciding()
    assert not job.finished({})
