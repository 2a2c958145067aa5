"""The tasks of a comparison: a table of images, what makes its groups, and the model that is fine-tuned."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..data.arguments import DataArguments
from ..data.testsets import parse_test_sets
from ..errors import FairTuneError
from ..recipes.flag_file import Value, read_as

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass
class TaskArguments(DataArguments):
    """The flags of the data, of further test sets, of the model, and of the balanced set that repairs train on."""

    model: str | None = field(default=None, metadata={"help": "Model of this task; else those of `models`."})
    test: list[str] = field(default_factory=list, metadata={"help": "Further test sets, NAME=PATH."})
    external_fraction: float = field(default=1.0, metadata={"help": "Share of the balanced set that repairs use."})
    external_replacement: bool = field(default=False, metadata={"help": "Draw it with replacement, as published."})

    def data(self) -> DataArguments:
        """Return the flags of the data alone."""
        own = {name: getattr(self, name) for name in DataArguments.__dataclass_fields__}
        return DataArguments(**own)


@dataclass(frozen=True)
class Task:
    """A table, an attribute and a model.

    Args:
        name: of the task, and of its folder.
        arguments: its flags.
        model: Hub id or folder of the model.
    """

    name: str
    arguments: TaskArguments
    model: str

    @property
    def fingerprint(self) -> dict[str, object]:
        """Return what its rows depend on."""
        return {**asdict(self.arguments), "data_cache": None, "model": self.model}

    @property
    def tests(self) -> dict[str, str]:
        """Return the further test sets, path by name."""
        return parse_test_sets(self.arguments.test)


def tasks_of(given: Mapping[str, Any], models: Sequence[str]) -> list[Task]:
    """Read the tasks: flags of the data by name; each with its own model, or once with each of `models`.

    Raises:
        FairTuneError: no task or model, a name that is no folder's, or a flag that is none.
    """
    found = []
    for name, values in given.items():
        if not NAME.fullmatch(str(name)) or not isinstance(values, Mapping):
            raise FairTuneError(
                f"`tasks`: `{name}` is no task; write `NAME: {{dataset: ..., label: ..., group: ...}}`, the name of "
                "letters, digits and `._-`."
            )
        texts: dict[str, Value] = {
            key: [str(one) for one in value] if isinstance(value, list) else str(value)
            for key, value in values.items()
            if value is not None
        }
        arguments = read_as(TaskArguments, texts, f"tasks: {name}")
        own = [arguments.model] if arguments.model else models
        if not own:
            raise FairTuneError(f"`tasks`: `{name}` has no model; name it there, or give `models`.")
        several = len(own) > 1
        found += [Task(f"{name}+{short(model)}" if several else str(name), arguments, model) for model in own]
    names = [task.name for task in found]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise FairTuneError(
            f"`models` gives two tasks the name `{twice}`; folders of models need different last parts, each once."
        )
    if not found:
        raise FairTuneError("`tasks` is empty; name a table of images, its label and its groups.")
    return found


def short(model: str) -> str:
    """Return the last part of a Hub id or of a folder, as a folder may be named."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", Path(model).name) or "model"
