"""Models that give no scores of classes, or say little of them: each answer is one line, or the scores."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from torch import Tensor, nn
from transformers import CLIPConfig, CLIPModel, SegformerConfig, SegformerForSemanticSegmentation

from hf_fairtune.data.scored import PredictionArguments
from hf_fairtune.errors import FairTuneError
from hf_fairtune.scoring import score_dataset
from tests.classifiers import vit
from tests.data.conftest import frame_of, write_table


@pytest.fixture
def asked(tmp_path: Path) -> PredictionArguments:
    """Arguments for 24 images."""
    path = write_table(tmp_path / "images", frame_of(24), "clinic.csv")
    cache = str(tmp_path / "cache")
    return PredictionArguments(dataset=str(path), label=["label"], group=["sex"], cluster="patient", data_cache=cache)


class Own(nn.Module):
    """Somebody's own class, whose config says neither names of classes nor the type of the problem."""

    config = SimpleNamespace(id2label=None, num_labels=2, to_dict=dict)

    def __init__(self) -> None:
        super().__init__()
        self.inner = vit(2)[0]

    def forward(self, pixel_values: Tensor) -> Any:
        return self.inner(pixel_values)


class Tuples(Own):
    """Gives tuples."""

    def forward(self, pixel_values: Tensor) -> Any:
        return (self.inner(pixel_values).logits,)


def without_head() -> Any:
    model = vit(2)[0]
    inner, inner.config = model.vit, model.config
    return inner


def maps() -> Any:
    sizes = {
        "hidden_sizes": [8] * 4,
        "num_attention_heads": [1] * 4,
        "depths": [1] * 4,
        "decoder_hidden_size": 8,
        "sr_ratios": [1] * 4,
    }
    return SegformerForSemanticSegmentation(SegformerConfig(**sizes))


def two_towers() -> Any:
    tower = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 8}
    return CLIPModel(CLIPConfig(text_config=tower, vision_config=tower | {"image_size": 16, "patch_size": 8}))


def renamed(names: dict[int, str] | None) -> Any:
    model = vit(2)[0]
    model.config.id2label = names
    return model


@pytest.mark.parametrize(
    ("model", "line"),
    [
        (without_head, "a ViTModel, gives a BaseModelOutputWithPooling without `logits`.* load one with its head"),
        (Tuples, "gives a tuple without `logits`.* set `return_dict` to true"),
        (maps, r"gives logits of shape \(24, 2, 4, 4\) for 2 classes"),
        (two_towers, "the model does not take 24 images of 3 x 16 x 16"),
        (lambda: renamed({0: "a", 2: "b"}), "`num_labels` 2 but names 2 classes in `id2label`; .* numbered from 0"),
    ],
)
def test_models_that_are_no_image_classifiers(model: Any, line: str, asked: PredictionArguments) -> None:
    with pytest.raises(FairTuneError, match=line) as found:
        score_dataset(model(), vit(2)[1], asked)
    assert "\n" not in str(found.value)


def test_a_config_that_says_little(asked: PredictionArguments) -> None:
    model, processor = vit(2)
    wanted = score_dataset(model, processor, asked).table.scores
    np.testing.assert_array_equal(score_dataset(Own(), processor, asked).table.scores, wanted)
