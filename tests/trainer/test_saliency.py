"""Maps point at what a model looks at: a planted corner, and what moves the log-odds when a cell is scaled."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from transformers import AutoModelForImageClassification, ViTImageProcessorPil

from hf_fairtune.data.arguments import DataArguments
from hf_fairtune.data.fair_dataset import FairDataset, load_fair_dataset
from hf_fairtune.errors import FairTuneError
from hf_fairtune.families.head import find_head, order_classes
from hf_fairtune.trainer.feature_layer import feature_layer, log_odds, over_the_grid
from hf_fairtune.trainer.saliency import activation_maps, figure_of_maps, one_of_each, write_maps

from ..conftest import tiny_vit
from ..families.backbones import backbone, images

pytest.importorskip("captum", reason="captum is an extra: pip install hf-fairtune[maps]")


class Corner(nn.Module):
    """Look at one corner only: its brightness is the evidence for class 1."""

    def __init__(self, sign: float = 1.0) -> None:
        super().__init__()
        self.features = nn.Conv2d(3, 1, 1, bias=False)
        nn.init.constant_(self.features.weight, 1 / 3)
        self.register_buffer("corner", torch.zeros(8, 8))
        self.corner[:4, :4] = sign

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        seen = (self.features(pixels) * self.corner).mean((1, 2, 3))
        return torch.stack([torch.zeros_like(seen), seen], dim=1)


def test_planted_corner_lights_up() -> None:
    maps = activation_maps(Corner(), torch.ones(2, 3, 8, 8))
    wanted = torch.zeros(2, 8, 8)
    wanted[:, :4, :4] = 1
    torch.testing.assert_close(maps, wanted)


def test_evidence_against_is_dark() -> None:
    assert not activation_maps(Corner(-1.0), torch.ones(1, 3, 8, 8)).any()


FEATURES = {
    "vit": "vit.layers.1.layernorm_before",
    "deit": "deit.layers.1.layernorm_before",
    "swin": "swin.layernorm",
    "resnet": "resnet.encoder.stages.1",
    "mobilenet_v2": "mobilenet_v2.conv_1x1",
    "efficientnet": "efficientnet.encoder.top_activation",
}


@pytest.mark.parametrize("name", FEATURES)
def test_layer_and_range(name: str) -> None:
    model = backbone(name).train()
    pixels = images(2, 64 if name in ("efficientnet", "mobilenet_v2") else 32)
    modes = [module.training for module in model.modules()]
    maps = activation_maps(model, pixels)
    assert maps.shape == (2, *pixels.shape[2:])
    assert all(float(m.max()) in (0.0, pytest.approx(1.0)) for m in maps)
    assert maps.min() >= 0
    order_classes(model, [find_head(model)], (1, 0))
    assert torch.maximum(maps, activation_maps(model, pixels)).amax((1, 2)).tolist() == pytest.approx([1.0, 1.0])
    assert [module.training for module in model.modules()] == modes
    assert all(p.grad is None for p in model.parameters())
    assert feature_layer(model.eval(), pixels) == FEATURES[name]


def sensitivity(model: Any, pixels: torch.Tensor) -> torch.Tensor:
    """Scale one cell of the feature map at a time by 1 +- step; return the slope of the log-odds, (rows, columns)."""
    layer = model.get_submodule(feature_layer(model, pixels))
    shape: list[torch.Size] = []
    layer.register_forward_hook(lambda m, i, o: shape.append(over_the_grid(o).shape[2:])).remove()
    handle = layer.register_forward_hook(lambda m, i, o: shape.append(over_the_grid(o).shape[2:]))
    with torch.no_grad():
        log_odds(model, pixels)
    handle.remove()
    rows, columns = shape[0]

    def scaled(cell: int, factor: float) -> float:
        def scale(module: nn.Module, inputs: Any, output: torch.Tensor) -> torch.Tensor:
            output = output.clone()
            over_the_grid(output)[:, :, cell // columns, cell % columns] *= factor
            return output

        hook = layer.register_forward_hook(scale)
        with torch.no_grad():
            value = float(log_odds(model, pixels))
        hook.remove()
        return value

    step = 1e-4
    slopes = [(scaled(c, 1 + step) - scaled(c, 1 - step)) / (2 * step) for c in range(rows * columns)]
    return torch.tensor(slopes).view(rows, columns)


@pytest.mark.parametrize("name", ["vit", "swin", "resnet", "mobilenet_v2"])
def test_map_is_what_scaling_a_cell_does(name: str) -> None:
    model, pixels = backbone(name).double(), images(1, 64 if name == "mobilenet_v2" else 32).double()
    slopes = sensitivity(model, pixels)
    if slopes.max() <= 0:
        model.classifier.weight.data.neg_()
        slopes = sensitivity(model, pixels)
    assert slopes.max() > 0
    wanted = nn.functional.interpolate(slopes.clamp(min=0)[None, None], size=pixels.shape[2:], mode="bilinear")[0]
    torch.testing.assert_close(
        activation_maps(model, pixels), wanted / wanted.max(), atol=1e-5, rtol=1e-4, check_dtype=False
    )


def test_equals_grad_cam_behind_average_pooling() -> None:
    from captum.attr import LayerAttribution, LayerGradCam

    model, pixels = backbone("resnet"), images()
    layer = model.get_submodule("resnet.encoder.stages.1")
    cam = LayerGradCam(lambda x: log_odds(model, x), layer).attribute(pixels, relu_attributions=True)
    wanted = LayerAttribution.interpolate(cam, pixels.shape[2:], "bilinear")[:, 0].detach()
    wanted = wanted / wanted.amax((1, 2), keepdim=True).clamp(min=1e-12)
    torch.testing.assert_close(activation_maps(model, pixels, batch_size=2), wanted)


def test_frozen_model_has_maps() -> None:
    model = tiny_vit()
    free = activation_maps(model, images(2, 16))
    assert torch.equal(activation_maps(model.requires_grad_(False), images(2, 16)), free)


def test_model_without_rows_and_columns_is_refused() -> None:
    with pytest.raises(FairTuneError, match="no layer with rows and columns"):
        activation_maps(nn.Sequential(nn.Flatten(), nn.Linear(12, 2)), torch.ones(1, 3, 2, 2))


def test_without_captum(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "captum.attr", None)
    with pytest.raises(FairTuneError, match=r"pip install hf-fairtune\[maps\]"):
        activation_maps(Corner(), torch.ones(1, 3, 8, 8))


@pytest.fixture
def data(tmp_path: Path) -> FairDataset:
    """Twelve bright-cornered images of two groups."""
    lines = ["file_name,label,sex,patient"]
    for i in range(24):
        pixels = np.full((16, 16, 3), 40 + i, dtype=np.uint8)
        pixels[:8, :8] = 200 + i
        Image.fromarray(pixels).save(tmp_path / f"{i}.png")
        lines.append(f"{i}.png,{'benign' if i % 2 else 'malignant'},{'FM'[i // 2 % 2]},subject-{i:03d}")
    (tmp_path / "t.csv").write_text("\n".join(lines))
    arguments = DataArguments(
        str(tmp_path / "t.csv"), "label", positive=["malignant"], group=["sex"], data_cache=str(tmp_path / "cache")
    )
    return load_fair_dataset(arguments, ViTImageProcessorPil(size={"height": 16, "width": 16}))


def test_figure_names_label_and_group_only(data: FairDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Any] = []

    def keep(*arguments: Any) -> Any:
        drawn.append(figure_of_maps(*arguments))
        return drawn[0]

    monkeypatch.setattr("hf_fairtune.trainer.saliency.figure_of_maps", keep)
    path = write_maps(tiny_vit(), tiny_vit(2), data, "train", tmp_path / "out")
    assert path == tmp_path / "out" / "private" / "maps.png"
    with Image.open(path) as image:
        assert image.width > 500
    axes = drawn[0].axes
    assert len(axes) == 12
    names = [a.get_ylabel().replace("\n", " ") for a in axes[::3]]
    assert names == ["benign, F", "malignant, F", "benign, M", "malignant, M"]
    assert [a.get_title() for a in axes[:3]] == ["image", "before", "after"]
    assert "malignant" in drawn[0].get_supxlabel()
    assert not any("subject" in text.get_text() for a in axes for text in a.findobj(lambda o: hasattr(o, "get_text")))
    first = int(data.columns("train")["row"][int(np.flatnonzero(cells_of(data) == 0)[0])])
    corner = np.asarray(axes[0].images[0].get_array())[0, 0]
    assert corner == pytest.approx((200 + first) / 255)


def cells_of(data: FairDataset) -> np.ndarray:
    columns = data.columns("train")
    return 2 * columns["groups"] + columns["labels"]


def test_at_most_twelve_images(data: FairDataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hf_fairtune.trainer.saliency.MOST", 3)
    rows, titles = one_of_each(data, "train")
    assert cells_of(data)[rows].tolist() == [0, 1, 2]
    assert titles == ["benign, F", "malignant, F", "benign, M"]


def test_real_weights_look_somewhere(real_weights: Path) -> None:
    for folder in sorted(p for p in real_weights.iterdir() if (p / "config.json").is_file()):
        model = AutoModelForImageClassification.from_pretrained(folder, num_labels=2, ignore_mismatched_sizes=True)
        maps = activation_maps(model, images(1, 224))
        assert maps.shape == (1, 224, 224)
        assert float(maps.max()) in (0.0, pytest.approx(1.0))
