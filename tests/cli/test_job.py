"""A run killed in its final trainings goes on from the last whole checkpoint and ends as if it had not been."""

import json
import signal
from pathlib import Path

import pytest
from transformers import AutoImageProcessor

from hf_fairtune.cli import train
from hf_fairtune.cli.counts import counts_of
from hf_fairtune.cli.flags import parse
from hf_fairtune.cli.job import Job
from hf_fairtune.cli.main import main
from hf_fairtune.data.arguments import DataArguments
from hf_fairtune.data.fair_dataset import load_fair_dataset
from hf_fairtune.document.document import Document
from hf_fairtune.errors import FairTuneError
from hf_fairtune.files.folder import claim
from hf_fairtune.trainer.epoch_line import EpochLine
from tests.cli.conftest import run_without_card
from tests.conftest import KilledError
from tests.trainer.moments import signal_in_step

TIMES = ("second", "time", "created")


def without_times(document: Document) -> str:
    """Return a document as JSON but for when, and how fast, it was made."""
    lines = document.to_json().splitlines()
    return "\n".join(line for line in lines if not any(word in line for word in TIMES))


@pytest.fixture(scope="module")
def short(flags: list[str]) -> list[str]:
    """Flags of a search of few trials whose winner and baseline are trained with three seeds, but for its folder."""
    more = "--num_train_epochs 2 --trials 2 --baselines linear --baseline_trials 1 --seeds 3"
    return [*flags, *more.split()]


@pytest.fixture(scope="module")
def whole(short: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of one that was not killed, without card."""
    return run_without_card("search", short, tmp_path_factory.mktemp("runs") / "whole")


def test_counts_before_training_are_those_audited(whole: Path, lesions: Path, base: Path) -> None:
    table = DataArguments(str(lesions), "label", ["malignant"], ["skin"], "patient_id", image_size=16)
    data = load_fair_dataset(table, AutoImageProcessor.from_pretrained(base))
    entry = Document.load(whole).find("model", "test", "malignant", "skin")
    assert entry is not None
    wanted = {row.group: (row.positives, row.negatives) for row in entry.audit.groups}
    assert counts_of(data, "test") == {"malignant": wanted}


@pytest.mark.usefixtures("cardless")
@pytest.mark.parametrize("die_at", [2, 8])
def test_killed_in_the_final_trainings(
    whole: Path, short: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, die_at: int
) -> None:
    """In the winner's second epoch, a half-written checkpoint beside, and in a baseline."""
    seen = 0
    write_line = EpochLine.on_evaluate

    def die(self: EpochLine, *args: object, **kwargs: object) -> None:
        nonlocal seen
        write_line(self, *args, **kwargs)
        seen += "eval_loss" in (kwargs.get("metrics") or {})
        if seen == die_at:
            raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(EpochLine, "on_evaluate", die)
        with pytest.raises(KilledError):
            main(["search", *short, "--output_dir", str(tmp_path)])
    (tmp_path / "checkpoint-999").mkdir()
    (tmp_path / "checkpoint-999" / "trainer_state.json").write_text('{"half": ')
    assert main(["search", *short, "--output_dir", str(tmp_path)]) == 0
    for name in ("model.safetensors", "adapter/adapter_model.safetensors"):
        assert (tmp_path / name).read_bytes() == (whole / name).read_bytes()
    assert without_times(Document.load(tmp_path)) == without_times(Document.load(whole))


@pytest.mark.usefixtures("cardless")
def test_stopped_by_signals(whole: Path, short: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """In the second trial, then in the training of a further seed, each in the middle of an epoch."""
    command = ["search", *short, "--output_dir", str(tmp_path)]
    # Four steps an epoch.
    with signal_in_step(8 + 5, signal.SIGTERM):
        assert main(command) == 128 + signal.SIGTERM
    place = tmp_path / "run-1" / "checkpoint-5"
    line = f"fairtune: stopped by SIGTERM at step 5 of 8, `{place}` is written; the same command goes on from here.\n"
    assert capfd.readouterr().err.endswith(line)
    with signal_in_step(3 + 8 + 2, signal.SIGINT):
        assert main(command) == 128 + signal.SIGINT
    place = tmp_path / "seeds" / "4" / "checkpoint-2"
    line = f"fairtune: stopped by Ctrl-C at step 2 of 8, `{place}` is written; the same command goes on from here.\n"
    assert capfd.readouterr().err.endswith(line)
    assert main(command) == 0
    for name in ("model.safetensors", "adapter/adapter_model.safetensors"):
        assert (tmp_path / name).read_bytes() == (whole / name).read_bytes()
    assert without_times(Document.load(tmp_path)) == without_times(Document.load(whole))


def claimed(flags: list[str], folder: Path, *more: str) -> tuple[Job, list[str]]:
    """Take a folder for a training, and return it with its flags."""
    first = [*flags, "--method", "full", "--output_dir", str(folder), *more]
    job = Job(*parse(train, first), {})
    claim(folder, job.fingerprint)
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
        Job(*parse(train, [*first, *more]), {}).finished()


def test_flags_that_change_no_number_go_on(flags: list[str], tmp_path: Path) -> None:
    _, first = claimed(flags, tmp_path)
    free = "--run_name x --logging_steps 3 --save_strategy no --save_total_limit 4 --per_device_eval_batch_size 7"
    more = [*free.split(), "--dataloader_pin_memory", "true", "--hub_model_id", "me/x", "--disable_tqdm", "true"]
    assert not Job(*parse(train, [*first, *more]), {}).finished()


def test_what_is_saved_decides_where_the_best_is_loaded(flags: list[str], tmp_path: Path) -> None:
    steps = ["--eval_strategy", "steps", "--eval_steps", "2", "--save_strategy", "steps", "--save_steps", "2"]
    _, first = claimed(flags, tmp_path, "--load_best_model_at_end", *steps)
    with pytest.raises(FairTuneError, match="other save_steps"):
        Job(*parse(train, [*first, "--save_steps", "4"]), {}).finished()


def test_arguments_survive_their_file(flags: list[str], tmp_path: Path) -> None:
    """Fractions, dictionaries and None come back from JSON as they went."""
    job, _ = claimed(flags, tmp_path, "--lr_scheduler_kwargs", '{"num_cycles": 0.3}', "--warmup_steps", "0.3333333333")
    assert json.loads(json.dumps(job.training.deciding())) == job.training.deciding()
    assert not job.finished()


def test_a_peft_config_is_known_by_its_content(flags: list[str], tmp_path: Path) -> None:
    here, there = tmp_path / "a.json", tmp_path / "b.json"
    here.write_text('{"peft_type": "LORA", "target_modules": ["q_proj"], "r": 2}')
    _, first = claimed(flags, tmp_path, "--method", "plain", "--peft", str(here))
    here.rename(there)
    assert not Job(*parse(train, [*first, "--peft", str(there)]), {}).finished()
    there.write_text(there.read_text().replace("2", "4"))
    with pytest.raises(FairTuneError, match=r"holds another run \(other peft\)"):
        Job(*parse(train, [*first, "--peft", str(there)]), {}).finished()
