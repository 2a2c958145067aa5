"""A run of scoring that was killed goes on where it was, and gives what it would have given."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hf_fairtune import scoring
from hf_fairtune.data.score_log import ScoreLog, score_key, score_log
from hf_fairtune.data.scored import PredictionArguments
from tests.classifiers import vit

from .conftest import frame_of, write_table


@pytest.fixture
def asked(tmp_path: Path) -> PredictionArguments:
    path = write_table(tmp_path / "images", frame_of(24), "clinic.csv")
    return PredictionArguments(dataset=str(path), label=["label"], group=["sex"], data_cache=str(tmp_path / "cache"))


def test_a_killed_run_goes_on(asked: PredictionArguments, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, processor = vit(2)
    once = scoring.score_dataset(model, processor, asked, batch_size=5).table.scores
    for file in (tmp_path / "cache").glob("logits-*.f32"):
        file.unlink()
    plain, calls = scoring.class_logits, []

    def dying(model: Any, pixels: Any) -> Any:
        calls.append(len(pixels))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return plain(model, pixels)

    monkeypatch.setattr(scoring, "class_logits", dying)
    with pytest.raises(KeyboardInterrupt):
        scoring.score_dataset(model, processor, asked, batch_size=5)
    again = scoring.score_dataset(model, processor, asked, batch_size=5).table.scores
    assert calls == [5, 5, 5, 5, 5, 4]
    np.testing.assert_array_equal(again, once)


def test_a_batch_cut_short_is_scored_again(tmp_path: Path) -> None:
    with score_log(tmp_path, "k", 2, 3) as log:
        log.add(np.arange(6).reshape(3, 2))
        log.add(np.arange(6).reshape(3, 2))
    file = tmp_path / "logits-k.f32"
    file.write_bytes(file.read_bytes()[:-5])
    with score_log(tmp_path, "k", 2, 3) as log:
        np.testing.assert_array_equal(log.done, np.arange(6).reshape(3, 2))
        log.add(np.ones((3, 2)))
    np.testing.assert_array_equal(ScoreLog(file, 2, 3).done[3:], 1)


def test_two_processes_do_not_write_one_log(tmp_path: Path) -> None:
    with score_log(tmp_path, "k", 1, 2) as first, score_log(tmp_path, "k", 1, 2) as second:
        first.add(np.zeros((2, 1)))
        second.add(np.ones((2, 1)))
    np.testing.assert_array_equal(ScoreLog(tmp_path / "logits-k.f32", 1, 2).done, 0)


def test_another_weight_is_another_log() -> None:
    model, processor = vit(2)
    key = score_key(model, processor, ["a"], 4)
    assert key == score_key(model, processor, ["a"], 4) != score_key(model, processor, ["b"], 4)
    next(model.parameters()).data.view(-1)[0] += 1
    assert key != score_key(model, processor, ["a"], 4)
