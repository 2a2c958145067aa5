"""A repair killed in either step, or between them, goes on and ends as if it had not been."""

from pathlib import Path
from typing import Any

import pytest

from hf_fairtune.cli.main import main
from hf_fairtune.methods.two_step import TwoStep
from hf_fairtune.record import Record
from hf_fairtune.trainer.lines import EpochLines
from tests.cli.test_job import KilledError


def without_seconds(repair: dict[str, Any] | None) -> dict[str, Any]:
    """Return how a model was repaired but for how long it took."""
    assert repair is not None
    steps = [{key: value for key, value in step.items() if key != "seconds"} for step in repair["steps"]]
    return {**repair, "seconds": None, "steps": steps}


@pytest.mark.parametrize("die_at", [2, 3, "between", 4])
def test_a_killed_repair_goes_on(
    repaired: Path,
    repairing_both: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    die_at: int | str,
) -> None:
    """In the second epoch of the extractor, between the steps, in the first and in the second epoch of the head."""
    seen = 0
    tell, prepare = EpochLines.on_evaluate, TwoStep.prepare

    def die(self: EpochLines, *args: object, **kwargs: object) -> None:
        nonlocal seen
        tell(self, *args, **kwargs)  # type: ignore[arg-type]
        seen += "eval_loss" in (kwargs.get("metrics") or {})  # type: ignore[operator]
        if seen == die_at:
            raise KilledError

    def die_before_the_head(self: TwoStep, model: object) -> object:
        if self.steps == "head" and die_at == "between":
            raise KilledError
        return prepare(self, model)

    with monkeypatch.context() as patch:
        patch.setattr(EpochLines, "on_evaluate", die)
        patch.setattr(TwoStep, "prepare", die_before_the_head)
        with pytest.raises(KilledError):
            main(["debias", *repairing_both, "--output_dir", str(tmp_path)])
    assert not (tmp_path / "fairtune.json").exists()
    step = "extractor" if die_at == 2 else "head"
    (tmp_path / step / "checkpoint-999").mkdir(parents=True)
    (tmp_path / step / "checkpoint-999" / "trainer_state.json").write_text('{"half": ')
    monkeypatch.setattr("hf_fairtune.handover.write_report", lambda *_: None)
    assert main(["debias", *repairing_both, "--output_dir", str(tmp_path)]) == 0
    assert (tmp_path / "model.safetensors").read_bytes() == (repaired / "model.safetensors").read_bytes()
    ours, theirs = Record.load(tmp_path), Record.load(repaired)
    assert ours.evaluations == theirs.evaluations
    assert ours.comparisons == theirs.comparisons
    assert without_seconds(ours.repair) == without_seconds(theirs.repair)
    scores = [[epoch["eval_auc"] for epoch in t["epochs"]] for r in (ours, theirs) for t in r.training]
    assert scores[:2] == scores[2:]
