"""Scores of a model on a table of images: those of the pipeline of transformers, and whose rows they are."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from transformers import pipeline
from transformers.models.convnext.image_processing_pil_convnext import ConvNextImageProcessorPil

from hf_fairtune.data.class_scores import ClassScores, with_scores
from hf_fairtune.data.scored import PredictionArguments, read_scored
from hf_fairtune.data.table_file import read_table
from hf_fairtune.errors import FairTuneError
from hf_fairtune.families.head import MULTI_LABEL
from hf_fairtune.scoring import score_dataset
from tests.classifiers import mobilenet, resnet, vit
from tests.data.conftest import frame_of, write_table

CLASSES = ["mel", "nev", "bcc"]
SPLITS = np.array(["test", "validation"])


def frame() -> pd.DataFrame:
    made = frame_of(24)
    made["dx"] = np.array(CLASSES)[np.arange(24) // 4 % 3]
    made["r"] = np.arange(24) // 4
    return made.assign(mel=(made["dx"] == "mel").astype(int), nev=np.arange(24) % 2)


@pytest.fixture
def asked(tmp_path: Path) -> Any:
    """Arguments for 24 images of patients with two each."""
    path = write_table(tmp_path / "images", frame(), "clinic.csv")
    common = {"dataset": str(path), "group": ["sex"], "cluster": "patient", "data_cache": str(tmp_path / "cache")}
    return lambda **more: PredictionArguments(**(common | more))


def by_pipeline(model: Any, processor: Any, folder: Path) -> list[dict[str, float]]:
    """What transformers itself says of each image, by the name of the class."""
    ask = pipeline("image-classification", model=model, image_processor=processor)
    images = [Image.open(folder / name).convert("RGB") for name in frame()["file_name"]]
    return [{told["label"]: told["score"] for told in answers} for answers in ask(images, top_k=99)]


@pytest.mark.parametrize("made", [vit, resnet, mobilenet])
def test_three_classes_as_the_pipeline(made: Any, asked: Any, tmp_path: Path) -> None:
    model, processor = made(3)
    model.config.id2label = dict(enumerate(CLASSES))
    found = score_dataset(model, processor, asked(label=["dx"]), batch_size=7).table
    told = by_pipeline(model, processor, tmp_path / "images")
    assert (found.task, found.targets) == ("multiclass", CLASSES)
    np.testing.assert_allclose(found.scores, [[row[name] for name in CLASSES] for row in told], atol=1e-5)
    assert np.ptp(found.scores[:, 0]) > 1e-4
    np.testing.assert_array_equal(found.labels.argmax(axis=1), np.arange(24) // 4 % 3)


@pytest.mark.parametrize("made", [vit, resnet])
def test_findings_as_the_pipeline(made: Any, asked: Any, tmp_path: Path) -> None:
    """Several labels a row: sigmoids, found by the names of the label columns in any order."""
    model, processor = made(3)
    model.config.id2label, model.config.problem_type = dict(enumerate(CLASSES)), MULTI_LABEL
    found = score_dataset(model, processor, asked(label=["nev", "mel"])).table
    told = by_pipeline(model, processor, tmp_path / "images")
    assert found.task == "multilabel"
    np.testing.assert_allclose(found.scores, [[row["nev"], row["mel"]] for row in told], atol=1e-5)


def test_binary_one_logit_and_pipeline(asked: Any, tmp_path: Path) -> None:
    """Two unnamed classes are 0 and 1; a single logit is a sigmoid; a pipeline brings its processor."""
    model, processor = vit(2)
    told = by_pipeline(model, processor, tmp_path / "images")
    ask = pipeline("image-classification", model=model, image_processor=processor)
    found = score_dataset(ask, None, asked(label=["diagnosis"], positive=["melanoma"], reference=["r"])).table
    assert found.targets == ["melanoma"]
    assert found.reference_scores is not None
    np.testing.assert_array_equal(found.reference_scores[:, 0], np.arange(24) // 4)
    np.testing.assert_allclose(found.scores[:, 0], [row["LABEL_1"] for row in told], atol=1e-5)
    model, processor = vit(1)
    told = by_pipeline(model, processor, tmp_path / "images")
    found = score_dataset(model, processor, asked(label=["label"])).table
    np.testing.assert_allclose(found.scores[:, 0], [row["LABEL_0"] for row in told], atol=1e-5)


def test_positives_of_a_model_of_more_classes(asked: Any) -> None:
    model, processor = vit(3)
    model.config.id2label = dict(enumerate(CLASSES))
    each = score_dataset(model, processor, asked(label=["dx"])).table
    both = score_dataset(model, processor, asked(label=["dx"], positive=["bcc", "mel"])).table
    assert (both.task, both.targets) == ("binary", ["bcc or mel"])
    np.testing.assert_allclose(both.scores[:, 0], each.scores[:, 0] + each.scores[:, 2], atol=1e-12)


def test_the_model_is_left_as_it_was(asked: Any) -> None:
    model, processor = resnet(2)
    model.train()
    model.resnet.embedder.eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    score_dataset(model, processor, asked(label=["label"]))
    assert model.training
    assert not model.resnet.embedder.training
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_what_is_kept_can_be_audited_again(asked: Any, tmp_path: Path) -> None:
    """The table of predictions alone gives the same rows as the model."""
    model, processor = vit(3)
    model.config.id2label = dict(enumerate(CLASSES))
    found = score_dataset(model, processor, asked(label=["dx"]))
    found.frame.to_csv(tmp_path / "predictions.csv", index=False)
    columns = [f"score_{name}" for name in CLASSES]
    again = read_scored(read_table(tmp_path / "predictions.csv").frame, asked(label=["dx"], score=columns))
    assert again.row_hash == found.table.row_hash
    np.testing.assert_array_equal(again.scores, found.table.scores)


class Gamma(ConvNextImageProcessorPil):
    """A processor that the pixel cache cannot stand for."""

    def __call__(self, *args: Any, **more: Any) -> Any:
        """Brighten what the stock processor gives."""
        done = super().__call__(*args, **more)
        if more.get("do_rescale", True):
            values = done["pixel_values"]
            done["pixel_values"] = [v**2 for v in values] if isinstance(values, list) else values**2
        return done


@pytest.mark.parametrize("size", [{}, {"do_resize": False}])
def test_processors_that_the_cache_cannot_stand_for(size: dict[str, Any], asked: Any, tmp_path: Path) -> None:
    """Other steps, and images of different sizes: one by one, as the pipeline does."""
    model, plain = resnet(2)
    processor = Gamma(**{"size": plain.size, **size})
    found = score_dataset(model, processor, asked(label=["label"]), batch_size=7).table
    told = by_pipeline(model, processor, tmp_path / "images")
    np.testing.assert_allclose(found.scores[:, 0], [row["LABEL_1"] for row in told], atol=1e-5)
    assert not list((tmp_path / "cache").glob("pixels-*"))


def test_one_of_several_findings(asked: Any) -> None:
    """A single label column is found among the classes of a model with several labels a row."""
    model, processor = vit(3)
    model.config.id2label, model.config.problem_type = dict(enumerate(CLASSES)), MULTI_LABEL
    both = score_dataset(model, processor, asked(label=["mel", "nev"])).table
    one = score_dataset(model, processor, asked(label=["nev"])).table
    named = score_dataset(model, processor, asked(label=["dx"], positive=["nev"])).table
    assert (one.task, one.targets, named.targets) == ("binary", ["nev"], ["nev"])
    np.testing.assert_array_equal(one.scores[:, 0], both.scores[:, 1])
    np.testing.assert_array_equal(named.scores[:, 0], both.scores[:, 1])


def broken(model: Any) -> Any:
    torch.nn.init.constant_(model.classifier.bias, float("nan"))
    return model


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        ({"label": ["dx"]}, "the model's classes are LABEL_0, LABEL_1, LABEL_2, which do not identify"),
        ({"label": ["mel", "nev"]}, "the model chooses one of its classes"),
        ({"label": ["label"], "group": ["sex", "x"]}, "--group x names no column"),
        ({"label": ["label"], "dataset": "nowhere.csv"}, "does not exist"),
    ],
)
def test_refused_before_an_image_is_scored(
    flags: dict[str, Any], line: str, asked: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hf_fairtune.scoring.score_images", lambda *_: pytest.fail("scored"))
    with pytest.raises(FairTuneError, match=line):
        score_dataset(*vit(3), asked(**flags))


def test_broken_models(asked: Any) -> None:
    model, processor = vit(2)
    with pytest.raises(FairTuneError, match="the model's scores are NaN or infinite for 24 of 24 images"):
        score_dataset(broken(model), processor, asked(label=["label"]))
    with pytest.raises(FairTuneError, match="the model does not take 24 images of 3 x 32 x 32 .* check --image_size"):
        score_dataset(model, processor, asked(label=["label"], image_size=32))
    with pytest.raises(FairTuneError, match="an image classifier of transformers with its image processor is wanted"):
        score_dataset(torch.nn.Linear(2, 2), processor, asked(label=["label"]))
    with pytest.raises(FairTuneError, match="with its image processor is wanted"):
        score_dataset(model, None, asked(label=["label"]))


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
    kept = with_scores(frame, ClassScores(values, names), ["a.png", "b.png"], SPLITS)
    assert list(kept.columns) == found
    assert kept["image_" if "image" in columns else "image"].tolist() == ["a.png", "b.png"]
    assert kept["split"].tolist() == ["test", "validation"]
    np.testing.assert_array_equal(kept[found[-len(names) :]], values)


def test_rows_that_nothing_divides_have_no_split() -> None:
    kept = with_scores(pd.DataFrame({"y": [1, 2]}), ClassScores(np.zeros((2, 1)), ["a"]), ["a.png", "b.png"], None)
    assert list(kept.columns) == ["y", "image", "score"]


def test_weights_in_half_precision_are_scored_in_float32(asked: Any) -> None:
    """Their own rounding stays, that of the logits goes: images that the model ranks do not tie."""
    model, processor = vit(2)
    model.config.id2label = {0: "nevus", 1: "melanoma"}
    half = score_dataset(model.bfloat16(), processor, asked(label=["diagnosis"], positive=["melanoma"])).table
    assert {parameter.dtype for parameter in model.parameters()} == {torch.bfloat16}
    full = score_dataset(model.float(), processor, asked(label=["diagnosis"], positive=["melanoma"])).table
    np.testing.assert_array_equal(half.scores, full.scores)
    assert len(np.unique(half.scores)) == 24
