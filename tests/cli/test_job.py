"""A run killed in its final trainings goes on from the last whole checkpoint and ends as if it had not been."""

import json
from pathlib import Path

import pytest

from hf_fairtune.cli.job import best_full_rate
from hf_fairtune.cli.main import main
from hf_fairtune.record import Record
from hf_fairtune.trainer.lines import EpochLines


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
