"""Rows of three classes, or of three findings of which some are missing."""

import numpy as np
from datasets import Array3D, ClassLabel, Dataset, Features, List, Value


def several(n: int = 60, findings: bool = False, seed: int = 0) -> Dataset:
    """Build a split of two groups whose label shows as brightness of a channel, faintly in the last group."""
    draw = np.random.default_rng(seed)
    classes, groups = draw.integers(0, 3, n), draw.integers(0, 2, n)
    labels = draw.integers(0, 2, (n, 3)).astype(np.float32) if findings else np.eye(3)[classes]
    pixels = draw.normal(size=(n, 3, 16, 16)) + (labels * np.where(groups == 1, 0.1, 0.6)[:, None])[..., None, None]
    if findings:
        labels[draw.random((n, 3)) < 0.2] = np.nan
    features = Features(
        {
            "pixel_values": Array3D((3, 16, 16), "float32"),
            "labels": List(Value("float32"), length=3)
            if findings
            else ClassLabel(names=["nevus", "melanoma", "wart"]),
            "groups": ClassLabel(names=["a", "b"]),
        }
    )
    columns = {"pixel_values": list(pixels), "labels": list(labels) if findings else classes, "groups": groups}
    return Dataset.from_dict(columns, features=features).with_format("torch")
