"""A model's scores as a table of predictions, which can be audited again."""

import numpy as np
import pandas as pd
import pytest

from hf_fairtune.data.predictions import is_table, with_scores
from hf_fairtune.data.score_columns import ClassScores

SPLITS = np.array(["test", "validation"], dtype=object)


def test_tables_and_models_are_told_apart() -> None:
    assert all(is_table(name) for name in ("a.csv", "b/c.TSV", "d.parquet"))
    assert not any(is_table(name) for name in ("google/vit-base-patch16-224", "model", "csv", "a.csv/"[:-4]))


@pytest.mark.parametrize(
    ("columns", "names", "found"),
    [
        (["y"], ["LABEL_0"], ["y", "image", "split", "score"]),
        (["y", "split"], ["mel", "nev"], ["y", "split", "image", "score_mel", "score_nev"]),
        (["score", "scores"], ["mel"], ["score", "scores", "image", "split", "score_"]),
        (
            ["score_mel", "image"],
            ["mel", "nev"],
            ["score_mel", "image", "image_", "split", "score__mel", "score__nev"],
        ),
    ],
)
def test_no_column_is_lost(columns: list[str], names: list[str], found: list[str]) -> None:
    frame = pd.DataFrame({name: [1, 2] for name in columns})
    values = np.arange(2.0 * len(names)).reshape(2, -1)
    told = with_scores(frame, ClassScores(values, names), ["a.png", "b.png"], SPLITS)
    assert list(told.columns) == found
    assert told["image_" if "image" in columns else "image"].tolist() == ["a.png", "b.png"]
    assert told["split"].tolist() == ["test", "validation"]
    np.testing.assert_array_equal(told[found[-len(names) :]], values)


def test_rows_that_nothing_divides_have_no_split() -> None:
    told = with_scores(pd.DataFrame({"y": [1, 2]}), ClassScores(np.zeros((2, 1)), ["a"]), ["a.png", "b.png"], None)
    assert list(told.columns) == ["y", "image", "score"]
