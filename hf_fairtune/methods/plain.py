"""Fine-tuning as the stock `Trainer` does it: of the model as it is given, or of what a PEFT config lets train."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any, ClassVar

from peft import PeftModel

from ..errors import FairTuneError
from ..masks.proposals import Preset
from .adapter import read_config, warn_of_frozen_head, wrapped, written
from .facts import Facts
from .method import Method, StageRecord, flag

logger = logging.getLogger(__name__)


@dataclass(kw_only=True)
class Plain(Method):
    """Train what requires a gradient in the given model, or what a PEFT config lets train."""

    title: ClassVar[str] = "Plain fine-tuning"
    citation: ClassVar[str] = """\
@misc{mangrulkar2022peft,
  title = {{PEFT}: State-of-the-art Parameter-Efficient Fine-Tuning methods},
  author = {Sourab Mangrulkar and Sylvain Gugger and Lysandre Debut and Younes Belkada and Sayak Paul
            and Benjamin Bossan and Marian Tietz},
  howpublished = {\\url{https://github.com/huggingface/peft}},
  year = {2022}
}"""
    trains: ClassVar[str] = "what requires a gradient in the model given, or what a PEFT config adds"
    takes_mask: ClassVar[bool] = False

    peft: str | None = flag(None, "PEFT config: its json file, the folder with its adapter_config.json, or JSON.")

    def __post_init__(self) -> None:
        # A file may change, and its place is no part of a record.
        self.peft = None if self.peft is None else written(read_config(self.peft))

    def prepare(self, model: Any, facts: Facts) -> Any:
        """Return the model as it is, or under the PEFT config."""
        if self.peft is None:
            return model
        if isinstance(model, PeftModel):
            raise FairTuneError("the model is a PEFT model already; leave out `peft_config`, or give the plain model.")
        found = wrapped(model, read_config(self.peft))
        warn_of_frozen_head(found, facts.head)
        return found

    def presets(self, facts: Facts) -> list[Preset]:
        """Return none, and say that a search finds no mask here."""
        logger.warning('The method "plain" has no mask to search; `method="fairtune"` searches one.')
        return []

    def record(self) -> StageRecord:
        """Return the kind of the adapter."""
        return StageRecord({} if self.peft is None else {"peft_type": str(read_config(self.peft).peft_type.value)})


METHOD = Plain
