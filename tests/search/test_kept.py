"""What a trial leaves is read as it was written, or named."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from hf_fairtune.search.kept import DamagedError, read_scores, read_weights, write_scores, write_weights
from tests.spoiling import SPOILINGS, flipped, replaced_by

Spoil = Callable[[Path], None]
EACH = [*SPOILINGS, replaced_by(Path(__file__))]
SCORES = np.linspace(0, 1, 7)
WEIGHTS = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.ones(2, dtype=torch.int64)}


def test_files_are_what_the_libraries_read(tmp_path: Path) -> None:
    write_scores(tmp_path / "s.npy", SCORES)
    write_weights(tmp_path / "w.safetensors", WEIGHTS)
    np.testing.assert_array_equal(np.load(tmp_path / "s.npy"), SCORES)
    np.testing.assert_array_equal(read_scores(tmp_path / "s.npy", 7), SCORES)
    for found in (load_file(tmp_path / "w.safetensors"), read_weights(tmp_path / "w.safetensors")):
        assert all(torch.equal(found[name], values) for name, values in WEIGHTS.items())


@pytest.mark.parametrize("spoil", EACH)
def test_damaged_ones_are_named(tmp_path: Path, spoil: Spoil) -> None:
    write_scores(tmp_path / "s.npy", SCORES)
    write_weights(tmp_path / "w.safetensors", WEIGHTS)
    for name, read in (("s.npy", lambda path: read_scores(path, 7)), ("w.safetensors", read_weights)):
        spoil(tmp_path / name)
        with pytest.raises(DamagedError, match=rf"{name}` is missing or damaged \(.+\), so that") as found:
            read(tmp_path / name)
        assert "\n" not in str(found.value)


@pytest.mark.parametrize("place", np.linspace(0, 1, 24))
def test_a_flipped_bit_is_found_wherever_it_is(tmp_path: Path, place: float) -> None:
    write_scores(tmp_path / "s.npy", SCORES)
    write_weights(tmp_path / "w.safetensors", WEIGHTS)
    flipped(tmp_path / "s.npy", place)
    flipped(tmp_path / "w.safetensors", place)
    with pytest.raises(DamagedError):
        read_scores(tmp_path / "s.npy", 7)
    with pytest.raises(DamagedError):
        read_weights(tmp_path / "w.safetensors")
