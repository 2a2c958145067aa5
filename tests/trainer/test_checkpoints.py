"""Only checkpoints written whole are resumed from."""

from pathlib import Path

from hf_fairtune.trainer.checkpoints import last_checkpoint


def test_a_checkpoint_is_whole_or_passed_over(tmp_path: Path) -> None:
    assert last_checkpoint(tmp_path) is None
    for step, text in ((9, "{}"), (10, "{}"), (11, ""), (12, None)):
        (tmp_path / f"checkpoint-{step}").mkdir()
        if text is not None:
            (tmp_path / f"checkpoint-{step}" / "trainer_state.json").write_text(text)
    assert last_checkpoint(tmp_path) == str(tmp_path / "checkpoint-10")
