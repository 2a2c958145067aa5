"""What the parts of a document must agree in beside their types, so that no page stumbles over a key."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .document import Document


def contradictions(document: Document) -> Iterator[str]:
    """Yield what one part of a document names and no other has, as a place in it and the name."""
    models = {model.id for model in document.models}
    for name in [document.model, *(entry.model for entry in document.audits)] if models or document.audits else ():
        if name not in models:
            yield f"models: there is no `{name}`"
    targets = {target.name for target in document.data.targets}
    for split, sheet in document.data.splits.items():
        counts = [sheet.positives, *(level.positives for part in sheet.attributes for level in part.levels)]
        for name in {name for each in counts for name in each} - targets:
            yield f"data.splits.{split}: there is no target `{name}`"
    search = document.run.search if document.run else None
    for trial in search.trials if search else ():
        for epoch in trial.values:
            if not epoch.replace(".", "", 1).isdigit():
                yield f"run.search.trials.{trial.number}.values: `{epoch}` is no epoch"
