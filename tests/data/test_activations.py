"""Files of activations: as they were written or not used, within their limit, the row that is asked for."""

import os
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

from hf_fairtune.data.activations import ActivationStore, ActivationTransform
from hf_fairtune.data.array_file import Parts
from hf_fairtune.data.fair_dataset import load_fair_dataset
from hf_fairtune.data.stored_views import StoredView
from hf_fairtune.data.transform import PixelTransform, transform_of
from hf_fairtune.errors import FairTuneError
from tests.spoiling import SPOILINGS, deleted

from .conftest import asked

A_FILE = 4 * 3 * 2 * 5 + 128 + 4  # float32 [3, 2, 5], the header and the checksum of a block


def values(start: int = 0, rows: int = 3) -> np.ndarray:
    return start + np.arange(rows * 2 * 5, dtype=np.float32).reshape(rows, 2, 5)


def parts(*given: np.ndarray) -> Parts:
    return lambda first: iter([np.concatenate(given)[first:]])


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    store = ActivationStore(tmp_path / "cache", 1e6)

    def killed(first: int) -> Iterator[np.ndarray]:
        yield values(rows=2)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.write(store.path("a"), 3, killed)
    assert not store.use(store.path("a"), 3)
    store.write(store.path("a"), 3, parts(values(rows=2), values(20, rows=1)))
    assert store.use(store.path("a"), 3)
    assert (np.load(store.path("a")) == values()).all()
    assert len(list(store.folder.iterdir())) == 1


@pytest.mark.parametrize("spoil", SPOILINGS)
def test_a_damaged_file_is_not_used(
    tmp_path: Path, spoil: Callable[[Path], None], capfd: pytest.CaptureFixture[str]
) -> None:
    store = ActivationStore(tmp_path, 1e6)
    store.write(store.path("a"), 3, parts(values()))
    spoil(store.path("a"))
    assert not store.use(store.path("a"), 3)
    said = capfd.readouterr().err.splitlines()
    assert spoil is deleted or "are calculated again" in "".join(said)
    assert len(said) == (spoil is not deleted)
    if store.path("a").is_dir():
        with pytest.raises(FairTuneError, match="is a folder; remove it"):
            store.write(store.path("a"), 3, parts(values()))
        return
    store.write(store.path("a"), 3, parts(values()))
    assert store.use(store.path("a"), 3)
    assert (np.load(store.path("a")) == values()).all()


def test_a_full_disk_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    store = ActivationStore(tmp_path, 1e6)
    with pytest.raises(FairTuneError, match=r"No space left on device.*--activation_gb 0"):
        store.write(store.path("a"), 3, parts(values()))
    assert [path.suffix for path in tmp_path.iterdir()] == [".lock"]


def test_those_unused_for_longest_make_room(tmp_path: Path) -> None:
    store = ActivationStore(tmp_path, 2 * A_FILE + 10)
    for place, name in enumerate("ab"):
        store.write(store.path(name), 3, parts(values()))
        os.utime(store.path(name), (place, place))
    store.use(store.path("a"), 3)
    mapped = np.load(store.path("b"), mmap_mode="r")
    store.write(store.path("c"), 3, parts(values(7)))
    assert {path.name for path in tmp_path.iterdir()} == {store.path(name).name for name in "ac"}
    # Who reads it already goes on.
    assert (mapped == values()).all()


def test_what_fits_is_taken_in_turn(tmp_path: Path) -> None:
    store = ActivationStore(tmp_path / "later", 100)
    assert store.fitting({"train": 60, "validation": 30}) == ["train", "validation"]
    assert store.fitting({"train": 120, "validation": 30}) == ["validation"]
    assert store.fitting({"train": 80, "validation": 30}) == ["train"]
    assert ActivationStore(tmp_path, 1e30).fitting({"train": 1e29}) == []


def test_rows_find_what_was_kept_of_them(tmp_path: Path) -> None:
    """Whatever their order and however often they come, from another process too."""
    plain = PixelTransform(tmp_path / "pixels.npy", (1.0,) * 3, (0.0,) * 3)
    kept = ActivationTransform.of(plain, np.array([9, 2, 9, 5]))
    assert kept.kept_rows.tolist() == [2, 5, 9]
    store = ActivationStore(tmp_path, 1e6)
    store.write(store.path("a"), 3, parts(values()))
    kept.show(store.path("a"))
    for own in (kept, pickle.loads(pickle.dumps(kept))):
        found = own({"row": [9, 2, 9], "labels": [0, 1, 0], "groups": [1, 1, 0]})["pixel_values"]
        assert torch.equal(found, torch.from_numpy(values()[[2, 0, 2]]))


def test_a_stored_view_is_of_row_seed_and_number(csv: Path, processor: ViTImageProcessorPil) -> None:
    own = transform_of(load_fair_dataset(asked(csv, stored_views=3), processor)["train"])
    state = torch.get_rng_state()

    def pixels(rows: list[int], seed: int = 0, epoch: int = 0) -> torch.Tensor:
        own.view = StoredView.of(seed, epoch, own.views)
        return own.pixel_values(rows)

    first = pixels([4, 7])
    assert torch.equal(first[1], pixels([7])[0])
    assert torch.equal(first, pixels([4, 7], epoch=3))
    for other in (pixels([4, 7], epoch=1), pixels([4, 7], seed=1)):
        assert all(not torch.equal(a, b) for a, b in zip(first, other, strict=True))
    assert torch.equal(state, torch.get_rng_state())


def test_contents_differ_with_all_that_decides_them(csv: Path, processor: ViTImageProcessorPil) -> None:
    found = [
        ActivationTransform.of(transform_of(load_fair_dataset(asked(csv, **more), processor)["train"]), np.arange(n))
        for more, n in (
            ({"stored_views": 2}, 9),
            ({"stored_views": 3}, 9),
            ({"stored_views": 2, "smallest_crop": 0.5}, 9),
            ({"stored_views": 2}, 8),
        )
    ]
    contents = [str(one.content) for one in found]
    for view in (StoredView(0, 1), StoredView(1, 0)):
        found[0].view = view
        contents.append(str(found[0].content))
    assert len(set(contents)) == 6


def test_a_number_of_views_is_no_less_than_none(csv: Path) -> None:
    with pytest.raises(FairTuneError, match=r"--stored_views is -1; give a number of views, or 0 for none"):
        asked(csv, stored_views=-1)
