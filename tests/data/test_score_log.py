"""A run of scoring that was killed goes on where it was, and gives what it would have given."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hf_fairtune import scoring
from hf_fairtune.data.score_log import ScoreLog, score_log
from hf_fairtune.data.scored import PredictionArguments
from hf_fairtune.errors import FairTuneError
from tests.classifiers import vit
from tests.spoiling import SPOILINGS, deleted, replaced_by

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
    key = scoring.score_key(model, processor, ["a"], 4)
    assert key == scoring.score_key(model, processor, ["a"], 4) != scoring.score_key(model, processor, ["b"], 4)
    next(model.parameters()).data.view(-1)[0] += 1
    assert key != scoring.score_key(model, processor, ["a"], 4)


@pytest.mark.parametrize("spoil", [*SPOILINGS, replaced_by(Path(__file__))])
def test_a_damaged_log_is_scored_again(
    tmp_path: Path, spoil: Callable[[Path], None], capfd: pytest.CaptureFixture[str]
) -> None:
    """From the first batch on that is not as it was written; one line says so, but of a batch that was cut short."""
    whole = np.arange(24, dtype=np.float32).reshape(12, 2)

    def written() -> np.ndarray:
        with score_log(tmp_path, "k", 2, 3) as log:
            done = log.done
            for start in range(len(done), 12, 3):
                log.add(whole[start : start + 3])
        return done

    file = tmp_path / "logits-k.f32"
    written()
    spoil(file)
    if not file.is_file() and spoil is not deleted:
        with pytest.raises(FairTuneError, match=r"logits-k.f32` cannot be read \(.*\); remove it"):
            written()
        return
    done = written()
    np.testing.assert_array_equal(done, whole[: len(done)])
    np.testing.assert_array_equal(written(), whole)
    said = capfd.readouterr().err.splitlines()
    cut_short = spoil.__name__ in ("truncated", "cut_by_a_byte", "emptied", "deleted")
    assert len(said) == (0 if cut_short else 1), said
    assert all("images from there on are scored again" in line for line in said)


def test_batches_that_changed_places_are_scored_again(tmp_path: Path) -> None:
    with score_log(tmp_path, "k", 1, 2) as log:
        for value in range(3):
            log.add(np.full((2, 1), value))
    file = tmp_path / "logits-k.f32"
    content = file.read_bytes()
    size = len(content) // 3
    file.write_bytes(content[:size] + content[2 * size :] + content[size : 2 * size])
    assert len(ScoreLog(file, 1, 2).done) == 2
    shutil.copyfile(file, tmp_path / "logits-other.f32")
    assert len(ScoreLog(tmp_path / "logits-other.f32", 1, 2).done) == 0


def test_a_cache_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    refused = pytest.raises(FairTuneError, match="cannot be written to .*--data_cache")
    with refused, score_log(tmp_path / "file", "k", 1, 2):
        pass
