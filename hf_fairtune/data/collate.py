"""A data collator that does not copy a batch which came whole."""

from typing import Any

from torch import Tensor
from transformers import default_data_collator


def collate(rows: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    """Collate as `default_data_collator` does; where rows are views of one batch, in order, it is given as it is.

    A data set under a transform reads a batch at once and is asked for its rows, so that they are such views.
    """
    batches = {name: _whole([row[name] for row in rows]) for name in rows[0]}
    whole = {name: batch for name, batch in batches.items() if batch is not None}
    return whole if len(whole) == len(batches) else default_data_collator(rows)


def _whole(rows: list[Any]) -> Tensor | None:
    """Return the tensor whose rows, all and in order, these are, if there is one."""
    base = getattr(rows[0], "_base", None)
    if base is None or base.shape != (len(rows), *rows[0].shape):
        return None
    step, start = base.stride(0), base.storage_offset()
    alike = (row._base is base and row.storage_offset() == start + i * step for i, row in enumerate(rows))
    return base if all(alike) else None
