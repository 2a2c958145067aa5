"""Rows that are the same in every pass over them, and the log-odds a model gives them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, default_collate

from ..errors import FairTuneError
from ..families.head import classes_of, is_multi_label
from ..losses.loss import margin
from ..losses.one_vs_rest import has_findings
from ..progress import Progress
from .importance import ImportanceOptions

COLUMNS = ("pixel_values", "labels", "groups")


@dataclass(frozen=True)
class StableRows:
    """Rows, and what a first pass over them learned without the model.

    Args:
        labels: 0 or 1, [n]; of more classes their codes; of findings 0, 1 or NaN, [n, findings].
        groups: codes, [n].
        prints: a number by row that changes when its pixels do, [n].
        first: pixels of the first two rows, or of the only one.
    """

    data: Any
    options: ImportanceOptions
    device: torch.device
    labels: Tensor
    groups: Tensor
    prints: Tensor
    first: Tensor

    @classmethod
    def read(cls, data: Any, options: ImportanceOptions, model: nn.Module) -> StableRows:
        """Read labels, which must be those of the model, groups and what tells the images apart."""
        device = next(model.parameters()).device
        parts: list[tuple[Tensor, ...]] = []
        first: list[Tensor] = []
        for batch in batches(data, options, device, "Reading rows"):
            parts.append((batch["labels"].cpu(), batch["groups"].cpu(), prints_of(batch["pixel_values"])))
            if sum(map(len, first)) < 2:
                first.append(batch["pixel_values"][:2])
        if not parts:
            raise FairTuneError("`data` has no rows; give at least one of each group and label.")
        labels, groups, prints = (torch.cat(part) for part in zip(*parts, strict=True))
        check_labels(model, labels)
        if groups.is_floating_point() or groups.min() < 0:
            raise FairTuneError("`groups` holds fractions or negative numbers; give codes 0, 1, ...")
        return cls(data, options, device, labels, groups, prints, torch.cat(first)[:2])

    def again(self, text: str) -> Iterator[dict[str, Tensor]]:
        """Yield the batches of a later pass, under a bar with `text`; refuse rows other than those of the first."""
        start = 0
        for batch in batches(self.data, self.options, self.device, text):
            if not self._same(batch, slice(start, start + len(batch["labels"]))):
                raise _changed(f"rows from {start} on")
            start += len(batch["labels"])
            yield batch
        if start != len(self.labels):
            raise _changed(f"the {start} rows")

    def chunks(self, text: str, size: int) -> Iterator[Tensor]:
        """Yield the pixels of a later pass, `size` rows at a time or fewer."""
        for batch in self.again(text):
            yield from batch["pixel_values"].split(size)

    @torch.no_grad()
    def margins(self, model: nn.Module) -> Tensor:
        """Return the log-odds of all rows, [n], or their logits, [n, classes], float64 on the CPU; see `forward`."""
        parts = [forward(model, b["pixel_values"], self.options.dtype) for b in self.again("Log-odds")]
        return torch.cat([part.cpu().double() for part in parts])

    def _same(self, batch: dict[str, Tensor], rows: slice) -> bool:
        """Compare a batch with the rows it should be; rounding of a sum of pixels is let pass."""
        if rows.stop > len(self.labels):
            return False
        pairs = (batch["labels"].nan_to_num(-1), self.labels.nan_to_num(-1)), (batch["groups"], self.groups)
        same_print = torch.allclose(prints_of(batch["pixel_values"]), self.prints[rows], 1e-3, 1e-2, equal_nan=True)
        return same_print and all(torch.equal(new.cpu(), old[rows]) for new, old in pairs)


def check_labels(model: nn.Module, labels: Tensor) -> None:
    """Refuse labels that are none of the model's."""
    classes = classes_of(model)
    if has_findings(labels) != is_multi_label(model) or (has_findings(labels) and labels.shape[1] != classes):
        raise FairTuneError(
            f"`labels` has shape {tuple(labels.shape)}; a model of findings (`config.problem_type` is "
            "multi_label_classification) wants one for each logit, any other a class for each row."
        )
    known = {0, 1} if has_findings(labels) else set(range(max(2, classes)))
    if wrong := set(labels[~labels.isnan()].unique().tolist()) - known:
        wanted = "0 or 1" if len(known) == 2 else f"0 to {len(known) - 1}"
        raise FairTuneError(f"`labels` holds {sorted(wrong)[:5]}; labels are {wanted}.")


def _changed(what: str) -> FairTuneError:
    return FairTuneError(
        f"{what} of a later pass are not those of the first pass; give a loader that does not shuffle, and images "
        "without random augmentation."
    )


def prints_of(pixels: Tensor) -> Tensor:
    """Return a number by row, [n]: the pixels weighted by a ramp, so that a flipped image has another."""
    flat = pixels.detach().flatten(1).float()
    return (flat @ torch.linspace(-1, 2, flat.shape[1], device=flat.device)).cpu()


def batches(data: Any, options: ImportanceOptions, device: torch.device, text: str) -> Iterator[dict[str, Tensor]]:
    """Yield the three columns batch by batch, on `device`, with a bar under `text`."""
    if hasattr(data, "__next__"):
        raise FairTuneError(
            f"`data` is a {type(data).__name__}, which can be read only once; give a dataset, a list or a loader."
        )
    is_dataset = hasattr(data, "__getitem__") and not isinstance(data, (list, tuple))

    def stacked(rows: list[Any]) -> Any:
        return default_collate([columns(row) for row in rows])

    source = DataLoader(data, options.batch_size, collate_fn=stacked) if is_dataset else data
    with Progress(text, unit="image", shown=options.progress) as bar:
        for batch in source:
            yield {name: values.to(device) for name, values in columns(batch).items()}
            bar.update(len(batch["labels"]))


def columns(batch: Any) -> dict[str, Any]:
    """Return the three columns of a batch or a row."""
    for name in COLUMNS:
        if name not in batch:
            present = ", ".join(map(str, batch))
            raise FairTuneError(f"`data` has no `{name}`, only {present}; it needs {', '.join(COLUMNS)}.")
    return {name: batch[name] for name in COLUMNS}


def several_logits(model: nn.Module) -> bool:
    """Say whether a model has more than one log-odds: more than two classes, or findings."""
    return is_multi_label(model) or classes_of(model) > 2


def forward(
    model: nn.Module, pixels: Tensor, dtype: torch.dtype | None = None, replaced: Mapping[str, Tensor] | None = None
) -> Tensor:
    """Return the log-odds of class 1, [n], or the logits of a model of more classes or of findings, [n, classes].

    Args:
        dtype: bfloat16 to run the model under autocast.
        replaced: parameters in place of the model's.
    """
    with torch.autocast(pixels.device.type, dtype=dtype, enabled=dtype == torch.bfloat16):
        output = torch.func.functional_call(model, dict(replaced or {}), (), {"pixel_values": pixels})
    logits: Tensor = getattr(output, "logits", output)
    return logits if several_logits(model) else margin(logits)


def probe(model: nn.Module, outputs: Tensor) -> Tensor:
    """Return weights of what `forward` gave, of its shape, whose sum stands for all outputs in a single gradient.

    They are ones for log-odds. Logits have one weight a column, no two alike, and those of a softmax add up to 0: what
    moves all of them by the same changes no probability, as the log-odds of two classes take no notice of it.
    """
    if outputs.ndim == 1:
        return torch.ones_like(outputs)
    weights = torch.arange(1, outputs.shape[1] + 1, device=outputs.device).sqrt().to(outputs.dtype)
    return (weights if is_multi_label(model) else weights - weights.mean()).expand_as(outputs)
