"""Whether every column of a table of scored rows has one meaning."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from ..errors import FairTuneError
from .attributes import parse_group
from .class_scores import parse_score

if TYPE_CHECKING:
    from .scored import ScoredSpec


def check_meanings(frame: pd.DataFrame, spec: ScoredSpec, scores: list[str]) -> None:
    """Check that label and scores are columns of their own: one that is also a group would give the label away."""
    if not spec.label:
        raise FairTuneError("No --label is given; name the column of the diagnosis.")
    first: dict[str, str] = {}
    flags = {"label": spec.label, "score": scores, "reference": spec.reference, "group": spec.group}
    flags["explain"], open_ = spec.explain, {"group", "explain"}
    for flag, texts in flags.items():
        for name in texts:
            if flag in open_:
                name, _ = parse_group(name, list(frame.columns), flag)
            elif flag != "label":
                name, _ = parse_score(frame, name)
            # One number may be cut in several ways, and a group may go with errors.
            if name in first and not {first[name], flag} <= open_:
                raise FairTuneError(f"`{name}` is --{first[name]} and --{flag}; a column can be one of them, once.")
            first[name] = flag
    for flag, own, meant in (
        ("cluster", spec.cluster, "the patient's column"),
        ("weight", spec.weight, "the weights'"),
    ):
        if own is not None and first.get(own, "group") not in open_:
            raise FairTuneError(f"`{own}` is --{first[own]} and --{flag}; name {meant}.")
