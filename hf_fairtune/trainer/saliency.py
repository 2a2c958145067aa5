"""Where in an image two models look: heat maps before and after, for the eyes of those who may see the images."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor
from torch.nn.functional import interpolate

from ..data.fair_dataset import FairDataset
from ..errors import FairTuneError
from ..families.frozen_eval import frozen_eval
from ..show.drawing import NORMAL, SMALL, Picture, labels, paper
from .feature_layer import feature_layer, log_odds, over_the_grid

FILE = "private/maps.png"
MOST = 12
READING = "Bright: speaks for {positive}. Each map is scaled to its own maximum; an empty one means that nothing does."


def activation_maps(model: Any, pixel_values: Tensor, batch_size: int = 8) -> Tensor:
    """Return where in each image the evidence for class 1 lies: HiResCAM of the log-odds, by captum.

    Gradient times activation of the last feature map, summed over channels, cut at zero, enlarged to the image and
    divided by its maximum (Draelos and Carin, 2020). With average pooling before a linear head this is Grad-CAM. Of a
    transformer it is the last normalised patch tokens that the log-odds depend on.

    Args:
        model: an image classifier; left as it was.
        pixel_values: images as the model takes them, shape `(n, channels, h, w)`.

    Returns:
        Shape `(n, h, w)`, from 0 to 1, on the CPU; all zero where nothing speaks for class 1.
    """
    explainer, device = captum_explainer(), next(model.parameters()).device
    with frozen_eval(model):
        name = feature_layer(model, pixel_values[:1].to(device))
        explain = explainer(lambda pixels: log_odds(model, pixels), model.get_submodule(name))
        return torch.cat([evidence(explain, part.to(device)) for part in pixel_values.split(batch_size)])


def captum_explainer() -> Any:
    """Import what explains a layer, which only this picture needs."""
    try:
        from captum.attr import LayerGradientXActivation
    except ImportError:
        raise FairTuneError("maps need captum, which is not installed; `pip install hf-fairtune[maps]`.") from None
    return LayerGradientXActivation


def evidence(explain: Any, pixels: Tensor) -> Tensor:
    """Return the maps of one batch, shape `(n, h, w)`."""
    with torch.enable_grad():
        attribution = explain.attribute(pixels.detach().clone().requires_grad_()).detach().float()
    positive = over_the_grid(attribution).sum(1, keepdim=True).clamp(min=0)
    enlarged = interpolate(positive, size=pixels.shape[-2:], mode="bilinear", align_corners=False)[:, 0]
    highest = enlarged.amax(dim=(1, 2), keepdim=True)
    return torch.where(highest > 0, enlarged / highest, 0).cpu()


def figure_of_maps(images: Tensor, before: Tensor, after: Tensor, titles: list[str], positive: str) -> Figure:
    """Draw a row for each image, `(n, 3, h, w)` from 0 to 255: the image, and over it its two maps, `(n, h, w)`.

    `titles` are label and group of each image, never an id, and `positive` is the name of class 1.
    """
    figure = paper(0.8 + 1.9 * len(images), 6.4)
    grid = figure.subplots(len(images), 3, squeeze=False)
    shades = images.mean(1)
    for row, title in enumerate(labels(titles, 18)):
        grid[row, 0].set_ylabel(title, fontsize=SMALL)
        grid[row, 0].imshow(np.clip(images[row].permute(1, 2, 0).numpy() / 255, 0, 1))
        for axes, heat in zip(grid[row, 1:], (before[row], after[row]), strict=True):
            axes.imshow(shades[row].numpy(), cmap="gray", vmin=0, vmax=255)
            axes.imshow(heat.numpy(), cmap="inferno", vmin=0, vmax=1, alpha=0.75 * heat.numpy())
    for axes, title in zip(grid[0], ("image", "before", "after"), strict=True):
        axes.set_title(title, fontsize=NORMAL)
    for axes in grid.flat:
        axes.set(xticks=[], yticks=[])
    figure.supxlabel("\n".join(labels([READING.format(positive=positive)], 90)), fontsize=SMALL)
    return figure


def one_of_each(data: FairDataset, split: str) -> tuple[np.ndarray, list[str]]:
    """Return the first row of every label of the first groups of a split, and their titles."""
    columns, names = data.columns(split), data.groups_of(split)
    cells = np.stack([columns["groups"], columns["labels"]], axis=1)
    kinds, rows = (found[:MOST] for found in np.unique(cells, axis=0, return_index=True))
    return rows, [f"{data.label_names[label]}, {names[group]}" for group, label in kinds]


def write_maps(before: Any, after: Any, data: FairDataset, split: str, folder: str | Path) -> Path:
    """Draw one image of each label and group, twelve at most, into `<folder>/private/maps.png`; it is never published.

    `before` and `after` are the models before and after the repair.
    """
    rows, titles = one_of_each(data, split)
    plain = data.plain(split)
    pixels = torch.stack([plain[int(row)]["pixel_values"] for row in rows])
    images = plain.format["format_kwargs"]["transform"].images(list(data.columns(split)["row"][rows]))
    first, then = (activation_maps(model, pixels) for model in (before, after))
    figure = figure_of_maps(images, first, then, titles, data.label_names[1])
    return Picture("maps", "Where the model looks", figure, "", READING).write(Path(folder) / FILE)
