"""One image in two splits is refused at every door, under any name; splits that are made keep copies together."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from datasets import Dataset, Features, Image
from hypothesis import given
from hypothesis import strategies as st

from hf_fairtune.data.copies import first_of_content, joined
from hf_fairtune.data.fair_dataset import load_fair_dataset
from hf_fairtune.data.identity import identify
from hf_fairtune.data.leakage import refuse_shared
from hf_fairtune.data.scored import PredictionArguments, read_scored
from hf_fairtune.data.scored_splits import split_rows
from hf_fairtune.data.scored_table import ScoredTable
from hf_fairtune.data.source import load_source
from hf_fairtune.errors import FairTuneError

from .conftest import asked, frame_of, write_table


def embedded(contents: list[bytes]) -> Dataset:
    """Build a column of images, never decoded, from their bytes."""
    items = [{"bytes": content, "path": None} for content in contents]
    return Dataset.from_dict({"image": items}, features=Features(image=Image(decode=False)))


@given(st.lists(st.binary(min_size=1, max_size=2), max_size=30))
def test_first_of_content_as_comparing_all_pairs(contents: list[bytes]) -> None:
    expected = [contents.index(content) for content in contents]
    assert first_of_content(identify(embedded(contents), None).images).tolist() == expected


def test_equal_sizes_are_not_equal_content(tmp_path: Path) -> None:
    middle = b"m" * 3 * 4096
    contents = [b"a" + middle + b"z", b"b" + middle + b"z", b"a" + middle + b"y", b"a" + middle + b"z", b"short"]
    paths = [tmp_path / f"{i}.png" for i in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    named = [*map(str, paths), str(paths[1])]
    files = Dataset.from_dict({"image": named}, features=Features(image=Image(decode=False)))
    assert first_of_content(identify(files, tmp_path).images).tolist() == [0, 1, 2, 0, 4, 1]


def together(units: list[str], first: list[int]) -> set[frozenset[int]]:
    """Join rows one after the other until nothing changes."""
    sets = [{i} for i in range(len(units))]
    for _ in units:
        for i in range(len(units)):
            for j in range(len(units)):
                if units[i] == units[j] or first[i] == first[j]:
                    union = sets[i] | sets[j]
                    for k in union:
                        sets[k] = union
    return {frozenset(one) for one in sets}


@given(st.lists(st.tuples(st.sampled_from("abcdefg"), st.integers(0, 9)), min_size=1, max_size=10))
def test_units_that_share_a_copy_are_one(rows: list[tuple[str, int]]) -> None:
    units, contents = [unit for unit, _ in rows], [content for _, content in rows]
    first = [contents.index(content) for content in contents]
    found = joined(np.array(units), np.array(first))
    assert {frozenset(np.flatnonzero(found == unit).tolist()) for unit in found} == together(units, first)
    alone = joined(np.array(units), np.arange(len(units)))
    assert alone.tolist() == units


def table(folder: Path, repeat: str, clusters: bool, split: list[str] | None = None) -> Path:
    """Write 48 images; image 40 is image 3 again, by its path or as a copy elsewhere under another name."""
    frame = frame_of(48)
    path = write_table(folder, frame, "clinic.csv")
    if repeat == "path":
        frame.loc[40, "file_name"] = frame.loc[3, "file_name"]
    elif repeat == "copy":
        (folder / "more").mkdir()
        shutil.copy(folder / "003.png", folder / "more" / "other.png")
        frame.loc[40, "file_name"] = "more/other.png"
    frame = frame if clusters else frame.drop(columns="patient")
    (frame if split is None else frame.assign(split=split)).to_csv(path, index=False)
    return path


REPEATS = pytest.mark.parametrize("repeat", ["path", "copy"])
CLUSTERS = pytest.mark.parametrize("clusters", [False, True])
GIVEN = ["train"] * 16 + ["validation"] * 16 + ["test"] * 16
LINE = "1 images lie in more than one split .003.png of train has the same content as .* of test.; the test would be"


@REPEATS
@CLUSTERS
def test_given_splits(tmp_path: Path, processor: object, repeat: str, clusters: bool) -> None:
    cluster = "patient" if clusters else None
    with pytest.raises(FairTuneError, match=LINE) as refusal:
        load_fair_dataset(asked(table(tmp_path / "a", repeat, clusters, GIVEN), cluster=cluster), processor)
    assert "\n" not in str(refusal.value)
    load_fair_dataset(asked(table(tmp_path / "b", "no", clusters, GIVEN), cluster=cluster), processor)


@REPEATS
@CLUSTERS
def test_splits_that_a_model_is_scored_on(tmp_path: Path, repeat: str, clusters: bool) -> None:
    source = load_source(str(table(tmp_path / "a", repeat, clusters, GIVEN)))
    with pytest.raises(FairTuneError, match=LINE):
        split_rows(source, identify(source.images, source.root), "test", "patient" if clusters else None)


@REPEATS
@CLUSTERS
def test_made_splits_keep_copies_together(tmp_path: Path, processor: object, repeat: str, clusters: bool) -> None:
    """With their patients, where these are known: rows 2, 3, 40 and 41."""
    apart = {"no": 0, repeat: 0}
    for kind in apart:
        path = table(tmp_path / kind, kind, clusters)
        for seed in range(8):
            data = load_fair_dataset(asked(path, cluster="patient" if clusters else None), processor, seed=seed)
            where = {row: name for name in ("train", "validation", "test") for row in data.columns(name)["row"]}
            apart[kind] += len({where[row] for row in ([2, 3, 40, 41] if clusters else [3, 40])}) > 1
    assert apart["no"] > apart[repeat] == 0


@REPEATS
@CLUSTERS
def test_a_part_is_given_and_the_rest_made(tmp_path: Path, processor: object, repeat: str, clusters: bool) -> None:
    some = ["train"] * 32 + ["test"] * 16
    path = table(tmp_path / "a", repeat, clusters, some)
    with pytest.raises(FairTuneError, match="1 images lie in more than one split"):
        load_fair_dataset(asked(path, cluster="patient" if clusters else None), processor)


@CLUSTERS
def test_test_sets(tmp_path: Path, processor: object, clusters: bool) -> None:
    """The patients of another clinic have other names, and one of its images is ours."""
    cluster = "patient" if clusters else None
    data = load_fair_dataset(asked(table(tmp_path / "a", "no", clusters, GIVEN), cluster=cluster), processor)
    frame = frame_of(8).assign(patient=[f"q{i}" for i in range(8)])
    other = write_table(tmp_path / "b", frame, "other.csv")
    for image in (tmp_path / "b").glob("*.png"):
        image.write_bytes(image.read_bytes() + b"else")
    data.with_test_set("clinic", asked(other, cluster=cluster))
    shutil.copy(tmp_path / "a" / "003.png", tmp_path / "b" / "005.png")
    with pytest.raises(FairTuneError, match=r"`clinic` shares 1 images with the training or validation data .005.png"):
        data.with_test_set("clinic", asked(other, cluster=cluster))


def predictions(n: int, seed: int, digits: int = 3, **columns: object) -> ScoredTable:
    draw = np.random.default_rng(seed)
    made = {"y": np.arange(n) % 2, "p": np.round(draw.random(n), digits), "sex": draw.choice(["F", "M"], n)}
    frame = pd.DataFrame(made | {"image": [f"{i}.png" for i in range(n)], "file": np.arange(n)} | columns)
    return read_scored(frame, PredictionArguments(["y"], score=["p"], group=["sex"], cluster="id"))


def test_one_image_that_is_audited_and_that_a_threshold_is_fitted_on() -> None:
    """Its patient has another number there; the same names in tables of two clinics mean other images."""
    audited = predictions(200, 0, id=np.arange(200))
    refuse_shared(audited, predictions(300, 1, id=np.arange(200, 500)))
    names = np.array([f"b{i}.png" for i in range(300)], dtype=object)
    scores, labels = np.random.default_rng(1).random(300).round(3), np.arange(300) % 2
    names[7], scores[7], labels[7] = "11.png", audited.scores[11, 0], audited.labels[11, 0]
    fit_on = predictions(300, 1, image=names, p=scores, y=labels, id=np.arange(200, 500))
    with pytest.raises(FairTuneError, match=r"^1 images of audited rows are among those for thresholds, too .11.png"):
        refuse_shared(audited, fit_on)
